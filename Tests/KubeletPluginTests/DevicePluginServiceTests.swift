import Concurrency
import HTTPTransport
import TestSupport
import Testing

@testable import KubeletPlugin

@Suite struct DevicePluginServiceTests {
  private let service = DevicePluginService(
    inventory: DeviceInventory(count: 10),
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
      (
        [["device-1"], ["device-2", "device-1"]], "container_requests[1]: device-1 is in container_requests[0] already"
      ),
      ([["device-3", "device-3"]], "container_requests[0]: device-3 is in container_requests[0] already"),
      (Array(repeating: ["device-1"], count: 11), "has 11 containers; there are only 10 devices"),
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

  @Test func saysWhyADeviceCannotBeGivenNow() {
    let service = DevicePluginService(
      inventory: DeviceInventory(count: 1, problem: "python/x.py is missing"), mounts: [])
    let error = #expect(throws: GRPCStatus.self) {
      try service.allocate(AllocateRequest([DeviceIDs(ids: ["device-0"])]))
    }
    #expect(error?.code == 9)
    #expect(error?.message == "the agent files cannot be mounted: python/x.py is missing")
  }

  @Test func refusesAnEmptyPreference() {
    let error = #expect(throws: GRPCStatus.self) { try service.preferredAllocation(PreferredAllocationRequest()) }
    #expect(error?.message.hasPrefix("container_requests is empty") == true)
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
    let inventory = DeviceInventory(count: 2)
    var first = inventory.updates().makeAsyncIterator()
    var second = inventory.updates().makeAsyncIterator()
    #expect(await first.next()?.map(\.health) == ["Healthy", "Healthy"])
    _ = await second.next()
    inventory.setProblem("no files")
    #expect(await first.next()?.map(\.health) == ["Unhealthy", "Unhealthy"])
    #expect(await second.next()?.map(\.health) == ["Unhealthy", "Unhealthy"])
    inventory.setCount(3)
    #expect(await first.next()?.map(\.id) == ["device-0", "device-1", "device-2"])
  }

  @Test func staysSilentWhenNothingChanges() async {
    let inventory = DeviceInventory(count: 1)
    var updates = inventory.updates().makeAsyncIterator()
    _ = await updates.next()
    inventory.setProblem(nil)
    inventory.setCount(1)
    inventory.setCount(2)
    #expect(await updates.next()?.count == 2)
  }

  @Test func forgetsWatchersThatEnd() async {
    let inventory = DeviceInventory(count: 1)
    let updates = inventory.updates()
    #expect(inventory.watchers.count == 1)
    inventory.beginServing()
    for await _ in updates {}
    #expect(inventory.watchers.isEmpty)
  }

  @Test func countsOnlyWhoFollowsOnThePresentSocket() async {
    let inventory = DeviceInventory(count: 1)
    let changes = Locked(0)
    inventory.onWatchersChange { changes.withLock { $0 += 1 } }
    let old = inventory.updates(in: inventory.beginServing())
    let serving = inventory.beginServing()
    #expect(inventory.watchers.isEmpty)
    for await _ in old {}
    // A call that is still on its way on a connection of the earlier socket.
    for await _ in inventory.updates(in: serving - 1) { Issue.record("it is not served any more") }
    let new = inventory.updates(in: serving, for: 7)
    #expect(inventory.watchers == [7])
    #expect(changes.withLock { $0 } == 2)
    inventory.beginServing()
    for await _ in new {}
  }
}

@Suite struct HealthServiceTests {
  private func check(_ service: String, _ status: ServingStatus) async throws -> HealthCheckResponse.Status {
    guard case .unary(let method)? = HealthService(status: status).methods[HealthAPI.check] else {
      throw GRPCStatus(12, "Check is no unary method")
    }
    return try HealthCheckResponse(protobuf: await method(HealthCheckRequest(service: service).protobuf())).status
  }

  @Test(arguments: ["", "v1beta1.DevicePlugin"]) func followsTheStatus(service: String) async throws {
    let status = ServingStatus()
    #expect(try await check(service, status) == .notServing)
    status.set(true)
    #expect(try await check(service, status) == .serving)
    status.set(false)
    #expect(try await check(service, status) == .notServing)
  }

  @Test func knowsNoOtherService() async {
    let error = await #expect(throws: GRPCStatus.self) { try await check("odigos.Coffee", ServingStatus()) }
    #expect(error?.code == 5)
    #expect(error?.message.contains("odigos.Coffee") == true)
  }

  @Test func tellsWatchersOfChangesOnly() async {
    let status = ServingStatus()
    var updates: AsyncStream<Bool>? = status.updates()
    var iterator = updates?.makeAsyncIterator()
    #expect(await iterator?.next() == false)
    status.set(false)
    status.set(true)
    #expect(await iterator?.next() == true)
    #expect(status.watcherCount == 1)
    updates = nil
    iterator = nil
    #expect(status.watcherCount == 0)
  }
}

@Suite struct ComplaintTests {
  @Test func saysTheSameOnceAMinute() {
    var complaint = Complaint()
    let start = ContinuousClock.now
    let said = [
      ("refused", 0), ("refused", 59), ("no space", 59), ("no space", 118), ("no space", 119), ("refused", 120),
    ].map { reason, second in complaint.isDue(reason, at: start + .seconds(second)) }
    #expect(said == [true, false, true, false, true, true])
  }
}
