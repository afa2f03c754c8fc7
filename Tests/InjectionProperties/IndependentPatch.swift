import Glibc
import JSON

/// A process that applies patches with Python's `jsonpatch`, to compare what comes out with what was planned.
public final class IndependentPatch {
  private static let python = "/usr/bin/python3"
  private static let script =
    "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/") + "/apply_patches.py"

  private let process: pid_t
  private let input: UnsafeMutablePointer<FILE>
  private let output: UnsafeMutablePointer<FILE>

  /// Why it cannot be used; nil where it can.
  public static let absence: String? = {
    guard access(python, X_OK) == 0 else { return "there is no \(python)" }
    let started = start(["-c", "import jsonpatch"], input: nil, output: nil)
    var code: Int32 = 0
    guard let process = started, waitpid(process, &code, 0) == process, code == 0 else {
      return "Python has no jsonpatch; install Debian's python3-jsonpatch"
    }
    return nil
  }()

  /// Starts the process; nil where that fails.
  public init?() {
    signal(SIGPIPE, SIG_IGN)
    var toProcess: [Int32] = [0, 0]
    var fromProcess: [Int32] = [0, 0]
    guard pipe(&toProcess) == 0, pipe(&fromProcess) == 0 else { return nil }
    for descriptor in [toProcess[1], fromProcess[0]] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    let started = Self.start([Self.script], input: toProcess[0], output: fromProcess[1])
    close(toProcess[0])
    close(fromProcess[1])
    guard let started, let input = fdopen(toProcess[1], "w"), let output = fdopen(fromProcess[0], "r") else {
      return nil
    }
    process = started
    self.input = input
    self.output = output
  }

  deinit {
    fclose(input)
    fclose(output)
    var status: Int32 = 0
    waitpid(process, &status, 0)
  }

  private static func start(_ arguments: [String], input: Int32?, output: Int32?) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input { posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) }
    if let output {
      posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    } else {
      posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    }
    var pointers: [UnsafeMutablePointer<CChar>?] = ([python] + arguments).map { strdup($0) }
    defer { pointers.forEach { free($0) } }
    pointers.append(nil)
    var process: pid_t = 0
    let result = posix_spawn(&process, python, &actions, nil, &pointers, environ)
    return result == 0 ? process : nil
  }

  /// Applies the patches of several cases; answers what is wrong with each, nil where nothing is.
  public func differences(_ cases: [(pod: JSONValue, injected: InjectionCase.Injected)]) -> [String?] {
    for (pod, injected) in cases {
      var line = Array(#"{"pod":"#.utf8)
      pod.append(to: &line)
      line += Array(#","patch":"#.utf8) + (injected.patch.isEmpty ? Array("[]".utf8) : injected.patch)
      line += Array(#","planned":"#.utf8)
      injected.pod.append(to: &line)
      line += Array("}\n".utf8)
      fwrite(line, 1, line.count, input)
    }
    fflush(input)
    return cases.map { _ in
      var line: UnsafeMutablePointer<CChar>?
      var capacity = 0
      defer { free(line) }
      guard getline(&line, &capacity, output) > 0, let line else { return "the process has ended" }
      let answer = String(cString: line).filter { $0 != "\n" }
      return answer == "ok" ? nil : answer
    }
  }
}
