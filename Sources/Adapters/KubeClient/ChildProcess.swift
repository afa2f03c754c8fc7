import Concurrency
import Glibc

/// Runs a program to its end and collects what it writes.
enum ChildProcess {
  /// What a program did.
  struct Outcome: Sendable {
    var output: [UInt8]
    /// The exit status, or 128 plus the signal that ended it.
    var status: Int32
  }

  /// Why a program could not be run.
  struct Failure: Error, Sendable {
    var isMissing: Bool
    var message: String
  }

  private static let maximumOutput = 1 << 20

  /// Runs a program on a thread of its own, because waiting for it blocks. Standard error is shared with this process.
  static func run(
    _ command: String, _ arguments: [String], environment: [String: String], sharesInput: Bool, timeout: Duration
  ) async -> Result<Outcome, Failure> {
    await withCheckedContinuation { continuation in
      let work = BlockingWork {
        continuation.resume(
          returning: Result { () throws(Failure) in
            try runBlocking(
              command, arguments, environment: environment, sharesInput: sharesInput,
              deadline: ContinuousClock.now + timeout)
          })
      }
      let context = Unmanaged.passRetained(work)
      var thread = pthread_t()
      if pthread_create(&thread, nil, runBlockingWork, context.toOpaque()) == 0 {
        pthread_detach(thread)
      } else {
        context.release()
        continuation.resume(returning: .failure(Failure(isMissing: false, message: "no thread to run \(command) on")))
      }
    }
  }

  private static func runBlocking(
    _ command: String, _ arguments: [String], environment: [String: String], sharesInput: Bool,
    deadline: ContinuousClock.Instant
  ) throws(Failure) -> Outcome {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw failure(command, errno) }
    defer { close(ends[0]) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let process: pid_t
    do throws(Failure) {
      process = try spawn(command, arguments, environment: environment, sharesInput: sharesInput, output: ends[1])
    } catch {
      close(ends[1])
      throw error
    }
    close(ends[1])
    let output = read(ends[0], until: deadline)
    if output == nil { kill(process, SIGKILL) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    guard let output else {
      throw Failure(isMissing: false, message: "\(command) did not end in time or wrote too much")
    }
    let signal = status & 0x7F
    return Outcome(output: output, status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal)
  }

  private static func spawn(
    _ command: String, _ arguments: [String], environment: [String: String], sharesInput: Bool, output: Int32
  ) throws(Failure) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    if !sharesInput { posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) }
    // The signals that this process blocks or ignores are none of the program's.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    sigemptyset(&none)
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
    var words = ([command] + arguments).map { strdup($0) } + [nil]
    var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (words + variables).forEach { free($0) } }
    var process: pid_t = 0
    let code = posix_spawnp(&process, command, &actions, &attributes, &words, &variables)
    guard code == 0 else { throw failure(command, code) }
    return process
  }

  /// Nil when the time or the allowed size ran out.
  private static func read(_ descriptor: Int32, until deadline: ContinuousClock.Instant) -> [UInt8]? {
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let rest = (deadline - ContinuousClock.now).components
      guard rest.seconds >= 0, output.count <= maximumOutput else { return nil }
      var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      if poll(&wait, 1, Int32(clamping: rest.seconds * 1000 + 1)) <= 0 { continue }
      let count = Glibc.read(descriptor, &buffer, buffer.count)
      if count == 0 { return output }
      if count > 0 { output.append(contentsOf: buffer[..<count]) } else if errno != EINTR { return output }
    }
  }

  private static func failure(_ command: String, _ code: Int32) -> Failure {
    Failure(isMissing: code == ENOENT, message: "cannot run \(command): \(String(cString: strerror(code)))")
  }

  /// The variables that this process was started with.
  static func ownEnvironment() -> [String: String] {
    var variables: [String: String] = [:]
    let content = (try? SmallFile.read("/proc/self/environ")) ?? []
    for line in content.split(separator: 0) {
      let text = String(decoding: line, as: UTF8.self)
      guard let equals = text.firstIndex(of: "=") else { continue }
      variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
    }
    return variables
  }
}

/// A closure on its way to a thread.
private final class BlockingWork: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

private func runBlockingWork(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let context { Unmanaged<BlockingWork>.fromOpaque(context).takeRetainedValue().body() }
  return nil
}
