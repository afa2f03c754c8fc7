import JSON
import Testing

/// A Deployment of pods that do nothing but ask for a device.
struct DevicePods: TestNamespace {
  var namespace: String
  var count: Int
  var resource = "instrumentation.odigos.io/generic"

  func deploy() async throws {
    let deployment = PythonDeployment(
      namespace: namespace, replicas: count, program: "import time; time.sleep(1000000)",
      limits: .object([resource: 1]))
    try await create([deployment.json])
  }

  func scale(_ count: Int) throws {
    try Cluster.kubectl("scale", "deployment/app", "-n", namespace, "--replicas=\(count)")
  }

  /// How many pods run and are ready.
  func running() throws -> Int {
    try Cluster.get("deployment", "app", in: namespace)?.at("status", "readyReplicas")?.int ?? 0
  }

  func waitUntilRunning(within limit: Duration = .seconds(600)) async throws {
    try await eventually("\(namespace): every pod", within: limit) {
      let deployment = try Cluster.get("deployment", "app", in: namespace)
      let wanted = deployment?.at("spec", "replicas")?.int ?? 0
      let ready = deployment?.at("status", "readyReplicas")?.int ?? 0
      return ready == wanted ? nil : "\(ready) of \(wanted) pods run"
    }
  }
}
