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

  /// Runs kubectl. What it is asked for must bear to be asked twice: an API server that cannot be reached is asked again.
  @discardableResult
  static func kubectl(_ arguments: String..., input: String? = nil) throws -> String {
    try kubectl(arguments, input: input)
  }

  private static func kubectl(_ arguments: [String], input: String? = nil) throws -> String {
    // What runs in a pod may take its time; all else is answered at once, or never.
    let limit = arguments.first == "exec" ? [] : ["--request-timeout=60s"]
    return try Unreachable.askedAgain { try run("kubectl", arguments + limit, input: input) }
  }

  /// Runs the installed command-line tool, as a user has it; again where it cannot reach the API server.
  @discardableResult
  static func odigos(_ arguments: String...) throws -> String {
    try Unreachable.askedAgain { try run(".build/release/odigos", arguments) }
  }

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

  /// Deletes an object that may be gone already, without waiting.
  static func delete(_ kind: String, _ name: String, in namespace: String) throws {
    try kubectl("delete", kind, name, "-n", namespace, "--wait=false", "--ignore-not-found")
  }

  /// Whether the object exists.
  static func exists(_ kind: String, _ name: String, in namespace: String) throws -> Bool {
    try get(kind, name, in: namespace).map { _ in true } ?? false
  }

  /// The objects of a kind in a namespace, or everywhere.
  static func list(_ kind: String, in namespace: String?, selector: String? = nil) throws -> [JSONValue] {
    var arguments = ["get", kind, "-o", "json"] + (namespace.map { ["-n", $0] } ?? ["-A"])
    if let selector { arguments += ["-l", selector] }
    return try JSONValue(parsing: try kubectl(arguments))["items"]?.array ?? []
  }
}
