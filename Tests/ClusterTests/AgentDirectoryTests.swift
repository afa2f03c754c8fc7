import Foundation
import Glibc
import JSON
import Testing

/// The node's directory of agent files: emptied, deleted and upgraded while the node agent and applications use it.
@Suite(.serialized, .enabled(if: NodeAgent.isOnOurNode, "no cluster of our own: run hack/e2e"))
struct AgentDirectoryTests {
  private static let directory = AgentDirectory.path

  init() async throws {
    try await Installation.ensure()
    try await NodeAgent.waitUntilReady()
  }

  @Test func emptiedDirectoryIsToldAndFilledAgain() async throws {
    let application = DevicePods(namespace: "e2e-files-emptied", count: 1)
    defer { application.remove() }
    try await application.deploy()
    try await application.waitUntilRunning()
    let restarts = try NodeAgent.restarts()

    var unlocked = ContinuousClock.now
    try await undoing {
      AgentDirectory.endHoldUp()
      unlocked = ContinuousClock.now
    } after: {
      try await AgentDirectory.emptyAndHoldUpRepairs(Self.directory)
      let emptied = ContinuousClock.now
      try await NodeTruth.wait("everybody is told", .withoutFiles)
      print("emptied directory to everybody told: \(ContinuousClock.now - emptied)")
      try application.scale(2)
      try await eventually("a pod that waits for the device") {
        let pods = try Cluster.list("pods", in: application.namespace)
        let messages = pods.flatMap { $0.at("status", "conditions")?.array ?? [] }.compactMap { $0["message"]?.string }
        return messages.contains { $0.contains("instrumentation.odigos.io/generic") } ? nil : "\(messages)"
      }
    }

    try await NodeTruth.wait("everything is back", .good)
    print("files may be put back to everybody told: \(ContinuousClock.now - unlocked)")
    try await application.waitUntilRunning()
    #expect(access("\(Self.directory)/python", R_OK) == 0)
    try await eventually("the agents' socket") {
      access("\(Self.directory)/exchange/exchange.sock", F_OK) == 0 ? nil : "it is missing"
    }
    #expect(try NodeAgent.restarts() == restarts, "no restart is needed for that")
  }

  @Test func deletedDirectoryComesBackWithANewContainer() async throws {
    let application = DevicePods(namespace: "e2e-files-deleted", count: 1)
    defer { application.remove() }
    try await application.deploy()
    try await application.waitUntilRunning()
    let restarts = try NodeAgent.restarts()

    // The node is a mount namespace in which the directory is a mount of another one. Deleting that leaves what every
    // container has after `rm -rf /var/odigos` on a node: a mount of a directory that is no more.
    let source = try #require(AgentDirectory.source, "hack/cluster run names the state")
    let deleted = ContinuousClock.now
    try await undoing {
      AgentDirectory.restore()
    } after: {
      try await AgentDirectory.emptyAndHoldUpRepairs(source)
      try await eventually("the deletion, beside a node agent that makes its socket anew") {
        try FileManager.default.removeItem(atPath: source)
        return nil
      }
      try await NodeTruth.wait("everybody is told", .withoutDirectory)
      print("deleted directory to everybody told: \(ContinuousClock.now - deleted)")
      #expect(try application.running() == 1)
      try AgentDirectory.mountAgain()
    }
    try await eventually("the restart by the liveness probe", within: .seconds(600)) {
      try NodeAgent.restarts() > restarts ? nil : "not yet"
    }
    print("deleted directory to new container: \(ContinuousClock.now - deleted)")
    try await NodeTruth.wait("everything is back", .good)
    print("deleted directory to everything back: \(ContinuousClock.now - deleted)")
    try application.scale(2)
    try await application.waitUntilRunning()
    #expect(access("\(Self.directory)/python", R_OK) == 0)
  }

