import Foundation
import JSON
import Testing

/// Runs after the other suites (`hack/e2e` calls it last): nothing of ours may be left.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct UninstallTests {
  @Test func uninstallRollsBackWorkloadsAndLeavesNothing() async throws {
    try await Installation.ensure()
    let application = PlainApplication(namespace: "e2e-uninstall", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await application.deploy()
    try await application.waitUntil("web", isInstrumented: true)

    // A second run would find less to do: what the first says is shown when it fails.
    try Cluster.run(".build/release/odigos", ["uninstall", "--yes", "--timeout", "600"])

    try await application.waitUntil("web", isInstrumented: false)
    #expect(try !Cluster.exists("namespace", Cluster.systemNamespace, in: "default"))
    let kinds = [
      "clusterroles", "clusterrolebindings", "mutatingwebhookconfigurations", "validatingwebhookconfigurations",
      "customresourcedefinitions", "deployments", "daemonsets", "services", "configmaps", "secrets",
    ]
    let later =
      try Cluster.minorVersion() < 30 ? [] : ["validatingadmissionpolicies", "validatingadmissionpolicybindings"]
    for kind in kinds + later {
      let left = try Cluster.list(kind, in: nil).compactMap { $0.at("metadata", "name")?.string }
        .filter { $0.contains("odigos") || $0.contains("odiglet") }
      #expect(left.isEmpty, "\(kind): \(left)")
    }
    let node = try #require(try Cluster.list("nodes", in: nil).first)
    let labels = node.at("metadata", "labels")?.object?.keys ?? []
    #expect(labels.allSatisfy { !$0.contains("odigos") })
    let annotations = node.at("metadata", "annotations")?.object?.keys ?? []
    #expect(annotations.allSatisfy { !$0.contains("odigos") })
    let files = (try? FileManager.default.contentsOfDirectory(atPath: "/var/odigos")) ?? []
    #expect(files.isEmpty, "files of ours on the node: \(files)")

    // A second run finds nothing and says so.
    #expect(try Cluster.odigos("uninstall", "--yes").contains("not installed"))
  }
}
