import Glibc

/// A child of the test, with its standard input and output.
final class ChildProcess {
  struct Failure: Error { var code: Int32 }
  let pid: pid_t
  private let input: Int32
  private let output: Int32
  private var status: Int32?

  init(_ arguments: [String], environment: [String] = []) throws {
    var downward: [Int32] = [-1, -1]
    var upward: [Int32] = [-1, -1]
    guard pipe(&downward) == 0, pipe(&upward) == 0 else { throw Failure(code: errno) }
    for end in downward + upward { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, downward[0], 0)
    posix_spawn_file_actions_adddup2(&actions, upward[1], 1)
    var words = arguments.map { strdup($0) } + [nil]
    var variables = environment.map { strdup($0) } + [nil]
    defer { (words + variables).forEach { free($0) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, arguments[0], &actions, nil, &words, &variables)
    close(downward[0])
    close(upward[1])
    (self.pid, input, output) = (pid, downward[1], upward[0])
    guard code == 0 else { throw Failure(code: code) }
  }

  deinit {
    end()
    close(output)
  }

  /// The first line that it writes.
  func line() -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while read(output, &byte, 1) == 1, byte != 0x0A { bytes.append(byte) }
    return String(decoding: bytes, as: UTF8.self)
  }

  var hasEnded: Bool {
    if status != nil { return true }
    var code: Int32 = 0
    guard waitpid(pid, &code, WNOHANG) == pid else { return false }
    status = code
    return true
  }

  /// Kills it; whether it still ran.
  func kill() -> Bool {
    if hasEnded { return false }
    Glibc.kill(pid, SIGKILL)
    var code: Int32 = 0
    waitpid(pid, &code, 0)
    status = code
    return code & 0x7f == SIGKILL
  }

  /// Ends it.
  func end() {
    if status != nil { return }
    close(input)
    _ = kill()
  }
}
