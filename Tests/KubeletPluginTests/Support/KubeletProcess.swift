import Glibc
import TestSupport
import Testing

/// A program of Tests/Fixtures/kubelet as a process that ends with this object; kubelet.py unless another is named.
final class KubeletProcess: Sendable {
  private let process: pid_t
  private let input: Int32
  private let output: String

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// Starts it with a directory, or what else it takes as its argument, and waits until it says `ready`.
  init(_ program: String = "kubelet.py", directory: String, saying ready: String = "ready") async throws {
    guard let python = PythonWithGRPC.path else { throw Failure(description: "no grpcio") }
    output = "\(directory).log-\(UInt32.random(in: 0...UInt32.max))"
    var ends: [Int32] = [-1, -1]
    guard pipe2(&ends) else { throw Failure(description: "pipe: errno \(errno)") }
    input = ends[1]
    process = try spawn(
      [python, Repository.path("Tests/Fixtures/kubelet/\(program)"), directory], input: ends[0], output: output)
    close(ends[0])
    try await expect(ready)
  }

  deinit {
    close(input)
    kill(process, SIGKILL)
    var status: Int32 = 0
    waitpid(process, &status, 0)
    unlink(output)
  }

  /// Gives it a command.
  func command(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    _ = write(input, bytes, bytes.count)
  }

  /// What it has printed.
  var lines: [String] { textOfFile(output).split(separator: "\n").map(String.init) }

  /// Waits until a line begins with `text` for the `count`th time; answers that line.
  @discardableResult
  func expect(_ text: String, count: Int = 1, sourceLocation: SourceLocation = #_sourceLocation) async throws -> String
  {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
      let found = lines.filter { $0.hasPrefix(text) }
      if found.count >= count { return found[count - 1] }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("no line \"\(text)\" among: \(textOfFile(output))", sourceLocation: sourceLocation)
    throw Failure(description: "no line \(text)")
  }
}

/// A Python with grpcio, protobuf and hpack; nil where there is none.
enum PythonWithGRPC {
  static var path: String? { PythonInterpreter.importing("grpc", "google.protobuf", "hpack") }
}

private func pipe2(_ ends: inout [Int32]) -> Bool {
  guard pipe(&ends) == 0 else { return false }
  for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
  return true
}

private func spawn(_ arguments: [String], input: Int32?, output: String) throws -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  defer { posix_spawn_file_actions_destroy(&actions) }
  if let input { posix_spawn_file_actions_adddup2(&actions, input, 0) }
  posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
  posix_spawn_file_actions_adddup2(&actions, 1, 2)
  var words = arguments.map { strdup($0) } + [nil]
  defer { for word in words { free(word) } }
  var process = pid_t()
  guard posix_spawn(&process, arguments[0], &actions, nil, &words, environ) == 0 else {
    throw KubeletProcess.Failure(description: "cannot start \(arguments[0])")
  }
  return process
}

private func textOfFile(_ path: String) -> String {
  let file = open(path, O_RDONLY)
  guard file >= 0 else { return "" }
  defer { close(file) }
  var bytes = [UInt8](repeating: 0, count: 1 << 20)
  let count = read(file, &bytes, bytes.count)
  return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
}
