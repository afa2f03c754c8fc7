import ProtobufWire

/// `ContainerStatusRequest` of the Container Runtime Interface (k8s.io/cri-api), the same in v1 and v1alpha2.
struct ContainerStatusRequest: ProtobufMessage, Equatable {
  var containerID = ""
  /// Asks for the runtime's own information as well.
  var verbose = false

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: containerID = try field.string()
    case 2: verbose = try field.bool()
    default: break
    }
  }
  func write(to writer: inout ProtobufWriter) {
    writer.string(1, containerID)
    writer.bool(2, verbose)
  }
}

/// The part of `ContainerStatusResponse` that we read.
struct ContainerStatusResponse: ProtobufMessage, Equatable {
  /// The runtime's own information; containerd and CRI-O give a JSON text under `info`.
  var info: [String: String] = [:]

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    guard field.number == 2 else { return }
    let entry = try field.stringEntry()
    info[entry.key] = entry.value
  }
  func write(to writer: inout ProtobufWriter) { writer.stringMap(2, info) }
}
