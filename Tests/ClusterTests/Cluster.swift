import Foundation
import JSON
import Testing

/// The real Kubernetes that the suite runs on: `hack/e2e` brings it up and starts the tests on its node, with
/// `KUBECONFIG` set and `ODIGOS_CLUSTER` naming the script that manages it.
enum Cluster {
  /// The script that manages the cluster; nil where the tests run without one.
  static let script = ProcessInfo.processInfo.environment["ODIGOS_CLUSTER"]

  /// Whether there is a cluster.
  static var isGiven: Bool { script != nil }

  /// The namespace of the system under test.
  static let systemNamespace = "odigos-system"

  /// A command that failed.
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// Runs a program to its end and returns its standard output.
  @discardableResult
  static func run(_ program: String, _ arguments: [String], input: String? = nil) throws -> String {
    let outcome = try ChildProgram.run([program] + arguments, input: input)
    guard outcome.status == 0 else {
      let command = ([program] + arguments).joined(separator: " ")
      throw Failure(description: "\(command): \(outcome.errors)\(outcome.output)")
    }
    return outcome.output
  }

  /// Runs kubectl.
  @discardableResult
  static func kubectl(_ arguments: String..., input: String? = nil) throws -> String {
    try run("kubectl", arguments, input: input)
  }

  /// Runs the installed command-line tool, as a user has it.
  @discardableResult
  static func odigos(_ arguments: String...) throws -> String { try run(".build/release/odigos", arguments) }

  /// The 33 of Kubernetes 1.33.
  static func minorVersion() throws -> Int {
    let minor = try JSONValue(parsing: try kubectl("get", "--raw", "/version"))["minor"]?.string ?? ""
    return Int(minor.prefix { $0.isNumber }) ?? 0
  }

  /// Applies a manifest.
  static func apply(_ manifest: String) throws { try kubectl("apply", "-f", "-", input: manifest) }

  /// The object, or nil when there is none.
  static func get(_ kind: String, _ name: String, in namespace: String) throws -> JSONValue? {
    let text = try kubectl("get", kind, name, "-n", namespace, "--ignore-not-found", "-o", "json")
    if text.isEmpty { return Optional.none }
    return try JSONValue(parsing: text)
  }

  /// Whether the object exists.
  static func exists(_ kind: String, _ name: String, in namespace: String) throws -> Bool {
    try get(kind, name, in: namespace).map { _ in true } ?? false
  }

  /// The objects of a kind in a namespace, or everywhere.
  static func list(_ kind: String, in namespace: String?, selector: String? = nil) throws -> [JSONValue] {
    var arguments = ["get", kind, "-o", "json"] + (namespace.map { ["-n", $0] } ?? ["-A"])
    if let selector { arguments += ["-l", selector] }
    return try JSONValue(parsing: try run("kubectl", arguments))["items"]?.array ?? []
  }
}

/// Waits for a condition with a deadline, asking again every half second.
///
/// `condition` returns nil once it holds, else what is missing; the last of these is in the failure.
func eventually(
  _ what: String, within limit: Duration = .seconds(90), sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> String?
) async throws {
  let end = ContinuousClock.now + limit
  while true {
    let missing: String?
    do { missing = try await condition() } catch { missing = "\(error)" }
    guard let missing else { return }
    if ContinuousClock.now >= end {
      Issue.record("\(what): not within \(limit): \(missing)", sourceLocation: sourceLocation)
      throw Cluster.Failure(description: "\(what): \(missing)")
    }
    try await Task.sleep(for: .milliseconds(500))
  }
}
