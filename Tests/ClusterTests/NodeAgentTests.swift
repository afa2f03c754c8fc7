import Foundation
import Glibc
import JSON
import Testing

/// The node agent while its kubelet, its sockets, its disk and itself fail, on a node whose files the suite can reach.
///
/// `ODIGOS_KUBELET_RESTARTS` says how often the kubelet is restarted (3).
@Suite(.serialized, .enabled(if: NodeAgent.isReachable, "no cluster of our own: run hack/e2e"))
struct NodeAgentTests {
  init() async throws {
    try Installation.ensure()
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
    unlink(NodeAgent.kubeletSocket)
    try await eventually("news of the missing kubelet") { try NodeAgent.readiness().isReady ? "still ready" : nil }
    let stranger = try SilentSocket(NodeAgent.kubeletSocket)
    try await eventually("the call at the wrong door") { stranger.hasBeenCalled ? nil : "nobody has called" }
    #expect(try !NodeAgent.readiness().isReady)
    stranger.close()
    try Cluster.run(script, ["restart-kubelet"])
    try await NodeAgent.waitUntilReady()

    let application = DevicePods(namespace: "e2e-node-restarts", count: 3)
    defer { application.remove() }
    try application.deploy()
    try await application.waitUntilRunning()
    let after = try NodeAgent.usage()
    print("odiglet before: \(before), after: \(after)")
    #expect(after.process == before.process)
    #expect(after.descriptors <= before.descriptors + 2)
    #expect(after.kilobytes <= before.kilobytes + 4096)
  }

  @Test func podsRunAlthoughThePluginIsKilledWhileTheyAreMade() async throws {
    let application = DevicePods(namespace: "e2e-node-kill", count: 20)
    defer { application.remove() }
    try application.deploy()
    for share in [2, 10] {
      try await eventually("\(share) pods", within: .seconds(120)) {
        let count = try application.running()
        return count >= share ? nil : "\(count) pods run"
      }
      let process = try NodeAgent.usage().process
      kill(process, SIGKILL)
      try await eventually("a new odiglet") { try NodeAgent.usage().process == process ? "it still runs" : nil }
    }
    try await application.waitUntilRunning()
    try await NodeAgent.waitUntilReady()
    #expect(access(NodeAgent.pluginSocket, F_OK) == 0)
  }

  @Test func diskThatIsFullStopsNothingForGood() async throws {
    let directory = "/var/odigos"
    let application = DevicePods(namespace: "e2e-node-disk", count: 2)
    defer { application.remove() }
    try application.deploy()
    try await application.waitUntilRunning()
    // Room enough for the bytes, so that copying begins, and not for as many files.
    try Cluster.run("mount", ["-t", "tmpfs", "-o", "size=1g,nr_inodes=400,mode=755", "tmpfs", directory])
    defer {
      _ = try? Cluster.run("umount", ["-l", directory])
      _ = try? NodeAgent.recreatePod()
    }
    try NodeAgent.recreatePod()
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
    try await NodeAgent.waitUntilReady(within: .seconds(120))
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
    try application.deploy()
    try await application.waitUntilRunning()
    let mounts = try Cluster.kubectl(
      "exec", "-n", application.namespace, "deployment/app", "--", "python3", "-c",
      "print([l for l in open('/proc/self/mounts') if ' /var/odigos ' in l])")
    #expect(mounts.contains(" ro,"), "\(mounts)")
  }

