import Foundation
import JSON
import Testing

/// The system under test, installed once for all suites with the command-line tool.
enum Installation {
  static let image = ProcessInfo.processInfo.environment["ODIGOS_TEST_IMAGE"] ?? "localhost/odigos:dev"
  private static let installed = Task { try await install() }

  /// Installs on the first call. On each, puts right what an earlier test has left behind, and waits until all
  /// components are there and ready: what one test meets with is not to fail the next one.
  static func ensure() async throws {
    try await installed.value
    try await repair()
  }

  private static func install() async throws {
    if try Cluster.exists("daemonset", "odiglet", in: Cluster.systemNamespace) {
      // Installing waits for a node agent. The rest is put right afterwards.
      try NodeAgent.keepAway(false)
    }
    AgentDirectory.restore()
    do { try installAgain() } catch {
      print("installing once more: \(error)")
      try installAgain()
    }
    try await TraceSink.deploy()
  }

  /// Installs over what there is, as the configuration says.
  static func installAgain() throws {
    try Cluster.odigos(
      "install", "--namespace", Cluster.systemNamespace, "--image", image, "--timeout", "600")
  }

  private static func repair() async throws {
    let begin = ContinuousClock.now
    var restarted = false
    AgentDirectory.restore()
    try await eventually("the system as it was installed", within: .seconds(900)) {
      let state = try InstallationState.now()
      for leftover in state.leftovers {
        print("left behind by an earlier test: \(leftover)")
        try await remove(leftover)
      }
      guard state.leftovers.isEmpty, state.missing != nil else { return state.leftovers.isEmpty ? nil : "put right" }
      try PodEnd.forget(in: Cluster.systemNamespace)
      let isLost = state.hasLostNode || (NodeAgent.isOnOurNode && !NodeAgent.kubeletAnswers())
      if isLost, !restarted, ContinuousClock.now - begin > .seconds(60), let script = Cluster.script {
        restarted = true
        print("the kubelet does not answer: it is started anew")
        try Cluster.run(script, ["restart-kubelet"])
      }
      return state.missing
    }
  }

  private static func remove(_ leftover: InstallationState.Leftover) async throws {
    let namespace = Cluster.systemNamespace
    switch leftover {
    case .configuration:
      try await Setting.putBackLeftover()
      // The port of the node agent is a setting that is read when it is installed.
      try installAgain()
    case .missingComponent: try installAgain()
    case .scaledInstrumentor: try scaleInstrumentor(InstallationState.instrumentors)
    case .nodeAgentKeptAway: try NodeAgent.keepAway(false)
    case .nodeAgentImage: try NodeAgent.setImage(image)
    case .trafficPolicy(let service): try setTrafficPolicy("Local", of: service)
    case .rule(let name):
      try Cluster.delete("instrumentationrule", name, in: namespace)
    case .node(let name): try Cluster.delete("node", name, in: namespace)
    case .taint(let node): try Cluster.kubectl("taint", "node", node, "\(InstallationState.startupTaint)-")
    }
  }

  /// Where the traffic of a Service goes.
  static func setTrafficPolicy(_ policy: String, of service: String) throws {
    try Cluster.kubectl(
      "patch", "service", service, "-n", Cluster.systemNamespace, "-p",
      #"{"spec":{"internalTrafficPolicy":"\#(policy)"}}"#)
  }

  // MARK: - Without the instrumentor

  private static func scaleInstrumentor(_ replicas: Int) throws {
    try Cluster.kubectl(
      "scale", "deployment/odigos-instrumentor", "-n", Cluster.systemNamespace, "--replicas=\(replicas)")
  }

  /// Runs a body while no instrumentor answers. It is back when this returns, however the body ends.
  static func withoutInstrumentor(_ body: () async throws -> Void) async throws {
    try await undoing {
      try scaleInstrumentor(InstallationState.instrumentors)
      try await Rollout.wait("deployment", "odigos-instrumentor", in: Cluster.systemNamespace)
    } after: {
      PodEnd.keepLogs(of: "odigos-instrumentor")
      try scaleInstrumentor(0)
      try await eventually("no instrumentor answers") { try answeringInstrumentors() }
      try await body()
    }
  }

  /// Who can still answer as the instrumentor; nil for nobody. It is not waited for the kubelet to forget them.
  private static func answeringInstrumentors() throws -> String? {
    let namespace = Cluster.systemNamespace
    let subsets = try Cluster.get("endpoints", "odigos-instrumentor", in: namespace)?["subsets"]?.array ?? []
    let addresses = subsets.flatMap { ($0["addresses"]?.array ?? []) + ($0["notReadyAddresses"]?.array ?? []) }
    guard addresses.isEmpty else { return "the Service leads to \(addresses.compactMap { $0["ip"]?.string })" }
    let running = try Cluster.list("pods", in: namespace, selector: "app.kubernetes.io/name=odigos-instrumentor")
      .filter { !PodEnd.hasCome($0) && takesConnections($0) }
    return running.isEmpty ? nil : "still running: \(running.compactMap { $0.at("metadata", "name")?.string })"
  }

  /// Whether somebody serves the webhooks at a pod's address; its status may come late.
  private static func takesConnections(_ pod: JSONValue) -> Bool {
    guard let address = pod.at("status", "podIP")?.string else { return !PodEnd.isWanted(pod) }
    let host = address.contains(":") ? "[\(address)]" : address
    let call = ["curl", "-sk", "-o", "/dev/null", "-m", "10", "https://\(host):9443/"]
    let couldNotConnect: Int32 = 7
    return (try? ChildProgram.run(call, input: nil).status) != couldNotConnect
  }

  // MARK: - Mount methods

  /// Runs a body while agent files are mounted in that way, and puts the configuration back as it was: a method that
  /// is set keeps profiles from choosing one.
  static func withMountMethod(_ method: String, _ body: () async throws -> Void) async throws {
    try await Setting.with("mount-method", method, shownAs: "mountMethod:\(method)", body)
  }
}
