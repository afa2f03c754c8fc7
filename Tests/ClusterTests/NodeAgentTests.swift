import Foundation
import Glibc
import JSON
import Testing

/// The node agent while its kubelet, its sockets, its disk and itself fail, on a node whose files the suite can reach.
///
/// `ODIGOS_KUBELET_RESTARTS` says how often the kubelet is restarted (3).
@Suite(.serialized, .enabled(if: NodeAgent.isOnOurNode, "no cluster of our own: run hack/e2e"))
struct NodeAgentTests {
  init() async throws {
    try await Installation.ensure()
    try await NodeAgent.waitUntilReady()
  }

  @Test func isAsBeforeAfterKubeletRestartsAndLostSockets() async throws {
    let script = try #require(Cluster.script)
    let before = try NodeAgent.usage()
    let restarts = ProcessInfo.processInfo.environment["ODIGOS_KUBELET_RESTARTS"].flatMap(Int.init) ?? 3
    var times: [Double] = []
    for _ in 0..<restarts {
      let old = NodeAgent.time(of: NodeAgent.kubeletSocket)
      try Cluster.run(script, ["restart-kubelet"])
      times.append(try await NodeAgent.waitForRegistration(after: old))
    }
    print("kubelet's socket to registration, s: \(times.map { String(format: "%.3f", $0) })")

    // Our socket goes: it is served and registered anew.
    unlink(NodeAgent.pluginSocket)
    try await eventually("the plugin's socket") { access(NodeAgent.pluginSocket, F_OK) == 0 ? nil : "it is gone" }
    try await NodeAgent.waitUntilReady()

    // The kubelet's goes, and somebody else is in its place, who never answers; then comes a kubelet.
    try await undoing {
      try Cluster.run(script, ["restart-kubelet"])
      try await NodeAgent.waitUntilReady()
    } after: {
      unlink(NodeAgent.kubeletSocket)
      try await eventually("news of the missing kubelet") { try NodeAgent.readiness().isReady ? "still ready" : nil }
      let stranger = try SilentSocket(NodeAgent.kubeletSocket)
      defer { stranger.close() }
      try await eventually("the call at the wrong door") { stranger.hasBeenCalled ? nil : "nobody has called" }
      try await eventually("no registration") { try NodeAgent.readiness().isReady ? "ready" : nil }
    }

    let application = DevicePods(namespace: "e2e-node-restarts", count: 3)
    defer { application.remove() }
    try await application.deploy()
    try await application.waitUntilRunning()
    // What it has in hand at a moment it gives back.
    try await eventually("no more than before") {
      let after = try NodeAgent.usage()
      let isLittle = after.descriptors <= before.descriptors + 2 && after.kilobytes <= before.kilobytes + 4096
      return isLittle ? nil : "before: \(before), after: \(after)"
    }
    let after = try NodeAgent.usage()
    print("odiglet before: \(before), after: \(after)")
    #expect(after.process == before.process)
  }

  @Test func podsRunAlthoughThePluginIsKilledWhileTheyAreMade() async throws {
    let application = DevicePods(namespace: "e2e-node-kill", count: 20)
    defer { application.remove() }
    try await application.deploy()
    for share in [2, 10] {
      try await eventually("\(share) pods", within: .seconds(600)) {
        let count = try application.running()
        return count >= share ? nil : "\(count) pods run"
      }
      var process: pid_t = 0
      try await eventually("an odiglet to kill") {
        process = try NodeAgent.usage().process
        return nil
      }
      kill(process, SIGKILL)
      try await eventually("a new odiglet") { try NodeAgent.usage().process == process ? "it still runs" : nil }
    }
    try await application.waitUntilRunning()
    try await NodeAgent.waitUntilReady()
    #expect(access(NodeAgent.pluginSocket, F_OK) == 0)
  }

  @Test func diskThatIsFullStopsNothingForGood() async throws {
    let directory = AgentDirectory.path
    let application = DevicePods(namespace: "e2e-node-disk", count: 2)
    defer { application.remove() }
    try await application.deploy()
    try await application.waitUntilRunning()
    try await undoing {
      AgentDirectory.restore()
      try await NodeAgent.recreatePod()
      try await NodeAgent.waitUntilReady()
    } after: {
      try AgentDirectory.coverWithAFullDisk()
      try await useTheFullDisk(directory, application)
    }
  }

