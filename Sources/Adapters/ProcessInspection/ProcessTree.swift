import CShims
import Glibc

/// The processes of a node, read from its process file system.
///
/// Processes come and go while they are read, and may hide things; everything here answers nil or less for that.
public struct ProcessTree: Sendable {
  /// Where the process file system is mounted.
  public let root: String
  private let executables = ExecutableCache()
  private let mappings = MappedFilesCache()

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
  /// comes with another inode, and one whose directory the kernel had forgotten as well.
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
  public func container(of pid: Int32) -> ContainerReference? { container(of: pid, ReadBuffer(capacity: 4096)) }

  func container(of pid: Int32, _ buffer: ReadBuffer) -> ContainerReference? {
    buffer.content("\(root)/\(pid)/cgroup", limit: Limit.small).flatMap(ContainerReference.init(cgroups:))
  }

  /// The container of a process whose cgroup does not tell: by what the kubelet mounts into every container.
  func containerByMounts(_ pid: Int32) -> MountedContainer? {
    ReadBuffer().withContent("\(root)/\(pid)/mountinfo", limit: Limit.environment, inPieces: true) {
      MountedContainer(mounts: Array($0))
    }.flatMap(\.self)
  }

  /// The mount namespace of a process, as the kernel names it; nil when it has ended or may not be looked into.
  func mountNamespace(of pid: Int32) -> String? {
    guard let directory = ProcessDirectory(root: root, pid: pid) else { return nil }
    return directory.mountNamespace
  }

  /// Which file a process executes; nil when it has ended or may not be looked into. It is asked under locks, so it
  /// must not wait for the file system that the program is on.
  func executableIdentity(of pid: Int32) -> FileIdentity? {
    var status = stat()
    return shim_known_status(AT_FDCWD, "\(root)/\(pid)/exe", &status) == 0 ? FileIdentity(status) : nil
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
  func facts(of pid: Int32) -> ProcessFacts? { facts(of: ListedProcess(pid: pid), in: nil, ReadBuffer()) }

  /// The same for a process that was listed as one of a container: not when its number is another container's by now.
  func facts(of process: ListedProcess, in container: ContainerKey?, _ buffer: ReadBuffer) -> ProcessFacts? {
    guard let directory = ProcessDirectory(root: root, pid: process.pid) else { return nil }
    if let inode = process.inode, let container, directory.inode != inode {
      guard isIn(container, directory, buffer) else { return nil }
    }
    guard let facts = facts(directory, buffer) else { return nil }
    guard facts.executable == nil, let status = directory.status(buffer), status.isLedByAnother,
      let thread = directory.livingThread, var others = self.facts(thread, buffer)
    else { return facts }
    others.parent = status.parent
    others.start = status.start
    return others
  }

  private func facts(_ directory: borrowing ProcessDirectory, _ buffer: ReadBuffer) -> ProcessFacts? {
    // Every program has its own: it says where the stack begins, which the kernel chooses anew.
    var vector = directory.content("auxv", limit: Limit.small, buffer)
    for attempt in 0..<3 {
      var facts = read(directory, vector, buffer)
      guard let status = directory.status(buffer), !status.isBeingPrepared else { return nil }
      let after = directory.content("auxv", limit: Limit.small, buffer)
      let isSame = after == vector
      vector = after
      guard isSame else { continue }
      // In the middle of an exec the kernel has not filled in yet where environment and vector are.
      if facts.isBeingExecuted, attempt < 2 { continue }
      facts.parent = status.parent
      facts.start = status.start
      return facts
    }
    return nil
  }

  private func isIn(_ container: ContainerKey, _ directory: borrowing ProcessDirectory, _ buffer: ReadBuffer) -> Bool {
    if let text = directory.content("cgroup", limit: Limit.small, buffer),
      let found = ContainerReference(cgroups: text)
    {
      return found.containerID == container.id
    }
    guard let mounted = container.mounted,
      let mounts = directory.withPieces(of: "mountinfo", limit: Limit.environment, buffer, { Array($0) })
    else { return false }
    return MountedContainer(mounts: mounts) == mounted
  }

  private func read(
    _ directory: borrowing ProcessDirectory, _ vector: [UInt8]?, _ buffer: ReadBuffer
  ) -> ProcessFacts {
    var facts = ProcessFacts(pid: directory.pid, parent: 0)
    facts.executable = directory.executable
    let commandLine = directory.content("cmdline", limit: Limit.small, buffer) ?? []
    facts.arguments = Self.arguments(commandLine)
    facts.laterArguments = Self.laterArguments(commandLine, after: facts.arguments.count)
    facts.environment = ProcessEnvironment(directory.content("environ", limit: Limit.environment, buffer) ?? [])
    facts.mappings = directory.mappings(limit: Limit.maps, buffer, mappings) ?? .none
    if let identity = directory.executableIdentity {
      facts.program = executables.facts(identity, name: facts.executableName) { directory.openExecutable() }
    }
    if let vector {
      facts.isBeingExecuted = AuxiliaryVector.isEmpty(vector)
      facts.isSecure = AuxiliaryVector.isSecure(vector, is64Bit: facts.program?.image.is64Bit ?? true)
    }
    facts.root = directory.root
    facts.detect()
    facts.root = nil
    return facts
  }

  /// The first arguments: those tell which program it is.
  private static func arguments(_ text: [UInt8]) -> [String] {
    text.split(separator: 0, maxSplits: maximumArguments, omittingEmptySubsequences: true).prefix(maximumArguments)
      .map { String(decoding: $0, as: UTF8.self) }
  }

  /// The others, as one text: agents may be named in any.
  private static func laterArguments(_ text: [UInt8], after count: Int) -> String? {
    guard count == maximumArguments else { return nil }
    let rest = text.split(separator: 0, maxSplits: count, omittingEmptySubsequences: true).dropFirst(count).first
    return rest.map { String(decoding: $0, as: UTF8.self) }
  }

  private static let maximumArguments = 64
}
