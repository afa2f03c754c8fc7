import Glibc
import Synchronization

/// A program that is spoken with line by line; it ends with this object.
public final class LineProcess: Sendable {
  /// Why it did not start or say anything.
  public struct Failure: Error {
    /// The reason.
    public let message: String
  }

  /// Its process.
  public let pid: pid_t
  private let input: Int32
  private let output: Int32
  /// How it ended, once that is known; until then no other process can have its id.
  private let status = Mutex<Int32?>(nil)

  /// Starts a program, found by PATH, with its arguments and these variables, ours where there are none; its errors go
  /// where ours go.
  public init(_ program: String, _ arguments: [String], environment: [String]? = nil) throws(Failure) {
    var downward: [Int32] = [-1, -1]
    var upward: [Int32] = [-1, -1]
    guard pipe(&downward) == 0, pipe(&upward) == 0 else { throw Failure(message: "no pipes") }
    for end in downward + upward { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, downward[0], 0)
    posix_spawn_file_actions_adddup2(&actions, upward[1], 1)
    var words = ([program] + arguments).map { strdup($0) } + [nil]
    var variables = (environment ?? []).map { strdup($0) } + [nil]
    defer { (words + variables).forEach { free($0) } }
    var process: pid_t = 0
    let code =
      environment == nil
      ? posix_spawnp(&process, program, &actions, nil, &words, environ)
      : posix_spawnp(&process, program, &actions, nil, &words, &variables)
    close(downward[0])
    close(upward[1])
    guard code == 0 else {
      close(downward[1])
      close(upward[0])
      throw Failure(message: "\(program) did not start (error \(code))")
    }
    (input, output, pid) = (downward[1], upward[0], process)
  }

  deinit {
    close(input)
    close(output)
    end()
  }

  /// Whether it has ended.
  public var hasEnded: Bool { status.withLock { wait(&$0, WNOHANG) } }

  /// Kills it and waits for that; whether it still ran.
  @discardableResult public func end() -> Bool {
    status.withLock { status in
      if wait(&status, WNOHANG) { return false }
      kill(pid, SIGKILL)
      return wait(&status, 0) && status.map { $0 & 0x7f } == SIGKILL
    }
  }

  /// Notes how it has ended; whether it has.
  private func wait(_ status: inout Int32?, _ options: Int32) -> Bool {
    if status != nil { return true }
    var code: Int32 = 0
    guard waitpid(pid, &code, options) == pid else { return false }
    status = code
    return true
  }

  /// The next line that it writes.
  public func line() throws(Failure) -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while read(output, &byte, 1) == 1, byte != 0x0A { bytes.append(byte) }
    guard byte == 0x0A else { throw Failure(message: "the program ended: \(String(decoding: bytes, as: UTF8.self))") }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Says a line, and returns the line that it answers.
  public func ask(_ line: String) throws(Failure) -> String {
    var bytes = Array((line + "\n").utf8)
    while !bytes.isEmpty {
      let count = write(input, bytes, bytes.count)
      guard count > 0 else { throw Failure(message: "the program is gone") }
      bytes.removeFirst(count)
    }
    return try self.line()
  }
}
