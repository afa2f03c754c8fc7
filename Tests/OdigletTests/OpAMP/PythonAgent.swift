import Glibc
import JSON
import TestSupport
import Testing

/// OpenTelemetry's own OpAMP library for Python as an agent, in a process of its own.
struct PythonAgent {
  private let process: LineProcess

  /// Its process.
  var pid: Int32 { process.pid }

  /// Nil, with the reason printed, where the library is not there.
  init?(_ kind: String, _ address: String) throws {
    guard let interpreter = PythonInterpreter.importing("opentelemetry._opamp") else { return nil }
    process = try LineProcess(
      interpreter, [Repository.path("Tests/OdigletTests/OpAMP/opamp_peer.py"), kind, address])
  }

  /// Sends a message; see the program.
  func say(_ message: JSONValue) throws -> JSONValue {
    try JSONValue(parsing: try process.ask(String(decoding: message.serialized(), as: UTF8.self)))
  }

  /// Ends at once.
  func end() { process.end() }
}
