import ProtobufWire
import TestSupport
import Testing

@testable import KubeletPlugin

/// The expected bytes were made by Google's protobuf for Python from the API's own definition.
@Suite struct MessageTests {
  private func check<Message: ProtobufMessage & Equatable>(_ message: Message, _ golden: String) throws {
    let bytes = bytes(hex: golden)
    #expect(message.protobuf() == bytes)
    #expect(try Message(protobuf: bytes) == message)
  }

  private func bytes(hex: String) -> [UInt8] {
    let digits = Array(hex)
    return stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(String(digits[$0...($0 + 1)]), radix: 16) }
  }

  @Test func options() throws {
    var options = DevicePluginOptions()
    options.preStartRequired = true
    options.getPreferredAllocationAvailable = true
    try check(options, "08011001")
    try check(DevicePluginOptions(), "")
    try check(Empty(), "")
  }

  @Test func registration() throws {
    var request = RegisterRequest()
    request.version = "v1beta1"
    request.endpoint = "instrumentation.odigos.io_generic"
    request.resourceName = "instrumentation.odigos.io/generic"
    request.options = DevicePluginOptions()
    try check(
      request,
      "0a07763162657461311221696e737472756d656e746174696f6e2e6f6469676f732e696f5f67656e65726963"
        + "1a21696e737472756d656e746174696f6e2e6f6469676f732e696f2f67656e657269632200")
  }

  @Test func devices() throws {
    var first = Device()
    first.id = "device-0"
    first.health = "Healthy"
    var second = Device()
    second.id = "device-1"
    second.health = "Unhealthy"
    var topology = TopologyInfo()
    topology.nodes = [NUMANode(id: 0), NUMANode(id: -1), NUMANode(id: 300)]
    second.topology = topology
    var response = ListAndWatchResponse()
    response.devices = [first, second]
    try check(
      response,
      "0a130a086465766963652d3012074865616c7468790a2b0a086465766963652d311209556e6865616c746879"
        + "1a140a000a0b08ffffffffffffffffff010a0308ac02")
  }

  @Test func deviceIDs() throws {
    try check(DeviceIDs(ids: ["a", "", "c"]), "0a01610a000a0163")
  }

  @Test func preferredAllocation() throws {
    var container = ContainerPreferredAllocationRequest()
    container.availableIDs = ["a", "b"]
    container.mustIncludeIDs = ["b"]
    container.allocationSize = 2
    try check(
      PreferredAllocationRequest([container, ContainerPreferredAllocationRequest()]), "0a0b0a01610a016212016218020a00")
    try check(PreferredAllocationResponse([DeviceIDs(ids: ["b", "a"])]), "0a060a01620a0161")
  }

  @Test func allocation() throws {
    try check(
      AllocateRequest([DeviceIDs(ids: ["device-7"]), DeviceIDs(ids: ["device-8", "device-9"])]),
      "0a0a0a086465766963652d370a140a086465766963652d380a086465766963652d39")
    var response = ContainerAllocateResponse()
    response.mounts = [HostMount(hostPath: "/var/odigos", containerPath: "/var/odigos").message]
    try check(
      AllocateResponse([response]), "0a1e121c0a0b2f7661722f6f6469676f73120b2f7661722f6f6469676f731801")
  }

  @Test func everythingThatAContainerCanGet() throws {
    var response = ContainerAllocateResponse()
    response.environment = ["A": "1"]
    response.mounts = [Mount(containerPath: "/c", hostPath: "/h")]
    response.devices = [DeviceSpec(containerPath: "/dev/a", hostPath: "/dev/b", permissions: "rw")]
    response.annotations = ["k": "v"]
    response.cdiDevices = [CDIDevice(name: "vendor.com/class=dev")]
    try check(
      response,
      "0a060a014112013112080a022f6312022f681a140a062f6465762f6112062f6465762f621a02727722060a016b1201762a160a14"
        + "76656e646f722e636f6d2f636c6173733d646576")
  }
}
