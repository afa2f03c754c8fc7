import Foundation
import JSON
import Testing

/// The system under test, installed once for all suites with the command-line tool.
enum Installation {
  static let image = ProcessInfo.processInfo.environment["ODIGOS_TEST_IMAGE"] ?? "localhost/odigos:dev"
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

  /// Runs a body while agent files are mounted in that way, and puts the configuration back as it was: a method that
  /// is set keeps profiles from choosing one.
  static func withMountMethod(_ method: String, _ body: () async throws -> Void) async throws {
    let before = try Cluster.get("configmap", "odigos-config", in: Cluster.systemNamespace)?["data"]
    defer {
      let patch = JSONValue.object(["data": before ?? .null])
      _ = try? Cluster.kubectl(
        "patch", "configmap", "odigos-config", "-n", Cluster.systemNamespace, "--type=merge", "-p",
        String(decoding: patch.serialized(), as: UTF8.self))
    }
    try Cluster.odigos("config", "set", "mount-method", method)
    try await eventually("the mount method in force") {
      let map = try Cluster.get("configmap", "effective-config", in: Cluster.systemNamespace)
      let text = map?.at("data", "config.yaml")?.string ?? "none"
      return text.contains(method) ? nil : "not yet"
    }
    try await body()
  }
}
