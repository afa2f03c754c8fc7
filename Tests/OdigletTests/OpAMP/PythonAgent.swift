import Glibc
import JSON
import TestSupport
import Testing

/// OpenTelemetry's own OpAMP library for Python as an agent, in a process of its own.
struct PythonAgent {
  /// The interpreter that `hack/setup` has given the library; nil where there is none.
  private static let interpreter: String? = {
    guard let given = getenv("ODIGOS_TEST_PYTHON").map({ String(cString: $0) }),
      works([given, "-c", "import opentelemetry._opamp"])
    else {
      print("skipped: there is no Python with opentelemetry-opamp-client; hack/test sets ODIGOS_TEST_PYTHON")
      return nil
    }
    return given
  }()

  private let process: LineProcess

  /// Its process.
  var pid: Int32 { process.pid }

  /// Nil, with the reason printed, where the library is not there.
  init?(_ kind: String, _ address: String) throws {
    guard let interpreter = Self.interpreter else { return nil }
    process = try LineProcess(
      interpreter, [Repository.path("Tests/OdigletTests/OpAMP/opamp_peer.py"), kind, address])
  }

  /// Sends a message; see the program.
  func say(_ message: JSONValue) throws -> JSONValue {
    try JSONValue(parsing: try process.ask(String(decoding: message.serialized(), as: UTF8.self)))
  }

  /// Ends at once.
  func end() { process.end() }

  private static func works(_ words: [String]) -> Bool {
    var arguments = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    var pid: pid_t = 0
    guard posix_spawnp(&pid, words[0], nil, nil, &arguments, environ) == 0 else { return false }
    var status: Int32 = 0
    return waitpid(pid, &status, 0) == pid && status == 0
  }
}
