import Glibc

/// The processes of a node, read from its process file system.
///
/// Processes come and go while they are read, and may hide things; everything here answers nil or less for that.
public struct ProcessTree: Sendable {
  /// Where the process file system is mounted.
  public let root: String
  private let executables = ExecutableCache()

  /// Reads the process file system that is mounted there.
  public init(root: String = NodePath.proc) { self.root = root }

  /// Enough for any arguments, environment or list of mappings; what is beyond is not looked at.
  private enum Limit {
    static let small = 64 << 10
    static let environment = 1 << 20
    static let maps = 8 << 20
  }

  /// The processes that there are now, in ascending order.
  public var pids: [Int32] { processNumbers().keys.sorted() }

  /// The processes that there are now, with the inodes of their directories: a number that is given to another process
  /// comes with another inode.
  func processNumbers() -> [Int32: UInt64] {
    var result: [Int32: UInt64] = [:]
    DirectoryListing.forEach(of: open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) { name, inode in
      var number: Int32 = 0
      for byte in name {
        guard byte != 0 else { break }
        guard (0x30...0x39).contains(byte), number < 100_000_000 else { return true }
        number = number * 10 + Int32(byte - 0x30)
      }
      if number > 0 { result[number] = inode }
      return true
    }
    return result
  }

  /// The container of a process; nil for processes of the node itself and those that have ended.
  public func container(of pid: Int32) -> ContainerReference? {
    guard let directory = ProcessDirectory(root: root, pid: pid) else { return nil }
    return container(directory)
  }

  private func container(_ directory: borrowing ProcessDirectory) -> ContainerReference? {
    directory.content("cgroup", limit: Limit.small).flatMap(ContainerReference.init(cgroups:))
  }

  /// The container of a process whose cgroup does not tell: by what the kubelet mounts into every container.
  func containerByMounts(_ pid: Int32) -> MountedContainer? {
    guard let directory = ProcessDirectory(root: root, pid: pid) else { return nil }
    return directory.content("mountinfo", limit: Limit.environment).flatMap(MountedContainer.init(mounts:))
  }

  /// The mount namespace of a process, as the kernel names it; nil when it has ended or may not be looked into.
  func mountNamespace(of pid: Int32) -> String? {
    guard let directory = ProcessDirectory(root: root, pid: pid) else { return nil }
    return directory.mountNamespace
  }

  /// Which file a process executes; nil when it has ended or may not be looked into.
  func executableIdentity(of pid: Int32) -> FileIdentity? {
    var status = stat()
    return stat("\(root)/\(pid)/exe", &status) == 0 ? FileIdentity(status) : nil
  }

  /// Seconds since the start of the machine, in clock ticks; nil where it cannot be read.
  var uptime: UInt64? {
    guard let text = BoundedFile.content("\(root)/uptime", limit: 64),
      let seconds = text.split(separator: UInt8(ascii: ".")).first.flatMap(ProcessStatus.number)
    else { return nil }
    return seconds.multipliedReportingOverflow(by: UInt64(max(1, sysconf(Int32(_SC_CLK_TCK))))).partialValue
  }

  /// The sockets that wait for connections where a process runs.
  func listeningSockets(of pid: Int32) -> ListeningSockets {
    guard let directory = ProcessDirectory(root: root, pid: pid) else { return ListeningSockets() }
    return directory.listeningSockets
  }

  /// The inodes of the sockets that a process has open.
  func sockets(of pid: Int32) -> [UInt64] {
    guard let directory = ProcessDirectory(root: root, pid: pid) else { return [] }
    return directory.sockets(limit: 1024)
  }

  /// What can be known of a process; nil when it has ended, or does not yet execute the container's program. One that
  /// becomes another program while it is read is read again, a few times.
  func facts(of pid: Int32) -> ProcessFacts? {
    guard let directory = ProcessDirectory(root: root, pid: pid) else { return nil }
    for _ in 0..<3 {
      guard let before = directory.status, !before.isBeingPrepared else { return nil }
      let executable = directory.executable
      var facts = read(directory, executable)
      guard let status = directory.status else { return nil }
      guard status.stack == before.stack, directory.executable == executable else { continue }
      facts.parent = status.parent
      facts.start = status.start
      return facts
    }
    return nil
  }

  private func read(_ directory: borrowing ProcessDirectory, _ executable: String?) -> ProcessFacts {
    var facts = ProcessFacts(pid: directory.pid, parent: 0)
    facts.executable = executable
    facts.arguments = Self.arguments(directory.content("cmdline", limit: Limit.small) ?? [])
    facts.environment = ProcessEnvironment(directory.content("environ", limit: Limit.environment) ?? [])
    facts.mappedFiles = MappedFiles.paths(directory.content("maps", limit: Limit.maps) ?? [])
    if let file = directory.openExecutable() {
      facts.program = executables.facts(file, name: facts.executableName)
    }
    facts.isSecure = directory.content("auxv", limit: Limit.small).flatMap { vector in
      AuxiliaryVector.isSecure(vector, is64Bit: facts.program?.image.is64Bit ?? true)
    }
    facts.root = directory.root
    facts.detect()
    facts.root = nil
    return facts
  }

  /// The first arguments; nothing that matters comes after many.
  private static func arguments(_ text: [UInt8]) -> [String] {
    text.split(separator: 0, maxSplits: 64, omittingEmptySubsequences: true).prefix(64)
      .map { String(decoding: $0, as: UTF8.self) }
  }
}