  @Test(.enabled("there is no second version of the image: run hack/image matrix-core") { try Self.hasUpgrade() })
  func upgradeLeavesRunningProcessesTheirFiles() async throws {
    let application = PlainApplication(namespace: "e2e-files-upgrade", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    let pod = try await application.deployInstrumented()
    let old = try #require(try Self.current())
    let process = try await Self.process(of: pod, in: application)
    #expect(Self.mapped(by: process) == [old])

    try await undoing {
      try await Self.upgrade(to: Installation.image)
    } after: {
      try await Self.upgradeBeside(application, pod: pod, old: old, process: process)
    }
    #expect(try Self.current() == old)
    let next = try await Self.process(of: try application.podName("web"), in: application)
    #expect(
      Self.mapped(by: next).count == 1 && !Self.mapped(by: next).contains(old), "it keeps the files it began with")
  }

  private static func upgradeBeside(
    _ application: PlainApplication, pod: String, old: String, process: pid_t
  ) async throws {
    try await Self.upgrade(to: Self.upgradeImage)
    let new = try #require(try Self.current())
    #expect(new != old, "the two images have different agents")
    // Side by side: the process that runs has its files, none of them deleted, and goes on being seen.
    #expect(try Self.versions() == [old, new].sorted())
    #expect(Self.mapped(by: process) == [old])
    #expect(try application.podName("web") == pod)
    try await TraceSink.waitForTrace(namespace: application.namespace, services: ["web", "backend"])

    for name in ["web", "backend"] {
      try Cluster.kubectl("rollout", "restart", "deployment/\(name)", "-n", application.namespace)
    }
    for name in ["web", "backend"] { try await application.waitForRollout(name) }
    try await application.waitUntil("web", isInstrumented: true)
    let next = try await Self.process(of: try application.podName("web"), in: application)
    #expect(Self.mapped(by: next) == [new])
    // Old ones go with the last process that may use them; the agent looks when it starts, and every ten minutes.
    try await eventually("the end of the old version", within: .seconds(900)) {
      try await NodeAgent.recreatePod()
      try await NodeAgent.waitUntilReady()
      let versions = try Self.versions()
      return versions == [new] ? nil : "\(versions): \(try NodeAgent.log("odiglet").suffix(500))"
    }
    #expect(Self.mapped(by: next) == [new])
  }

  // MARK: - Versions

  private static let upgradeImage = "localhost/odigos:proof"

  private static func hasUpgrade() throws -> Bool {
    try Cluster.list("nodes", in: nil).flatMap { $0.at("status", "images")?.array ?? [] }
      .contains { $0["names"]?.array?.contains(.string(upgradeImage)) == true }
  }

  private static func upgrade(to image: String) async throws {
    PodEnd.keepLogs(of: "odiglet")
    try NodeAgent.setImage(image)
    try await Rollout.wait("daemonset", "odiglet", in: Cluster.systemNamespace)
    try await NodeAgent.waitUntilReady()
  }

  /// The name of the version that new containers get.
  private static func current() throws -> String? {
    try FileManager.default.destinationOfSymbolicLink(atPath: "\(directory)/.current").split(separator: "/").last
      .map(String.init)
  }

  private static func versions() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(directory)/.versions").filter { !$0.hasPrefix(".") }.sorted()
  }

  /// The id on this machine of the process in a pod that reports.
  private static func process(of pod: String, in application: PlainApplication) async throws -> pid_t {
    var found: pid_t?
    try await eventually("the process of \(pod)") {
      let names = try Cluster.list("instrumentationinstances", in: application.namespace)
        .compactMap { $0.at("metadata", "name")?.string }.filter { $0.hasPrefix("\(pod)-") }
      found = names.first?.split(separator: "-").last.flatMap { pid_t($0) }
      return found == nil ? "no instance of it" : nil
    }
    return try #require(found)
  }

  /// The versions of which a process has files mapped that are still there.
  private static func mapped(by process: pid_t) -> Set<String> {
    // Foundation reads the first page of such a file only.
    let maps = (try? FileHandle(forReadingAtPath: "/proc/\(process)/maps")?.readToEnd()) ?? Data()
    var versions: Set<String> = []
    for line in String(decoding: maps, as: UTF8.self).split(separator: "\n") where !line.hasSuffix("(deleted)") {
      guard let range = line.range(of: "/.versions/") else { continue }
      versions.insert(String(line[range.upperBound...].prefix { $0 != "/" }))
    }
    return versions
  }
}
