import Glibc

/// The processes of a node, read from its process file system.
///
/// Processes come and go while they are read, and may hide things; everything here answers nil or less for that.
public struct ProcessTree: Sendable {
  /// Where the process file system is mounted.
  public var root: String
  /// Reads the process file system that is mounted there.
  public init(root: String = NodePath.proc) { self.root = root }

  /// Enough for any arguments, environment or list of mappings; what is beyond is not looked at.
  private enum Limit {
    static let small = 64 << 10
    static let environment = 1 << 20
    static let maps = 8 << 20
  }

  /// The processes that there are now, in ascending order.
  public var pids: [Int32] {
    DirectoryListing.names(root, limit: 1 << 22).compactMap { Int32($0) }.sorted()
  }

  /// The processes of containers, by container id, in ascending order.
  public func processesByContainer() -> [String: [Int32]] {
    var result: [String: [Int32]] = [:]
    for pid in pids {
      guard let container = container(of: pid) else { continue }
      result[container.containerID, default: []].append(pid)
    }
    return result
  }

  /// The container of a process; nil for processes of the node itself and those that have ended.
  public func container(of pid: Int32) -> ContainerReference? {
    content(pid, "cgroup", Limit.small).flatMap(ContainerReference.init(cgroups:))
  }

  /// What can be known of a process; nil when it has ended, or has become another one while it was read.
  func facts(of pid: Int32) -> ProcessFacts? {
    guard let before = identity(of: pid) else { return nil }
    var facts = ProcessFacts(pid: pid, parent: before.parent, root: ContainerRoot(path: "\(root)/\(pid)/root"))
    facts.executable = link(pid, "exe").map { $0.hasSuffix(" (deleted)") ? String($0.dropLast(10)) : $0 }
    facts.arguments = texts(pid, "cmdline", Limit.small)
    for variable in texts(pid, "environ", Limit.environment) {
      guard let equals = variable.firstIndex(of: "="), equals != variable.startIndex else { continue }
      let name = String(variable[..<equals])
      // As getenv does, the first of a name counts.
      if facts.environment[name] == nil { facts.environment[name] = String(variable[variable.index(after: equals)...]) }
    }
    facts.mappedFiles = mappedFiles(pid)
    if let file = BoundedFile("\(root)/\(pid)/exe"), let image = ELFImage(file) {
      facts.image = image
      facts.goBuild = GoBuildInfo(file, image)
    }
    facts.isSecure = content(pid, "auxv", Limit.small).flatMap {
      AuxiliaryVector.isSecure($0, is64Bit: facts.image?.is64Bit ?? true)
    }
    guard let after = identity(of: pid), after.start == before.start else { return nil }
    return facts
  }

  /// Fields 4 and 22 of `/proc/PID/stat`; field 2 is the name in parentheses and may contain anything. A zombie has
  /// ended already.
  func identity(of pid: Int32) -> (parent: Int32, start: String)? {
    guard let text = content(pid, "stat", 4096), let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
    let fields = String(decoding: text[(end + 1)...], as: UTF8.self).split { $0 == " " || $0 == "\n" }
    guard fields.count > 19, fields[0] != "Z", let parent = Int32(fields[1]) else { return nil }
    return (parent, String(fields[19]))
  }

  private func mappedFiles(_ pid: Int32) -> [String] {
    guard let text = content(pid, "maps", Limit.maps) else { return [] }
    var seen: Set<String> = []
    var result: [String] = []
    for line in text.split(separator: UInt8(ascii: "\n")) {
      guard let slash = line.firstIndex(of: UInt8(ascii: "/")) else { continue }
      let path = String(decoding: line[slash...], as: UTF8.self)
      if seen.insert(path).inserted { result.append(path) }
    }
    return result
  }

  func content(_ pid: Int32, _ name: String, _ limit: Int) -> [UInt8]? {
    BoundedFile.content("\(root)/\(pid)/\(name)", limit: limit)
  }

  private func texts(_ pid: Int32, _ name: String, _ limit: Int) -> [String] {
    (content(pid, name, limit) ?? []).split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
  }

  private func link(_ pid: Int32, _ name: String) -> String? {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer -> String? in
      guard let start = buffer.baseAddress else { return nil }
      let count = readlink("\(root)/\(pid)/\(name)", start, buffer.count)
      guard count > 0 else { return nil }
      return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }
  }
}

/// The names in a directory.
enum DirectoryListing {
  /// The names without `.` and `..`, in no order, at most `limit`; none where the directory cannot be read.
  static func names(_ path: String, limit: Int) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while names.count < limit, let entry = readdir(directory) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }
}
