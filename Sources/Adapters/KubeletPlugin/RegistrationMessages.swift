import ProtobufWire

/// `v1beta1.Empty`.
struct Empty: ProtobufMessage, Equatable {
  init() {}
  mutating func read(_ field: ProtobufField) throws(ProtobufError) {}
  func write(to writer: inout ProtobufWriter) {}
}

/// `v1beta1.DevicePluginOptions`: which optional calls the kubelet shall make.
struct DevicePluginOptions: ProtobufMessage, Equatable {
  var preStartRequired = false
  var getPreferredAllocationAvailable = false

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: preStartRequired = try field.bool()
    case 2: getPreferredAllocationAvailable = try field.bool()
    default: break
    }
  }
  func write(to writer: inout ProtobufWriter) {
    writer.bool(1, preStartRequired)
    writer.bool(2, getPreferredAllocationAvailable)
  }
}

/// `v1beta1.RegisterRequest`: what a plugin tells the kubelet about itself.
struct RegisterRequest: ProtobufMessage, Equatable {
  var version = ""
  /// The name of the plugin's socket in the kubelet's directory.
  var endpoint = ""
  var resourceName = ""
  var options: DevicePluginOptions?

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: version = try field.string()
    case 2: endpoint = try field.string()
    case 3: resourceName = try field.string()
    case 4: options = try field.message()
    default: break
    }
  }
  func write(to writer: inout ProtobufWriter) {
    writer.string(1, version)
    writer.string(2, endpoint)
    writer.string(3, resourceName)
    writer.message(4, options)
  }
}

/// `v1beta1.NUMANode`.
struct NUMANode: ProtobufMessage, Equatable {
  var id: Int64 = 0

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    if field.number == 1 { id = try field.integer() }
  }
  func write(to writer: inout ProtobufWriter) { writer.integer(1, id) }
}

/// `v1beta1.TopologyInfo`.
struct TopologyInfo: ProtobufMessage, Equatable {
  var nodes: [NUMANode] = []

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    if field.number == 1 { nodes.append(try field.message()) }
  }
  func write(to writer: inout ProtobufWriter) { writer.messages(1, nodes) }
}

/// `v1beta1.Device`.
struct Device: ProtobufMessage, Equatable {
  var id = ""
  /// `Healthy` or `Unhealthy`.
  var health = ""
  var topology: TopologyInfo?

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: id = try field.string()
    case 2: health = try field.string()
    case 3: topology = try field.message()
    default: break
    }
  }
  func write(to writer: inout ProtobufWriter) {
    writer.string(1, id)
    writer.string(2, health)
    writer.message(3, topology)
  }
}

/// `v1beta1.ListAndWatchResponse`: all devices, each time one changes.
struct ListAndWatchResponse: ProtobufMessage, Equatable {
  var devices: [Device] = []

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    if field.number == 1 { devices.append(try field.message()) }
  }
  func write(to writer: inout ProtobufWriter) { writer.messages(1, devices) }
}
