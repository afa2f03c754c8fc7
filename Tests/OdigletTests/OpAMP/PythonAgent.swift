import Glibc
import JSON
import TestSupport
import Testing

/// OpenTelemetry's own OpAMP library for Python as an agent, in a process of its own.
struct PythonAgent {
  private static let environment = "/tmp/odigos-test-opamp"
  private static let package = "opentelemetry-opamp-client==0.5b0"
  private static let search = Task<String?, Never> { find() }

  private let process: LineProcess

  /// Its process.
  var pid: Int32 { process.pid }

  /// Nil, with the reason printed, where the library is not there and cannot be had.
  init?(_ kind: String, _ address: String) async throws {
    guard let interpreter = await Self.search.value else { return nil }
    process = try LineProcess(
      interpreter, [Repository.path("Tests/OdigletTests/OpAMP/opamp_peer.py"), kind, address])
  }

  /// Sends a message; see the program.
  func say(_ message: JSONValue) throws -> JSONValue {
    try JSONValue(parsing: try process.ask(String(decoding: message.serialized(), as: UTF8.self)))
  }

  /// Ends at once.
  func end() { process.end() }

  private static func find() -> String? {
    let interpreter = "\(environment)/bin/python"
    if works([interpreter, "-c", "import opentelemetry._opamp"]) { return interpreter }
    guard works(["python3", "-m", "venv", environment]),
      works(["\(environment)/bin/pip", "install", "-q", package]),
      works([interpreter, "-c", "import opentelemetry._opamp"])
    else {
      print("skipped: \(package) is not installed and pip could not install it into \(environment)")
      return nil
    }
    return interpreter
  }

  private static func works(_ words: [String]) -> Bool {
    var arguments = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    var pid: pid_t = 0
    guard posix_spawnp(&pid, words[0], nil, nil, &arguments, environ) == 0 else { return false }
    var status: Int32 = 0
    return waitpid(pid, &status, 0) == pid && status == 0
  }
}
