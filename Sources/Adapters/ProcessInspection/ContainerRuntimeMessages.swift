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
  /// The image that runs, by the runtime's own name for it.
  var imageReference = ""
  /// The runtime's own information; containerd and CRI-O give a JSON text under `info`.
  var info: [String: String] = [:]

  private struct Status: ProtobufMessage {
    var imageReference = ""
    mutating func read(_ field: ProtobufField) throws(ProtobufError) {
      if field.number == 9 { imageReference = try field.string() }
    }
    func write(to writer: inout ProtobufWriter) { writer.string(9, imageReference) }
  }

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: imageReference = try Status(protobuf: Array(field.bytes())).imageReference
    case 2:
      let entry = try field.stringEntry()
      info[entry.key] = entry.value
    default: break
    }
  }
  func write(to writer: inout ProtobufWriter) {
    if !imageReference.isEmpty { writer.message(1, Status(imageReference: imageReference)) }
    writer.stringMap(2, info)
  }
}

/// `ImageStatusRequest` of the Container Runtime Interface, the same in v1 and v1alpha2.
struct ImageStatusRequest: ProtobufMessage, Equatable {
  var imageReference = ""
  /// Asks for the runtime's own information as well.
  var verbose = false

  private struct Specification: ProtobufMessage {
    var image = ""
    mutating func read(_ field: ProtobufField) throws(ProtobufError) {
      if field.number == 1 { image = try field.string() }
    }
    func write(to writer: inout ProtobufWriter) { writer.string(1, image) }
  }

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: imageReference = try Specification(protobuf: Array(field.bytes())).image
    case 2: verbose = try field.bool()
    default: break
    }
  }
  func write(to writer: inout ProtobufWriter) {
    writer.message(1, Specification(image: imageReference))
    writer.bool(2, verbose)
  }
}

/// The part of `ImageStatusResponse` that we read.
struct ImageStatusResponse: ProtobufMessage, Equatable {
  /// The runtime's own information; containerd and CRI-O give a JSON text under `info`.
  var info: [String: String] = [:]

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    guard field.number == 2 else { return }
    let entry = try field.stringEntry()
    info[entry.key] = entry.value
  }
  func write(to writer: inout ProtobufWriter) { writer.stringMap(2, info) }
}
