import Glibc

/// A program that runs until this is released.
final class RunningProgram {
  let pid: Int32

  /// Starts a program with exactly this environment; nil where it is not installed.
  init?(_ arguments: [String], environment: [String] = []) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
    defer { (words + variables).forEach { free($0) } }
    var child: pid_t = 0
    guard let program = arguments.first, access(program, X_OK) == 0,
      posix_spawn(&child, program, &actions, nil, &words, &variables) == 0
    else { return nil }
    pid = child
  }

  /// The first of these files that there is.
  static func installed(_ paths: [String]) -> String? { paths.first { access($0, X_OK) == 0 } }

  /// Ends it and takes its status.
  func end() {
    kill(pid, SIGKILL)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
  }

  deinit { end() }
}
