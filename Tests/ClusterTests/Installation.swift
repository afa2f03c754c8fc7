import Foundation
import JSON

/// The system under test, installed once for all suites with the command-line tool.
enum Installation {
  private static let image = ProcessInfo.processInfo.environment["ODIGOS_TEST_IMAGE"] ?? "localhost/odigos:dev"
  private static let result: Result<Void, any Error> = Result {
    try Cluster.odigos("install", "--namespace", Cluster.systemNamespace, "--image", image)
    try TraceSink.deploy()
  }

  /// Installs on the first call.
  static func ensure() throws { try result.get() }

  /// Scales the instrumentor and waits until it is so.
  static func scaleInstrumentor(_ replicas: Int) throws {
    let namespace = Cluster.systemNamespace
    try Cluster.kubectl("scale", "deployment/odigos-instrumentor", "-n", namespace, "--replicas=\(replicas)")
    if replicas == 0 {
      try Cluster.kubectl(
        "wait", "pod", "-n", namespace, "-l", "app.kubernetes.io/name=odigos-instrumentor", "--for=delete",
        "--timeout=60s")
    } else {
      try Cluster.kubectl("rollout", "status", "deployment/odigos-instrumentor", "-n", namespace, "--timeout=60s")
    }
  }

  /// Goes back to the default mount method.
  static func restoreMountMethod() {
    _ = try? Cluster.odigos("profile", "remove", "mount-method-k8s-host-path")
  }
}
