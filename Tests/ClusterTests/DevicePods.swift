import JSON
import Testing

/// A Deployment of pods that do nothing but ask for a device.
struct DevicePods {
  var namespace: String
  var count: Int
  var resource = "instrumentation.odigos.io/generic"

  func deploy() throws {
    try Cluster.apply(
      """
      apiVersion: v1
      kind: Namespace
      metadata: {name: \(namespace)}
      ---
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: app, namespace: \(namespace)}
      spec:
        replicas: \(count)
        selector: {matchLabels: {app: app}}
        template:
          metadata: {labels: {app: app}}
          spec:
            terminationGracePeriodSeconds: 1
            automountServiceAccountToken: false
            containers:
            - name: app
              image: localhost/odigos-demo-shop:dev
              imagePullPolicy: IfNotPresent
              command: [python3, -c, "import time; time.sleep(1000000)"]
              resources: {limits: {\(resource): 1}}
      """)
  }

  func scale(_ count: Int) throws {
    try Cluster.kubectl("scale", "deployment/app", "-n", namespace, "--replicas=\(count)")
  }

  /// How many pods run and are ready.
  func running() throws -> Int {
    try Cluster.get("deployment", "app", in: namespace)?.at("status", "readyReplicas")?.int ?? 0
  }

  func waitUntilRunning(within limit: Duration = .seconds(180)) async throws {
    try await eventually("\(namespace): every pod", within: limit) {
      let deployment = try Cluster.get("deployment", "app", in: namespace)
      let wanted = deployment?.at("spec", "replicas")?.int ?? 0
      let ready = deployment?.at("status", "readyReplicas")?.int ?? 0
      return ready == wanted ? nil : "\(ready) of \(wanted) pods run"
    }
  }

  func remove() { _ = try? Cluster.kubectl("delete", "namespace", namespace, "--wait=false") }
}
