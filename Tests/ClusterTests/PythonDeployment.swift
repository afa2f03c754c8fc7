import JSON
import Testing

/// A Deployment of one container `app` from the demonstration's image, which has Python with Flask and no agents.
struct PythonDeployment {
  var name = "app"
  var namespace: String
  var replicas = 1
  /// The program, in Python.
  var program: String
  var environment: [JSONValue] = []
  var limits: JSONValue?
  /// Whether it serves on port 8080, and is ready when it does.
  var isServer = false

  var json: JSONValue {
    var container: JSONValue = [
      "name": "app", "image": "localhost/odigos-demo-shop:dev", "imagePullPolicy": "IfNotPresent",
      "command": ["python3", "-c"], "args": [.string(program)],
    ]
    if !environment.isEmpty { container["env"] = .array(environment) }
    if let limits { container["resources"] = ["limits": limits] }
    if isServer { container["readinessProbe"] = ["tcpSocket": ["port": 8080], "periodSeconds": 1] }
    return [
      "apiVersion": "apps/v1", "kind": "Deployment",
      "metadata": ["name": .string(name), "namespace": .string(namespace)],
      "spec": [
        "replicas": .int(replicas), "selector": ["matchLabels": ["app": .string(name)]],
        "template": [
          "metadata": ["labels": ["app": .string(name)]],
          "spec": ["terminationGracePeriodSeconds": 1, "containers": [container]],
        ],
      ],
    ]
  }
}

/// What a test makes in a namespace of its own.
protocol TestNamespace {
  var namespace: String { get }
}

/// A namespace that a test fills by itself.
struct BareNamespace: TestNamespace {
  var namespace: String
}

extension TestNamespace {
  /// Makes the namespace, once an earlier one of that name is gone, and what is in it.
  func create(labels: JSONValue = [:], _ objects: [JSONValue] = []) async throws {
    try await waitUntilRemoved(ifBegun: true)
    try Cluster.apply([
      ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(namespace), "labels": labels]]
    ])
    // Until then the API server refuses pods.
    try await eventually("the default account of \(namespace)") {
      try Cluster.exists("serviceaccount", "default", in: namespace) ? nil : "it is not there"
    }
    if objects.isEmpty { return }
    // And, before 1.24, until that account has a token.
    try await eventually("the objects of \(namespace)", within: .seconds(120)) {
      try Cluster.apply(objects)
      return nil
    }
  }

  func waitForRollout(_ deployment: String) async throws {
    try await Rollout.wait("deployment", deployment, in: namespace)
  }

  /// Deletes the namespace, without waiting.
  func remove() {
    do { try Cluster.delete("namespace", namespace, in: namespace) } catch { print("not removed: \(error)") }
  }

  /// Waits until the namespace is gone; with `ifBegun` only where it is on its way.
  func waitUntilRemoved(ifBegun: Bool = false) async throws {
    try await eventually("the end of an earlier \(namespace)", within: .seconds(900)) {
      guard let found = try Cluster.get("namespace", namespace, in: namespace) else { return nil }
      if ifBegun, !PodEnd.isWanted(found) { return nil }
      try PodEnd.forget(in: namespace)
      return "it is there"
    }
  }

  /// Those of its pods that are to stay: neither deleted nor ended. The kubelet refuses a pod whose device is not there
  /// at that moment; such a one stays as Failed beside its successor.
  func livePods(_ selector: String? = nil) throws -> [JSONValue] {
    try Cluster.list("pods", in: namespace, selector: selector).filter { !PodEnd.isWanted($0) && !PodEnd.hasCome($0) }
  }
}

extension Cluster {
  /// Applies objects, in their order.
  static func apply(_ objects: [JSONValue]) throws {
    let list: JSONValue = ["apiVersion": "v1", "kind": "List", "items": .array(objects)]
    try apply(String(decoding: list.serialized(), as: UTF8.self))
  }

  /// Whether a pod is ready.
  static func isReady(_ pod: JSONValue) -> Bool {
    pod.at("status", "conditions")?.array?.contains {
      $0["type"]?.string == "Ready" && $0["status"]?.string == "True"
    } ?? false
  }
}
