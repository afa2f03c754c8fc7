import Glibc
import Testing

/// A program as a real peer: curl, h2load, openssl, Python.
struct PeerProcess {
  struct Outcome {
    var status: Int32
    var output: String
    var errors: String
  }

  /// The full path of a program of PATH.
  static func path(of program: String) -> String? {
    if program.hasPrefix("/") { return access(program, X_OK) == 0 ? program : nil }
    let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
    return path.split(separator: ":").map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
  }

  /// Runs the program to its end; `input` is its standard input.
  static func run(_ program: String, _ arguments: [String], input: [UInt8] = []) async throws -> Outcome {
    guard let path = path(of: program) else { throw PeerFailure.missing(program) }
    return try await withCheckedThrowingContinuation { continuation in
      // Waiting for a process would take a thread of the pool that the tests themselves run on.
      BlockingThread.run { continuation.resume(with: Result { try runHere(path, arguments, input) }) }
    }
  }

  private static func runHere(_ path: String, _ arguments: [String], _ input: [UInt8]) throws -> Outcome {
    let outputFile = try ScratchFile()
    let errorFile = try ScratchFile()
    let inputFile = try ScratchFile(input)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, inputFile.path, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, outputFile.path, O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, errorFile.path, O_WRONLY, 0)
    var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    argv.append(nil)
    defer { for argument in argv { free(argument) } }
    var process = pid_t()
    guard posix_spawn(&process, path, &actions, nil, argv, environ) == 0 else { throw PeerFailure.spawn }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let code = status & 0x7f == 0 ? status >> 8 & 0xff : 128 + status & 0x7f
    return Outcome(status: code, output: try outputFile.text(), errors: try errorFile.text())
  }
}

/// What went wrong with a peer before the test could begin.
enum PeerFailure: Error {
  case missing(String)
  case scratchFile
  case spawn
  case connect
}

/// A thread of its own for what blocks.
enum BlockingThread {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  static func run(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { argument in
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
      }, Unmanaged.passRetained(Body(body)).toOpaque())
    pthread_detach(thread)
  }

  /// The result of what blocks.
  static func result<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      run { continuation.resume(with: Swift.Result { try body() }) }
    }
  }
}

/// A file under /tmp that goes with its value.
final class ScratchFile {
  let path: String

  init(_ bytes: [UInt8] = []) throws {
    var template = Array("/tmp/odigos-test-XXXXXX".utf8CString)
    let fd = template.withUnsafeMutableBufferPointer { $0.baseAddress.map { mkstemp($0) } ?? -1 }
    guard fd >= 0 else { throw PeerFailure.scratchFile }
    path = template.withUnsafeBufferPointer {
      String(decoding: $0.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { write(fd, $0.baseAddress.map { $0 + written }, bytes.count - written) }
      guard count > 0 else { throw PeerFailure.scratchFile }
      written += count
    }
    close(fd)
  }

  deinit { unlink(path) }

  func text() throws -> String {
    let fd = open(path, O_RDONLY)
    guard fd >= 0 else { throw PeerFailure.scratchFile }
    defer { close(fd) }
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(fd, &buffer, buffer.count)
      guard count > 0 else { return String(decoding: result, as: UTF8.self) }
      result += buffer[..<count]
    }
  }
}

/// A program that runs until `stop`.
final class RunningPeer: Sendable {
  private let process: pid_t
  private let input: Int32

  init(_ program: String, _ arguments: [String]) throws {
    var pipes: [Int32] = [0, 0]
    guard pipe(&pipes) == 0 else { throw PeerFailure.spawn }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, pipes[0], 0)
    posix_spawn_file_actions_addclose(&actions, pipes[1])
    var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    argv.append(nil)
    defer { for argument in argv { free(argument) } }
    var process = pid_t()
    let code = posix_spawn(&process, program, &actions, nil, argv, environ)
    close(pipes[0])
    guard code == 0 else { throw PeerFailure.spawn }
    self.process = process
    input = pipes[1]
  }

  func stop() {
    close(input)
    kill(process, SIGKILL)
    var status: Int32 = 0
    waitpid(process, &status, 0)
  }
}