  @Test func nodeCarriesTheLabelWhileTheAgentIsThereAndNoStartupTaint() async throws {
    let node = try #require(try Cluster.list("nodes", in: nil).first?.at("metadata", "name")?.string)
    let label = "odigos.io/odiglet-oss-installed"
    func waitForLabel(_ value: String?) async throws {
      try await eventually("the label \(value ?? "gone")") {
        let found = try Cluster.list("nodes", in: nil).first?.at("metadata", "labels")?[label]?.string
        return found == value ? nil : "it is \(found ?? "gone")"
      }
    }
    try await waitForLabel("true")
    try Cluster.kubectl("taint", "node", node, "odigos.io/needs-init=true:NoSchedule")
    try await eventually("the taint's end") {
      let taints = try Cluster.list("nodes", in: nil).first?.at("spec", "taints")?.array ?? []
      return taints.contains { $0["key"]?.string == "odigos.io/needs-init" } ? "it is there" : nil
    }
    try Cluster.kubectl("label", "node", node, "\(label)-")
    try await waitForLabel("true")
    // A pod that is replaced comes back: the label stays. A node that is no longer selected loses it.
    try NodeAgent.recreatePod()
    #expect(try Cluster.list("nodes", in: nil).first?.at("metadata", "labels")?[label]?.string == "true")
    try await NodeAgent.waitUntilReady()
    func select(_ selector: String) throws {
      try Cluster.kubectl(
        "patch", "daemonset", "odiglet", "-n", Cluster.systemNamespace, "--type=merge", "-p",
        #"{"spec":{"template":{"spec":{"nodeSelector":\#(selector)}}}}"#)
    }
    try select(#"{"odigos-test":"elsewhere"}"#)
    defer { try? select(#"{"odigos-test":null}"#) }
    try await waitForLabel(nil)
    try select(#"{"odigos-test":null}"#)
    try await waitForLabel("true")
    try await NodeAgent.waitUntilReady()
  }
}

/// Odiglet on the node that the suite runs on.
private enum NodeAgent {
  static let directory = "/var/lib/kubelet/device-plugins"
  static let kubeletSocket = "\(directory)/kubelet.sock"
  static let pluginSocket = "\(directory)/instrumentation.odigos.io_generic"

  static var isReachable: Bool { Cluster.isGiven && access(kubeletSocket, F_OK) == 0 }

  struct Usage: CustomStringConvertible {
    var process: pid_t
    var descriptors: Int
    var kilobytes: Int
    var description: String { "process \(process), \(descriptors) descriptors, \(kilobytes) kB" }
  }

  static func usage() throws -> Usage {
    for entry in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
      guard let process = pid_t(entry),
        let status = try? String(contentsOfFile: "/proc/\(entry)/status", encoding: .utf8),
        status.hasPrefix("Name:\todiglet\n"),
        let arguments = try? String(contentsOfFile: "/proc/\(entry)/cmdline", encoding: .utf8),
        arguments.split(separator: "\0").count == 1
      else { continue }
      let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
      let kilobytes = line?.split(whereSeparator: { " \t".contains($0) }).dropFirst().first.flatMap { Int($0) }
      return Usage(
        process: process,
        descriptors: try FileManager.default.contentsOfDirectory(atPath: "/proc/\(entry)/fd").count,
        kilobytes: kilobytes ?? 0)
    }
    throw Cluster.Failure(description: "odiglet does not run")
  }

  private static func pod() throws -> JSONValue {
    let pods = try Cluster.list(
      "pods", in: Cluster.systemNamespace, selector: "app.kubernetes.io/name=odiglet"
    ).filter { $0.at("metadata", "deletionTimestamp") == nil }
    guard let pod = pods.first else { throw Cluster.Failure(description: "odiglet has no pod") }
    return pod
  }

  /// What `/readyz` says.
  static func readiness() throws -> (isReady: Bool, text: String) {
    guard let address = try pod().at("status", "podIP")?.string else {
      throw Cluster.Failure(description: "odiglet has no address")
    }
    let text = try Cluster.run("curl", ["-s", "-m", "5", "http://\(address):8081/readyz"])
    return (text.hasSuffix("\nready\n"), text)
  }

  static func log(_ container: String) throws -> String {
    let name = try pod().at("metadata", "name")?.string ?? ""
    return try Cluster.kubectl("logs", "-n", Cluster.systemNamespace, name, "-c", container, "--tail=50")
  }

  static func recreatePod() throws {
    try Cluster.kubectl(
      "delete", "pod", "-n", Cluster.systemNamespace, "-l", "app.kubernetes.io/name=odiglet", "--timeout=60s")
  }

  /// Waits until odiglet is ready and the node offers the device.
  static func waitUntilReady(within limit: Duration = .seconds(90)) async throws {
    try await eventually("the node agent", within: limit) {
      let readiness = try readiness()
      guard readiness.isReady else { return readiness.text }
      let node = try Cluster.list("nodes", in: nil).first
      let count = node?.at("status", "allocatable", "instrumentation.odigos.io/generic")?.string ?? "none"
      return Int(count) ?? 0 > 0 ? nil : "allocatable: \(count)"
    }
  }

  /// Waits for the registration with a kubelet whose socket is newer than `old`; answers the seconds between the two, by
  /// the times of the sockets: ours is made anew right before it is registered.
  static func waitForRegistration(after old: Double?) async throws -> Double {
    try await eventually("registration") {
      guard let kubelet = time(of: kubeletSocket), let plugin = time(of: pluginSocket) else { return "no sockets" }
      guard kubelet != old else { return "the kubelet's socket is the old one" }
      guard plugin >= kubelet else { return "the plugin's socket is older than the kubelet's" }
      return try readiness().isReady ? nil : "not ready"
    }
    return (time(of: pluginSocket) ?? 0) - (time(of: kubeletSocket) ?? 0)
  }

  static func time(of path: String) -> Double? {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    return Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
  }
}

/// A socket that takes connections and says nothing.
private final class SilentSocket {
  private let descriptor: Int32

  init(_ path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix($0.count - 1)) }
    let isBound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
      }
    }
    guard isBound, listen(descriptor, 16) == 0 else { throw Cluster.Failure(description: "\(path): errno \(errno)") }
  }

  var hasBeenCalled: Bool {
    let peer = accept(descriptor, nil, nil)
    return peer >= 0
  }

  func close() { Glibc.close(descriptor) }
}

/// A Deployment of pods that do nothing but ask for a device.
private struct DevicePods {
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
