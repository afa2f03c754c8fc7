import Concurrency
import Glibc

/// The files that a process has mapped to execute what is in them, and what they tell by themselves.
final class MappedFiles: Sendable {
  /// The paths, each once, in the order of the mappings.
  let paths: [String]
  /// The first library of each language's runtime.
  let libraries: [RuntimeLanguage: String]
  /// The loader of which C library is mapped. musl counts where both are: a shim answers to the other's name.
  let cLibrary: CLibrary?
  /// The agents of others whose files are mapped.
  let agents: Set<String>

  /// What a process without mappings has.
  static let none = MappedFiles([])
  /// Nobody maps more files; the rest is not looked at.
  static let maximumCount = 4096

  init(_ paths: [String]) {
    self.paths = paths
    libraries = RuntimeSignature.libraries(among: paths)
    if paths.contains(where: { $0.hasBytes("/ld-musl-") || $0.hasBytes("/libc.musl-") }) {
      cLibrary = .musl
    } else {
      cLibrary = paths.contains { $0.hasBytes("/ld-linux") || $0.hasBytes("/ld64.so") } ? .glibc : nil
    }
    agents = OtherAgents.found(inMapped: paths)
  }

  /// The paths in `/proc/PID/maps`, of the mappings that may be executed.
  static func paths(_ text: [UInt8]) -> [String] {
    text.withUnsafeBufferPointer { text in paths { forEachPath(text, $0) } }
  }

  fileprivate static func paths(_ forEach: ((UnsafeBufferPointer<UInt8>) -> Bool) -> Void) -> [String] {
    var seen: Set<String> = []
    var result: [String] = []
    forEach { path in
      let name = String(decoding: path, as: UTF8.self)
      if seen.insert(name).inserted { result.append(name) }
      return result.count < maximumCount
    }
    return result
  }

  /// Calls `body` with the path of each mapping that may be executed until it answers false. The mappings of one file
  /// stand together, and of them it gets the first.
  fileprivate static func forEachPath(
    _ text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Bool
  ) {
    var last = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    forEachPart(text, endedBy: 0x0A) { line in
      // "start-end r-xp offset device inode   path"
      guard let base = line.baseAddress, let space = memchr(base, 0x20, line.count),
        let slash = memchr(base, 0x2F, line.count)
      else { return true }
      let permission = UnsafeRawPointer(space) - UnsafeRawPointer(base) + 3
      let start = UnsafeRawPointer(slash) - UnsafeRawPointer(base)
      guard permission < start, base[permission] == UInt8(ascii: "x") else { return true }
      let path = UnsafeBufferPointer(rebasing: line[start...])
      if isEqual(path, last) { return true }
      last = path
      return body(path)
    }
  }

  /// Calls `body` with each path of a list whose entries end with a zero, until it answers false; with equal ones that
  /// stand together once.
  fileprivate static func forEachName(
    _ names: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) -> Bool
  ) {
    var last = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    forEachPart(names, endedBy: 0) { name in
      guard name.first == UInt8(ascii: "/"), !isEqual(name, last) else { return true }
      last = name
      return body(name)
    }
  }

  private static func forEachPart(
    _ text: UnsafeBufferPointer<UInt8>, endedBy end: Int32, _ body: (UnsafeBufferPointer<UInt8>) -> Bool
  ) {
    guard let base = text.baseAddress else { return }
    var start = 0
    while start < text.count {
      let part = base + start
      let length = memchr(part, end, text.count - start).map { UnsafeRawPointer($0) - UnsafeRawPointer(part) }
      let count = length ?? (text.count - start)
      start += count + 1
      guard body(UnsafeBufferPointer(start: part, count: count)) else { return }
    }
  }

  private static func isEqual(_ first: UnsafeBufferPointer<UInt8>, _ second: UnsafeBufferPointer<UInt8>) -> Bool {
    guard first.count == second.count, let first = first.baseAddress, let other = second.baseAddress else {
      return false
    }
    return memcmp(first, other, second.count) == 0
  }
}

/// The lists of mapped files that have been seen: processes of one program mostly map the same.
final class MappedFilesCache: Sendable {
  private struct State {
    var known: [Int: MappedFiles] = [:]
    var paths = 0
    var isAnsweredByQuery = true
  }
  private let state = Locked(State())
  /// Some hundred bytes each.
  private static let capacity = 8192

  /// Whether the kernel answers questions about mappings, as far as is known.
  var isAnsweredByQuery: Bool { state.withLock { $0.isAnsweredByQuery } }

  /// Notes that it does not.
  func noteNoQuery() { state.withLock { $0.isAnsweredByQuery = false } }

  /// Reads `/proc/PID/maps`.
  func files(maps text: UnsafeBufferPointer<UInt8>) -> MappedFiles { files { MappedFiles.forEachPath(text, $0) } }

  /// Takes a list of paths, each ended by a zero.
  func files(names: UnsafeBufferPointer<UInt8>) -> MappedFiles { files { MappedFiles.forEachName(names, $0) } }

  /// Equal lists are recognised by a hash of their paths that nobody can foresee.
  private func files(_ forEach: ((UnsafeBufferPointer<UInt8>) -> Bool) -> Void) -> MappedFiles {
    var hasher = Hasher()
    forEach { path in
      hasher.combine(bytes: UnsafeRawBufferPointer(path))
      hasher.combine(UInt8(0))
      return true
    }
    let hash = hasher.finalize()
    if let found = state.withLock({ $0.known[hash] }) { return found }
    let files = MappedFiles(MappedFiles.paths(forEach))
    state.withLock { state in
      if state.paths > Self.capacity { (state.known, state.paths) = ([:], 0) }
      state.known[hash] = files
      state.paths += files.paths.count + 1
    }
    return files
  }
}
