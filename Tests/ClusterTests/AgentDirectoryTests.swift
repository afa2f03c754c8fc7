import Foundation
import Glibc
import JSON
import Testing

/// The node's directory of agent files: emptied, deleted and upgraded while the node agent and applications use it.
@Suite(.serialized, .enabled(if: NodeAgent.isReachable, "no cluster of our own: run hack/e2e"))
struct AgentDirectoryTests {
  private static let directory = "/var/odigos"

  init() async throws {
    try Installation.ensure()
    try await NodeAgent.waitUntilReady()
  }

  @Test func emptiedDirectoryIsToldAndFilledAgain() async throws {
    let application = DevicePods(namespace: "e2e-files-emptied", count: 1)
    defer { application.remove() }
    try application.deploy()
    try await application.waitUntilRunning()
    let restarts = try NodeAgent.restarts()

    try Self.emptyAndHoldUpRepairs(Self.directory)
    let emptied = ContinuousClock.now
    let outcome: Result<Void, any Error>
    do {
      try await NodeTruth.wait("everybody is told", .withoutFiles)
      print("emptied directory to everybody told: \(ContinuousClock.now - emptied)")
      try application.scale(2)
      try await eventually("a pod that waits for the device") {
        let pods = try Cluster.list("pods", in: application.namespace)
        let messages = pods.flatMap { $0.at("status", "conditions")?.array ?? [] }.compactMap { $0["message"]?.string }
        return messages.contains { $0.contains("instrumentation.odigos.io/generic") } ? nil : "\(messages)"
      }
      outcome = .success(())
    } catch {
      outcome = .failure(error)
    }
    try FileManager.default.removeItem(atPath: "\(Self.directory)/.versions")
    let unlocked = ContinuousClock.now
    try outcome.get()

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
    try application.deploy()
    try await application.waitUntilRunning()
    let restarts = try NodeAgent.restarts()

    // The node is a mount namespace in which the directory is a mount of another one. Deleting that leaves what every
    // container has after `rm -rf /var/odigos` on a node: a mount of a directory that is no more.
    let state = try #require(ProcessInfo.processInfo.environment["STATE"], "hack/cluster run names the state")
    let source = "\(state)/odigos"
    let deleted = ContinuousClock.now
    try Self.emptyAndHoldUpRepairs(source)
    try await eventually("the deletion, beside a node agent that makes its socket anew") {
      try FileManager.default.removeItem(atPath: source)
      return nil
    }
    try await NodeTruth.wait("everybody is told", .withoutDirectory)
    print("deleted directory to everybody told: \(ContinuousClock.now - deleted)")
    #expect(try application.running() == 1)
    // A container runtime makes the host's directory that a new container mounts; on this node it is mounted as well.
    try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: false)
    try Cluster.run("umount", ["-l", Self.directory])
    try Cluster.run("mount", ["--bind", source, Self.directory])
    try await eventually("the restart by the liveness probe", within: .seconds(180)) {
      try NodeAgent.restarts() > restarts ? nil : "not yet"
    }
    print("deleted directory to new container: \(ContinuousClock.now - deleted)")
    try await NodeTruth.wait("everything is back", .good, within: .seconds(120))
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

    try await Self.upgrade(to: Self.upgradeImage)
    defer { try? Self.setImage(Installation.image) }
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
    for name in ["web", "backend"] { try application.waitForRollout(name) }
    try await application.waitUntil("web", isInstrumented: true)
    let next = try await Self.process(of: try application.podName("web"), in: application)
    #expect(Self.mapped(by: next) == [new])
    // Old ones go with the last process that may use them; the agent looks when it starts, and every ten minutes.
    try await eventually("the end of the old version", within: .seconds(120)) {
      try NodeAgent.recreatePod()
      try await NodeAgent.waitUntilReady()
      let versions = try Self.versions()
      return versions == [new] ? nil : "\(versions): \(try NodeAgent.log("odiglet").suffix(500))"
    }
    #expect(Self.mapped(by: next) == [new])

    try await Self.upgrade(to: Installation.image)
    #expect(try Self.current() == old)
    #expect(Self.mapped(by: next) == [new])
  }

  /// Empties the directory but for a file where agent files are to be written: as long as that is there nothing can be put
  /// back, and the truth can be looked at.
  private static func emptyAndHoldUpRepairs(_ directory: String) throws {
    let files = FileManager.default
    try files.moveItem(atPath: "\(directory)/.versions", toPath: "\(directory)/.aside")
    try Data().write(to: URL(fileURLWithPath: "\(directory)/.versions"))
    for name in try files.contentsOfDirectory(atPath: directory) where name != ".versions" {
      try files.removeItem(atPath: "\(directory)/\(name)")
    }
  }

  // MARK: - Versions

  private static let upgradeImage = "localhost/odigos:proof"

  private static func hasUpgrade() throws -> Bool {
    try Cluster.list("nodes", in: nil).flatMap { $0.at("status", "images")?.array ?? [] }
      .contains { $0["names"]?.array?.contains(.string(upgradeImage)) == true }
  }

  private static func setImage(_ image: String) throws {
    try Cluster.kubectl(
      "set", "image", "daemonset/odiglet", "-n", Cluster.systemNamespace, "init=\(image)", "odiglet=\(image)")
  }

  private static func upgrade(to image: String) async throws {
    try setImage(image)
    try Cluster.kubectl("rollout", "status", "daemonset/odiglet", "-n", Cluster.systemNamespace, "--timeout=120s")
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
