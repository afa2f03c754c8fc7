import JSON
import Testing
import YAML

/// An application that knows nothing of OpenTelemetry, in a namespace of its own: `web` asks `backend` at each of its
/// requests, and asks itself once a second.
struct PlainApplication: TestNamespace {
  var namespace: String
  /// Labels of the namespace from the start.
  var labels = ""

  private static let server = """
    import os, threading, time, urllib.request
    from flask import Flask
    app = Flask(__name__)
    @app.route('/')
    def index():
        url = os.environ.get('BACKEND')
        return urllib.request.urlopen(url, timeout=3).read() if url else 'ok'
    def shopper():
        while True:
            time.sleep(1)
            try: urllib.request.urlopen('http://127.0.0.1:8080/', timeout=3).read()
            except OSError: pass
    if os.environ.get('BACKEND'): threading.Thread(target=shopper, daemon=True).start()
    app.run(host='0.0.0.0', port=8080)
    """

  /// Creates the namespace and both Deployments and waits until they are available.
  func deploy() async throws {
    let service: JSONValue = [
      "apiVersion": "v1", "kind": "Service",
      "metadata": ["name": "backend", "namespace": .string(namespace)],
      "spec": ["selector": ["app": "backend"], "ports": [["port": 8080]]],
    ]
    try await create(
      labels: try YAML.parse(Array("{\(labels)}".utf8)),
      [
        deployment("backend", environment: []), service,
        deployment("web", environment: [["name": "BACKEND", "value": "http://backend:8080/"]]),
      ])
    for name in ["backend", "web"] { try await waitForRollout(name) }
  }

  /// The same in a namespace that is opted in; answers the name of the pod of `web` once that is instrumented.
  func deployInstrumented() async throws -> String {
    try await deploy()
    try await waitUntil("web", isInstrumented: true)
    return try podName("web")
  }

  private func deployment(_ name: String, environment: [JSONValue]) -> JSONValue {
    PythonDeployment(
      name: name, namespace: namespace, program: Self.server, environment: environment, isServer: true
    ).json
  }

  /// A Source for one of its Deployments or for the namespace.
  func addSource(_ kind: String, _ name: String, disabled: Bool = false, serviceName: String? = nil) throws {
    try Cluster.apply(
      """
      apiVersion: odigos.io/v1alpha1
      kind: Source
      metadata: {name: \(kind.lowercased())-\(name), namespace: \(namespace)}
      spec:
        workload: {kind: \(kind), name: \(name), namespace: \(namespace)}
        disableInstrumentation: \(disabled)
        \(serviceName.map { "otelServiceName: \($0)" } ?? "")
      """)
  }

  /// The pods of a Deployment that are not being deleted.
  func pods(_ deployment: String) throws -> [JSONValue] { try livePods("app=\(deployment)") }

  func podName(_ deployment: String) throws -> String {
    try #require(try pods(deployment).first?.at("metadata", "name")?.string)
  }

  /// Waits until the Deployment's pods, and no others, are (not) instrumented and run.
  func waitUntil(_ deployment: String, isInstrumented wanted: Bool, within limit: Duration = .seconds(600)) async throws
  {
    try await eventually("\(namespace)/\(deployment) \(wanted ? "instrumented" : "plain")", within: limit) {
      let pods = try pods(deployment)
      guard !pods.isEmpty else { return "it has no pods" }
      for pod in pods {
        let marks = PodMarks(pod)
        if wanted ? !marks.isInstrumented : !marks.found.isEmpty {
          let config = try Cluster.get("instrumentationconfig", "deployment-\(deployment)", in: namespace)
          return
            "marks of its pod: \(marks.found); conditions: \(config?.at("status", "conditions").map { "\($0)" } ?? "none")"
        }
        if !Cluster.isReady(pod) { return "pod \(pod.at("metadata", "name")?.string ?? "") is not ready" }
      }
      return nil
    }
  }
}

extension PlainApplication {
  /// Waits until nothing is kept of one of its Deployments.
  func waitUntilUnknown(_ deployment: String) async throws {
    try await eventually("\(namespace)/\(deployment): no InstrumentationConfig") {
      try Cluster.exists("instrumentationconfig", "deployment-\(deployment)", in: namespace) ? "it is there" : nil
    }
  }
}

/// What of ours is in a pod.
struct PodMarks {
  /// The marks that were found, in words.
  var found: [String] = []

  init(_ pod: JSONValue) {
    if pod.at("metadata", "labels", "odigos.io/agents-meta-hash") != nil { found.append("label") }
    for volume in pod.at("spec", "volumes")?.array ?? [] where volume["name"]?.string == "odigos-agent" {
      found.append("volume")
    }
    for container in pod.at("spec", "containers")?.array ?? [] {
      if container.at("resources", "limits", "instrumentation.odigos.io/generic") != nil { found.append("device") }
      for mount in container["volumeMounts"]?.array ?? []
      where mount["mountPath"]?.string?.hasPrefix("/var/odigos") == true { found.append("mount") }
      for variable in container["env"]?.array ?? [] {
        let name = variable["name"]?.string ?? ""
        let isOurs = name.hasPrefix("ODIGOS_") || name.hasPrefix("OTEL_") || name == "NODE_IP"
        if isOurs || variable["value"]?.string?.contains("/var/odigos") == true { found.append("variable \(name)") }
      }
    }
  }

  /// Whether the pod has the label, variables, and the files by device or volume.
  var isInstrumented: Bool {
    found.contains("label") && (found.contains("device") || found.contains("volume"))
      && found.contains("variable ODIGOS_CONTAINER_NAME")
  }
}
