@testable import ProcessInspection

/// The kernel's vector for a process, against a plain reading of it.
enum AuxiliaryVectorTarget {
  static func run(_ bytes: [UInt8]) {
    for size in [4, 8] {
      let found = AuxiliaryVector.isSecure(bytes, is64Bit: size == 8)
      require(found == plain(bytes, size), "\(found as Bool?) for words of \(size)")
    }
  }

  private static func plain(_ bytes: [UInt8], _ size: Int) -> Bool? {
    func word(_ start: Int) -> UInt64 {
      bytes[start..<(start + size)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    for start in stride(from: 0, to: bytes.count - 2 * size + 1, by: 2 * size) {
      switch word(start) {
      case 0: return nil
      case 23: return word(start + size) != 0
      default: continue
      }
    }
    return nil
  }
}

/// A process's variables: no others than the wanted ones come out, each with the value that getenv would find.
enum EnvironmentTarget {
  private static let names = Set(ProcessEnvironment.names.map { Array($0.utf8) })

  static func run(_ bytes: [UInt8]) {
    let environment = ProcessEnvironment(bytes)
    require(environment.values.keys.allSatisfy(ProcessEnvironment.names.contains), "a variable that nobody asked for")
    require(environment.oversized.isEmpty, "a short value is called long")
    var plain: [String: String] = [:]
    for variable in bytes.split(separator: 0) {
      guard let equals = variable.firstIndex(of: UInt8(ascii: "=")), names.contains(Array(variable[..<equals])) else {
        continue
      }
      let name = String(decoding: variable[..<equals], as: UTF8.self)
      guard plain[name] == nil else { continue }
      plain[name] = String(decoding: variable[(equals + 1)...], as: UTF8.self)
    }
    require(environment.values == plain, "other values than getenv would find")
    var facts = ProcessFacts(pid: 1, parent: 0)
    facts.environment = environment
    for (variable, value) in EnvironmentCapture.variables(of: facts) {
      let again = EnvironmentCapture.withoutOwnParts(variable, value)
      require(again == value, "our parts of \(variable) are not all taken out at once")
    }
    _ = OtherAgents.found(in: [facts])
  }
}

/// A process's mappings, against a plain reading of them; and the versions that paths tell.
enum MappedFilesTarget {
  static func run(_ bytes: [UInt8]) {
    let paths = MappedFiles.paths(bytes)
    var plain: [String] = []
    for line in bytes.split(separator: 0x0A) {
      guard let slash = line.firstIndex(of: 0x2F), let space = line.firstIndex(of: 0x20), space + 3 < slash,
        line[space + 3] == UInt8(ascii: "x")
      else { continue }
      let path = String(decoding: line[slash...], as: UTF8.self)
      if !plain.contains(path) { plain.append(path) }
    }
    require(paths == plain, "other paths")
    var facts = ProcessFacts(pid: 1, parent: 0)
    facts.mappings = MappedFiles(paths)
    facts.executable = paths.first
    facts.detect()
    _ = facts.cLibrary
    let isVersion = facts.runtime?.version.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
    require(isVersion ?? true, "\(facts.runtime?.version ?? "") is no version")
  }
}

/// Which container a process is in.
enum CgroupTarget {
  static func run(_ bytes: [UInt8]) {
    if let container = ContainerReference(cgroups: bytes) {
      require(container.containerID.utf8.count == 64, "an id of another length")
      require(container.containerID.utf8.allSatisfy(ContainerReference.isHexDigit), "an id with other characters")
      require(contains(bytes, container.containerID), "an id that is not there")
      if let pod = container.podUID { require(ContainerReference.isPodUID(pod), "\(pod) is no UID") }
    }
    if let mounted = MountedContainer(mounts: bytes) {
      require(ContainerReference.isPodUID(mounted.podUID), "\(mounted.podUID) is no UID")
      require(!mounted.containerName.isEmpty && !mounted.containerName.contains("/"), "no name of a container")
    }
  }

  private static func contains(_ bytes: [UInt8], _ text: String) -> Bool {
    String(decoding: bytes, as: UTF8.self).utf8.split(separator: 0x0A).contains { line in
      line.count >= text.utf8.count
        && (0...(line.count - text.utf8.count)).contains { line.dropFirst($0).starts(with: text.utf8) }
    }
  }
}

/// Who waits for connections, and what state a process is in.
enum SocketsTarget {
  static func run(_ bytes: [UInt8]) {
    var sockets = ListeningSockets()
    sockets.add(tcp: bytes)
    require(sockets.ports.values.allSatisfy { $0 <= 65535 }, "a port beyond all ports")
    require(sockets.ports.count <= bytes.split(separator: 0x0A).count, "more sockets than lines")
    sockets.add(unix: bytes)
    if let inode = ListeningSockets.inode(ofLink: bytes) {
      require(Array("socket:[".utf8) + plain(inode) + [UInt8(ascii: "]")] == withoutZeros(bytes), "another inode")
    }
    if let status = ProcessStatus(bytes) {
      require(bytes.contains(UInt8(ascii: ")")), "a status without a name")
      require(status.state != UInt8(ascii: " "), "a state that is none")
    }
  }

  private static func plain(_ number: UInt64) -> [UInt8] { Array(String(number).utf8) }

  /// Without the zeros that numbers may begin with.
  private static func withoutZeros(_ link: [UInt8]) -> [UInt8] {
    let digits = link[8..<(link.count - 1)].drop { $0 == 0x30 }
    return link[..<8] + (digits.isEmpty ? [0x30] : Array(digits)) + [UInt8(ascii: "]")]
  }
}
