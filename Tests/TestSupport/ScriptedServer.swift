import Glibc

/// Tests/Fixtures/http/scripted_server.py as a process that ends with this object.
public final class ScriptedServer: Sendable {
  /// Why it did not start or take its script.
  public struct Failure: Error {
    /// The reason.
    public let message: String
  }

  /// Where it listens on 127.0.0.1.
  public let port: Int
  private let process: pid_t
  private let input: Int32
  private let output: Int32

  /// Starts it; `tls` are paths of PEM files: certificate, key, and the authority of clients where they need one.
  public init(tls: [String] = []) throws(Failure) {
    let arguments =
      ["python3", Repository.path("Tests/Fixtures/http/scripted_server.py")] + (tls.isEmpty ? [] : ["--tls"] + tls)
    var downward: [Int32] = [-1, -1]
    var upward: [Int32] = [-1, -1]
    guard pipe(&downward) == 0, pipe(&upward) == 0 else { throw Failure(message: "no pipes") }
    for end in downward + upward { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, downward[0], 0)
    posix_spawn_file_actions_adddup2(&actions, upward[1], 1)
    var words = arguments.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = []
    for name in ["PATH", "HOME"] {
      if let value = getenv(name) { variables.append(strdup("\(name)=\(String(cString: value))")) }
    }
    variables.append(nil)
    defer { (words + variables).forEach { free($0) } }
    var process: pid_t = 0
    let code = posix_spawnp(&process, "python3", &actions, nil, &words, &variables)
    close(downward[0])
    close(upward[1])
    (input, output, self.process) = (downward[1], upward[0], process)
    guard code == 0, let port = Int(Self.line(from: upward[0])) else {
      throw Failure(message: "python3 did not start the scripted server (error \(code))")
    }
    self.port = port
  }

  deinit {
    close(input)
    close(output)
    kill(process, SIGTERM)
    var status: Int32 = 0
    waitpid(process, &status, 0)
  }

  /// Replaces what is answered to what; see the server's own description. `json` is on one line.
  public func play(_ json: String) throws(Failure) {
    let line = json.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n"
    var bytes = Array(line.utf8)
    while !bytes.isEmpty {
      let count = write(input, bytes, bytes.count)
      guard count > 0 else { throw Failure(message: "the scripted server is gone") }
      bytes.removeFirst(count)
    }
    guard Self.line(from: output) == "ready" else { throw Failure(message: "the scripted server took no script") }
  }

  private static func line(from descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var byte: UInt8 = 0
    while read(descriptor, &byte, 1) == 1, byte != 0x0A { bytes.append(byte) }
    return String(decoding: bytes, as: UTF8.self)
  }
}

/// Files of the repository, for tests that read them.
public enum Repository {
  /// The absolute path of a file named from the repository's top.
  public static func path(_ name: String) -> String {
    let top = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    return "/\(top)/\(name)"
  }
}
