import Glibc
import Synchronization

/// A Python that has the packages of others which tests speak to. Tests install nothing: `hack/setup build` makes an
/// environment that has them, which `hack/test` and `hack/e2e` name in `ODIGOS_TEST_PYTHON`.
public enum PythonInterpreter {
  private static let found = Mutex<[[String]: String?]>([:])

  /// The path of one that can import these modules: the one that is named, that of `hack/setup`, or the machine's own;
  /// nil, with the reason printed once, where none can.
  public static func importing(_ modules: String...) -> String? {
    found.withLock { known in
      if let answer = known[modules] { return answer }
      let answer = candidates.first { succeeds([$0, "-c", "import \(modules.joined(separator: ", "))"]) }
      if answer == nil {
        print(
          "skipped: no Python can import \(modules.joined(separator: ", ")) (tried: "
            + "\(candidates.joined(separator: ", "))); hack/setup build makes one, ODIGOS_TEST_PYTHON names another")
      }
      known[modules] = answer
      return answer
    }
  }

  private static var candidates: [String] {
    [variable("ODIGOS_TEST_PYTHON")].compactMap(\.self) + environments + ["/usr/bin/python3"]
  }

  /// Those that `hack/setup` has made, as hack/lib.sh names them.
  private static var environments: [String] {
    let cache =
      variable("ODIGOS_CACHE") ?? (variable("XDG_CACHE_HOME") ?? "\(variable("HOME") ?? "")/.cache") + "/odigos"
    var matches = glob_t()
    defer { globfree(&matches) }
    guard glob("\(cache)/peer-*/complete", 0, nil, &matches) == 0 else { return [] }
    return (0..<Int(matches.gl_pathc)).compactMap { index in
      matches.gl_pathv[index].map {
        String(decoding: Array(String(cString: $0).utf8).dropLast("complete".utf8.count), as: UTF8.self)
      }
    }.map { "\($0)bin/python" }
  }

  private static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  private static func succeeds(_ words: [String]) -> Bool {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", O_WRONLY, 0)
    }
    var arguments = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var process: pid_t = 0
    guard posix_spawn(&process, words[0], &actions, nil, &arguments, environ) == 0 else { return false }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return status == 0
  }
}
