import JSON

/// What an application of the matrix answers to a request: an agent may change none of it.
struct MatrixAnswer: Equatable, CustomStringConvertible {
  /// As curl writes it: the body, and the status in a line of its own.
  private var text: String

  /// Asks the application itself; a pod without an address, or that says nothing, is an error.
  init(pod: JSONValue) throws {
    guard let address = pod.at("status", "podIP")?.string else {
      throw Cluster.Failure(description: "\(pod.at("metadata", "name")?.string ?? "a pod") has no address")
    }
    let host = address.contains(":") ? "[\(address)]" : address
    text = try Cluster.run("curl", ["-sS", "-m", "10", "-w", "\n%{http_code}", "http://\(host):8080/"])
  }

  /// Of each application by its name, as it answers without an agent.
  static func ofAll(_ cases: [MatrixCase], namespace: String) throws -> [String: MatrixAnswer] {
    var answers: [String: MatrixAnswer] = [:]
    for item in cases {
      let pods = try Cluster.list("pods", in: namespace, selector: "app=\(item.name)")
      guard let pod = pods.first(where: { $0.at("metadata", "deletionTimestamp") == nil && Cluster.isReady($0) }) else {
        throw Cluster.Failure(description: "\(item.name) is not ready without an agent")
      }
      let answer = try MatrixAnswer(pod: pod)
      guard answer.text.hasSuffix("\n200"), answer.text.contains(item.answers) else {
        throw Cluster.Failure(description: "\(item.name) answers \(answer) without an agent, not \"\(item.answers)\"")
      }
      answers[item.name] = answer
    }
    return answers
  }

  var description: String { "\"\(text.prefix(300))\"" }
}
