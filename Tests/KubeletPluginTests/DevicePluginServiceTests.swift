import HTTPTransport
import TestSupport
import Testing

@testable import KubeletPlugin

@Suite struct DevicePluginServiceTests {
  private let service = DevicePluginService(
    inventory: DeviceInventory(count: 10, isHealthy: true),
    mounts: [HostMount(hostPath: "/var/odigos", containerPath: "/var/odigos")])

  @Test func answersEachContainerWithTheMount() throws {
    let response = try service.allocate(
      AllocateRequest([DeviceIDs(ids: ["device-0"]), DeviceIDs(ids: ["device-1", "device-9"])]))
    #expect(response.containers.count == 2)
    for container in response.containers {
      #expect(container.mounts == [Mount(containerPath: "/var/odigos", hostPath: "/var/odigos", readOnly: true)])
      #expect(container.environment.isEmpty && container.devices.isEmpty && container.annotations.isEmpty)
    }
  }

  @Test(
    arguments: [
      ([], "container_requests is empty"),
      ([["device-0"], []], "container_requests[1]: devicesIDs is empty"),
      ([["device-10"]], "container_requests[0]: there is no device \"device-10\""),
      ([["device-1", "gpu-1"]], "there is no device \"gpu-1\""),
      ([["device-01"]], "there is no device \"device-01\""),
      ([["device--1"]], "there is no device \"device--1\""),
      ([[""]], "there is no device \"\""),
    ] as [([[String]], String)])
  func namesWhatIsWrongWithARequest(ids: [[String]], message: String) {
    let error = #expect(throws: GRPCStatus.self) {
      try service.allocate(AllocateRequest(ids.map { DeviceIDs(ids: $0) }))
    }
    #expect(error?.code == 3)
    #expect(error?.message.contains(message) == true)
  }

  @Test(
    arguments: [
      (["a", "b", "c"], ["b"], 2, ["b", "a"]), (["a", "b"], [], 2, ["a", "b"]), (["a"], ["a"], 1, ["a"]),
      ([], [], 0, []),
    ] as [([String], [String], Int64, [String])])
  func prefersWhatMustBeThenWhatIsThere(available: [String], required: [String], size: Int64, chosen: [String]) throws {
    let request = ContainerPreferredAllocationRequest(
      availableIDs: available, mustIncludeIDs: required, allocationSize: size)
    #expect(try service.preferredAllocation(PreferredAllocationRequest([request])).containers.map(\.ids) == [chosen])
  }

  @Test(
    arguments: [
      (["a"], ["a", "b"], 1, "must_include_deviceIDs names 2"), (["a"], [], 2, "available_deviceIDs has only 1"),
      ([], [], -1, "allocation_size is -1"),
    ] as [([String], [String], Int64, String)])
  func refusesPreferencesThatCannotBeMet(available: [String], required: [String], size: Int64, message: String) {
    let request = ContainerPreferredAllocationRequest(
      availableIDs: available, mustIncludeIDs: required, allocationSize: size)
    let error = #expect(throws: GRPCStatus.self) {
      try service.preferredAllocation(PreferredAllocationRequest([request]))
    }
    #expect(error?.code == 3)
    #expect(error?.message.contains(message) == true)
  }

  @Test func refusesGarbage() async throws {
    guard case .unary(let allocate)? = service.methods[DevicePluginAPI.allocate] else {
      Issue.record("Allocate is no unary method")
      return
    }
    let error = await #expect(throws: GRPCStatus.self) { try await allocate([0x0a, 0xff]) }
    #expect(error?.code == 3)
  }
}

@Suite struct DeviceInventoryTests {
  @Test func tellsEveryWatcherWhenSomethingChanges() async {
    let inventory = DeviceInventory(count: 2, isHealthy: true)
    var first = inventory.updates().makeAsyncIterator()
    var second = inventory.updates().makeAsyncIterator()
    #expect(await first.next()?.map(\.health) == ["Healthy", "Healthy"])
    _ = await second.next()
    inventory.setHealthy(false)
    #expect(await first.next()?.map(\.health) == ["Unhealthy", "Unhealthy"])
    #expect(await second.next()?.map(\.health) == ["Unhealthy", "Unhealthy"])
    inventory.setCount(3)
    #expect(await first.next()?.map(\.id) == ["device-0", "device-1", "device-2"])
  }

  @Test func staysSilentWhenNothingChanges() async {
    let inventory = DeviceInventory(count: 1, isHealthy: true)
    var updates = inventory.updates().makeAsyncIterator()
    _ = await updates.next()
    inventory.setHealthy(true)
    inventory.setCount(1)
    inventory.setCount(2)
    #expect(await updates.next()?.count == 2)
  }

  @Test func forgetsWatchersThatEnd() async {
    let inventory = DeviceInventory(count: 1, isHealthy: true)
    let updates = inventory.updates()
    #expect(inventory.watcherCount == 1)
    inventory.endWatchers()
    for await _ in updates {}
    #expect(inventory.watcherCount == 0)
  }
}
