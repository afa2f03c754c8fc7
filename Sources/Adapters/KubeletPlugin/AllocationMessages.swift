import ProtobufWire

/// `v1beta1.PreStartContainerRequest`; also `ContainerAllocateRequest` and `ContainerPreferredAllocationResponse`,
/// which have the same single field.
struct DeviceIDs: ProtobufMessage, Equatable {
  var ids: [String] = []

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    if field.number == 1 { ids.append(try field.string()) }
  }
  func write(to writer: inout ProtobufWriter) { writer.strings(1, ids) }
}

/// `v1beta1.ContainerPreferredAllocationRequest`.
struct ContainerPreferredAllocationRequest: ProtobufMessage, Equatable {
  var availableIDs: [String] = []
  var mustIncludeIDs: [String] = []
  var allocationSize: Int64 = 0

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: availableIDs.append(try field.string())
    case 2: mustIncludeIDs.append(try field.string())
    case 3: allocationSize = try field.integer()
    default: break
    }
  }
  func write(to writer: inout ProtobufWriter) {
    writer.strings(1, availableIDs)
    writer.strings(2, mustIncludeIDs)
    writer.integer(3, allocationSize)
  }
}

/// A message whose only field, 1, repeats a message: `v1beta1.PreferredAllocationRequest`,
/// `PreferredAllocationResponse`, `AllocateRequest` and `AllocateResponse`, an element for each container.
struct ContainerMessages<Element: ProtobufMessage & Equatable>: ProtobufMessage, Equatable {
  var containers: [Element] = []

  init() {}
  init(_ containers: [Element]) { self.containers = containers }

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    if field.number == 1 { containers.append(try field.message()) }
  }
  func write(to writer: inout ProtobufWriter) { writer.messages(1, containers) }
}

typealias AllocateRequest = ContainerMessages<DeviceIDs>
typealias AllocateResponse = ContainerMessages<ContainerAllocateResponse>
typealias PreferredAllocationRequest = ContainerMessages<ContainerPreferredAllocationRequest>
typealias PreferredAllocationResponse = ContainerMessages<DeviceIDs>

/// `v1beta1.Mount`: a directory of the host in a container.
struct Mount: ProtobufMessage, Equatable {
  var containerPath = ""
  var hostPath = ""
  var readOnly = false

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: containerPath = try field.string()
    case 2: hostPath = try field.string()
    case 3: readOnly = try field.bool()
    default: break
    }
  }
  func write(to writer: inout ProtobufWriter) {
    writer.string(1, containerPath)
    writer.string(2, hostPath)
    writer.bool(3, readOnly)
  }
}

/// `v1beta1.DeviceSpec`: a device node of the host in a container.
struct DeviceSpec: ProtobufMessage, Equatable {
  var containerPath = ""
  var hostPath = ""
  var permissions = ""

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1: containerPath = try field.string()
    case 2: hostPath = try field.string()
    case 3: permissions = try field.string()
    default: break
    }
  }
  func write(to writer: inout ProtobufWriter) {
    writer.string(1, containerPath)
    writer.string(2, hostPath)
    writer.string(3, permissions)
  }
}

/// `v1beta1.CDIDevice`: a device by its qualified name of the Container Device Interface.
struct CDIDevice: ProtobufMessage, Equatable {
  var name = ""

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    if field.number == 1 { name = try field.string() }
  }
  func write(to writer: inout ProtobufWriter) { writer.string(1, name) }
}

/// `v1beta1.ContainerAllocateResponse`: what the kubelet adds to a container that got devices.
struct ContainerAllocateResponse: ProtobufMessage, Equatable {
  var environment: [String: String] = [:]
  var mounts: [Mount] = []
  var devices: [DeviceSpec] = []
  var annotations: [String: String] = [:]
  var cdiDevices: [CDIDevice] = []

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    switch field.number {
    case 1:
      let entry = try field.stringEntry()
      environment[entry.key] = entry.value
    case 2: mounts.append(try field.message())
    case 3: devices.append(try field.message())
    case 4:
      let entry = try field.stringEntry()
      annotations[entry.key] = entry.value
    case 5: cdiDevices.append(try field.message())
    default: break
    }
  }
  func write(to writer: inout ProtobufWriter) {
    writer.stringMap(1, environment)
    writer.messages(2, mounts)
    writer.messages(3, devices)
    writer.stringMap(4, annotations)
    writer.messages(5, cdiDevices)
  }
}
