import HTTPTransport
import ProtobufWire

/// What the plugin answers to the kubelet.
struct DevicePluginService: Sendable {
  var inventory: DeviceInventory
  /// What a container with a device sees of the host.
  var mounts: [HostMount]
  /// Which serving this is, by the inventory.
  var serving = 0

  /// Neither optional call is needed: all devices are alike, and a container needs no preparation. Both are answered
  /// all the same.
  static let options = DevicePluginOptions()

  var methods: [String: GRPCMethod] {
    [
      DevicePluginAPI.getDevicePluginOptions: .unary { (request: [UInt8]) async throws(GRPCStatus) -> [UInt8] in
        _ = try Self.decode(Empty.self, request)
        return Self.options.protobuf()
      },
      DevicePluginAPI.listAndWatch: .serverStreaming { (request, writer) async throws(GRPCStatus) in
        _ = try Self.decode(Empty.self, request)
        for await devices in inventory.updates(in: serving, for: writer.peer?.processID) {
          var response = ListAndWatchResponse()
          response.devices = devices
          try await writer.write(response.protobuf())
        }
      },
      DevicePluginAPI.getPreferredAllocation: .unary { (request: [UInt8]) async throws(GRPCStatus) -> [UInt8] in
        try preferredAllocation(try Self.decode(PreferredAllocationRequest.self, request)).protobuf()
      },
      DevicePluginAPI.allocate: .unary { (request: [UInt8]) async throws(GRPCStatus) -> [UInt8] in
        try allocate(try Self.decode(AllocateRequest.self, request)).protobuf()
      },
      DevicePluginAPI.preStartContainer: .unary { (request: [UInt8]) async throws(GRPCStatus) -> [UInt8] in
        try check(try Self.decode(DeviceIDs.self, request).ids, of: "the container")
        return Empty().protobuf()
      },
    ]
  }

  func allocate(_ request: AllocateRequest) throws(GRPCStatus) -> AllocateResponse {
    guard !request.containers.isEmpty else {
      throw GRPCStatus(StatusCode.invalidArgument, "container_requests is empty; name the devices of a container")
    }
    // Of more containers than devices, some would share one.
    guard request.containers.count <= inventory.count else {
      throw GRPCStatus(
        StatusCode.invalidArgument,
        "container_requests has \(request.containers.count) containers; there are only \(inventory.count) devices")
    }
    if let problem = inventory.problem {
      throw GRPCStatus(StatusCode.failedPrecondition, "the agent files cannot be mounted: \(problem)")
    }
    var response = AllocateResponse()
    var owners: [String: Int] = [:]
    for (index, container) in request.containers.enumerated() {
      try check(container.ids, of: "container_requests[\(index)]")
      for id in container.ids {
        if let owner = owners.updateValue(index, forKey: id) {
          throw GRPCStatus(
            StatusCode.invalidArgument, "container_requests[\(index)]: \(id) is in container_requests[\(owner)] already"
          )
        }
      }
      var answer = ContainerAllocateResponse()
      answer.mounts = mounts.map(\.message)
      response.containers.append(answer)
    }
    return response
  }

  func preferredAllocation(_ request: PreferredAllocationRequest) throws(GRPCStatus) -> PreferredAllocationResponse {
    guard !request.containers.isEmpty else {
      throw GRPCStatus(StatusCode.invalidArgument, "container_requests is empty; name the devices to choose from")
    }
    var response = PreferredAllocationResponse()
    for (index, container) in request.containers.enumerated() {
      let size = Int(container.allocationSize)
      let required = container.mustIncludeIDs
      guard size >= required.count else {
        throw GRPCStatus(
          StatusCode.invalidArgument,
          "container_requests[\(index)]: allocation_size is \(size), but must_include_deviceIDs names \(required.count)"
        )
      }
      let requiredSet = Set(required)
      let others = container.availableIDs.filter { !requiredSet.contains($0) }
      guard size <= required.count + others.count else {
        throw GRPCStatus(
          StatusCode.invalidArgument,
          "container_requests[\(index)]: allocation_size is \(size), but available_deviceIDs has only "
            + "\(required.count + others.count)")
      }
      var answer = DeviceIDs()
      answer.ids = required + others.prefix(size - required.count)
      response.containers.append(answer)
    }
    return response
  }

  private func check(_ ids: [String], of request: String) throws(GRPCStatus) {
    guard !ids.isEmpty else {
      throw GRPCStatus(StatusCode.invalidArgument, "\(request): devicesIDs is empty; name at least one device")
    }
    for id in ids where !inventory.contains(id) {
      throw GRPCStatus(StatusCode.invalidArgument, "\(request): there is no device \"\(id.prefix(64))\"")
    }
  }

  private static func decode<Message: ProtobufMessage>(_: Message.Type, _ bytes: [UInt8]) throws(GRPCStatus) -> Message
  {
    do { return try Message(protobuf: bytes) } catch {
      throw GRPCStatus(StatusCode.invalidArgument, "the request is no \(Message.self): \(error)")
    }
  }
}

/// A directory of the host that a container with a device sees, read-only.
public struct HostMount: Sendable, Hashable {
  /// The directory on the host.
  public var hostPath: String
  /// Where the container sees it.
  public var containerPath: String
  /// Makes a mount.
  public init(hostPath: String, containerPath: String) {
    self.hostPath = hostPath
    self.containerPath = containerPath
  }

  var message: Mount {
    var mount = Mount()
    mount.hostPath = hostPath
    mount.containerPath = containerPath
    mount.readOnly = true
    return mount
  }
}
