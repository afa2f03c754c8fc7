import Glibc

/// Tests/Fixtures/http/scripted_server.py as a process that ends with this object.
public final class ScriptedServer: Sendable {
  /// Where it listens on 127.0.0.1.
  public let port: Int
  private let process: LineProcess

  /// Starts it; `tls` are paths of PEM files: certificate, key, and the authority of clients where they need one.
  public init(tls: [String] = []) throws(LineProcess.Failure) {
    var variables: [String] = []
    for name in ["PATH", "HOME"] {
      if let value = getenv(name) { variables.append("\(name)=\(String(cString: value))") }
    }
    process = try LineProcess(
      "python3",
      [Repository.path("Tests/Fixtures/http/scripted_server.py")] + (tls.isEmpty ? [] : ["--tls"] + tls),
      environment: variables)
    let line = try process.line()
    guard let port = Int(line) else { throw LineProcess.Failure(message: "the scripted server said \(line)") }
    self.port = port
  }

  /// Replaces what is answered to what; see the server's own description. `json` is on one line.
  public func play(_ json: String) throws(LineProcess.Failure) {
    let answer = try process.ask(json.split(whereSeparator: \.isNewline).joined(separator: " "))
    guard answer == "ready" else { throw LineProcess.Failure(message: "the scripted server took no script: \(answer)") }
  }
}
