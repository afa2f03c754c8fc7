import JSON

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

extension TestNamespace {
  /// Makes the namespace and what is in it.
  func create(labels: JSONValue = [:], _ objects: [JSONValue]) throws {
    let own: JSONValue = [
      "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(namespace), "labels": labels],
    ]
    try Cluster.apply([own] + objects)
  }

  func waitForRollout(_ deployment: String) throws {
    try Cluster.kubectl("rollout", "status", "deployment/\(deployment)", "-n", namespace, "--timeout=90s")
  }

  /// Deletes the namespace, without waiting.
  func remove() { _ = try? Cluster.kubectl("delete", "namespace", namespace, "--wait=false", "--ignore-not-found") }
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
