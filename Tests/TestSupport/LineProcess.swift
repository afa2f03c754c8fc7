import Glibc

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

  /// Starts a program of PATH with its arguments; its errors go where ours go.
  public init(_ program: String, _ arguments: [String]) throws(Failure) {
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
    defer { words.forEach { free($0) } }
    var process: pid_t = 0
    let code = posix_spawnp(&process, program, &actions, nil, &words, environ)
    close(downward[0])
    close(upward[1])
    (input, output, pid) = (downward[1], upward[0], process)
    guard code == 0 else { throw Failure(message: "\(program) did not start (error \(code))") }
  }

  deinit {
    close(input)
    close(output)
    end()
  }

  /// Ends it at once and waits for that.
  public func end() {
    kill(pid, SIGKILL)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
  }

  /// Says a line, and returns the line that it answers.
  public func ask(_ line: String) throws(Failure) -> String {
    var bytes = Array((line + "\n").utf8)
    while !bytes.isEmpty {
      let count = write(input, bytes, bytes.count)
      guard count > 0 else { throw Failure(message: "the program is gone") }
      bytes.removeFirst(count)
    }
    var answer: [UInt8] = []
    var byte: UInt8 = 0
    while read(output, &byte, 1) == 1, byte != 0x0A { answer.append(byte) }
    guard byte == 0x0A else { throw Failure(message: "the program ended: \(String(decoding: answer, as: UTF8.self))") }
    return String(decoding: answer, as: UTF8.self)
  }
}