  private func useTheFullDisk(_ directory: String, _ application: DevicePods) async throws {
    try await NodeAgent.recreatePod()
    try await eventually("the complaint") {
      let log = try NodeAgent.log("init")
      return log.contains("the disk of the node is full") ? nil : log
    }
    // It is tried again and again; in between nothing fills the disk.
    try await eventually("the end of what was half written") {
      let count = try FileManager.default.subpathsOfDirectory(atPath: directory).count
      return count < 10 ? nil : "\(count) files"
    }
    #expect(try application.running() == 2)

    try Cluster.run("mount", ["-o", "remount,size=1g,nr_inodes=100000", directory])
    try await NodeAgent.waitUntilReady()
    // What is deleted by mistake comes back without anybody's help.
    let agent = try #require(
      try FileManager.default.contentsOfDirectory(atPath: "\(directory)/.current/python").first { $0.hasSuffix(".py") })
    try FileManager.default.removeItem(atPath: "\(directory)/.current/python/\(agent)")
    try await eventually("the repair") {
      access("\(directory)/.current/python/\(agent)", F_OK) == 0 ? nil : "\(agent) is missing"
    }
    try await NodeAgent.waitUntilReady()
    try application.scale(4)
    try await application.waitUntilRunning()
  }

  @Test func olderNamesOfTheDeviceBringTheSameFiles() async throws {
    let application = DevicePods(
      namespace: "e2e-node-alias", count: 1, resource: "instrumentation.odigos.io/java-native-community")
    defer { application.remove() }
    try await application.deploy()
    try await application.waitUntilRunning()
    let mounts = try Cluster.kubectl(
      "exec", "-n", application.namespace, "deployment/app", "--", "python3", "-c",
      "print([l for l in open('/proc/self/mounts') if ' /var/odigos ' in l])")
    #expect(mounts.contains(" ro,"), "\(mounts)")
  }

  @Test func nodeCarriesItsMarksWhileTheAgentIsThereAndNoStartupTaint() async throws {
    let node = try #require(try Cluster.list("nodes", in: nil).first?.at("metadata", "name")?.string)
    let label = "odigos.io/odiglet-oss-installed"
    let annotation = "odigos.io/agents"
    func waitForMarks(_ areThere: Bool) async throws {
      try await eventually("label and annotation \(areThere ? "there" : "gone")") {
        let metadata = try Cluster.list("nodes", in: nil).first?["metadata"]
        let isLabelled = metadata?["labels"]?[label]?.string == "true"
        let isAnnotated = metadata?["annotations"]?[annotation] != nil
        return isLabelled == areThere && isAnnotated == areThere
          ? nil : "label \(isLabelled ? "there" : "gone"), annotation \(isAnnotated ? "there" : "gone")"
      }
    }
    try await waitForMarks(true)
    try await taintIsTakenOff(node)
    try Cluster.kubectl("label", "node", node, "\(label)-")
    try await waitForMarks(true)
    try Cluster.kubectl("annotate", "node", node, "\(annotation)-")
    try await waitForMarks(true)
    // A pod that is replaced comes back: the marks stay. A node that is no longer selected loses them.
    try await NodeAgent.recreatePod()
    #expect(try Cluster.list("nodes", in: nil).first?.at("metadata", "labels")?[label]?.string == "true")
    try await NodeAgent.waitUntilReady()
    try await undoing {
      try NodeAgent.keepAway(false)
      try await Rollout.wait("daemonset", "odiglet", in: Cluster.systemNamespace)
      try await waitForMarks(true)
      try await NodeAgent.waitUntilReady()
    } after: {
      PodEnd.keepLogs(of: "odiglet")
      try NodeAgent.keepAway(true)
      try await waitForMarks(false)
    }
  }

  private func taintIsTakenOff(_ node: String) async throws {
    try await undoing {
      // Says that there is none where all is well.
      _ = try? Cluster.run("kubectl", ["taint", "node", node, "\(InstallationState.startupTaint)-"])
    } after: {
      try Cluster.kubectl("taint", "node", node, "\(InstallationState.startupTaint)=true:NoSchedule", "--overwrite")
      try await eventually("the taint's end") {
        let taints = try Cluster.list("nodes", in: nil).first?.at("spec", "taints")?.array ?? []
        return taints.contains { $0["key"]?.string == InstallationState.startupTaint } ? "it is there" : nil
      }
    }
  }
}
