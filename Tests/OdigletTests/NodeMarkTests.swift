import JSON
import KubeObjects
import KubeletPlugin
import Logging
import Policy
import ServiceShell
import Testing

@testable import Odiglet

@Suite struct NodeMarkTests {
  private static let label = OdigosLabel.odigletInstalled

  private static func node(_ labels: JSONValue = [:], taints: [String] = []) -> Node {
    Node(json: [
      "metadata": ["name": "n", "resourceVersion": "7", "labels": labels],
      "spec": ["taints": .array(taints.map { ["key": .string($0), "effect": "NoSchedule"] })],
    ])
  }

  /// The second, whether everything is ready, whether the files are there, and what is wanted then.
  typealias Step = (second: Double, isReady: Bool, hasFiles: Bool, wanted: Bool?)

  @Test(
    arguments: [
      ("waits until everything is ready", [(0, false, false, nil), (1, false, true, nil), (2, true, true, true)]),
      (
        "keeps the label while the kubelet restarts",
        [(0, true, true, true), (10, false, true, true), (600, false, true, true)]
      ),
      (
        "puts up with files that are soon back",
        [
          (0, true, true, true), (1, false, false, true), (20, false, false, true), (21, true, true, true),
          (40, false, false, true),
        ]
      ),
      (
        "takes the label away when the files stay away, and gives it again",
        [
          (0, true, true, true), (10, false, false, true), (40, false, false, false), (50, false, true, false),
          (51, true, true, true),
        ]
      ),
      ("takes an old label away where there are no files", [(0, false, false, nil), (30, false, false, false)]),
    ] as [(String, [Step])])
  func followsReadiness(_ name: String, _ steps: [Step]) {
    var mark = NodeMark()
    for step in steps {
      mark.receive(
        isReady: step.isReady, hasFiles: step.hasFiles, at: .milliseconds(Int(step.second * 1000)))
      #expect(mark.isWanted == step.wanted, "\(name): at \(step.second) s")
    }
  }

  @Test(
    arguments: [
      (node(), true, ["metadata": ["labels": [.init(label): "true"]]]),
      (node(["odigos.io/odiglet-oss-installed": "true"]), true, nil),
      (node(["odigos.io/odiglet-oss-installed": "false"]), true, ["metadata": ["labels": [.init(label): "true"]]]),
      (node(["odigos.io/odiglet-oss-installed": "true"]), false, ["metadata": ["labels": [.init(label): .null]]]),
      (node(), false, nil),
      (node(taints: ["odigos.io/needs-init"]), false, nil),
    ] as [(Node, Bool, JSONValue?)])
  func writesOnlyWhatDiffers(node: Node, isWanted: Bool, patch: JSONValue?) {
    #expect(NodeMark.patch(node, isWanted: isWanted, agents: nil) == patch)
  }

  @Test func saysWhichAgentsThereAreWhereTheNodeSaysSomethingElse() throws {
    let agents = AgentInventoryReport(inventory: AgentInventory(distributions: ["python-community"]), fingerprint: "f")
    let text = String(decoding: agents.json.serialized(), as: UTF8.self)
    let patch: JSONValue = ["metadata": ["annotations": [OdigosAnnotation.nodeAgents: .string(text)]]]
    var node = Self.node()
    #expect(NodeMark.patch(node, isWanted: nil, agents: agents) == patch)
    node.json.set(["metadata", "annotations"], [OdigosAnnotation.nodeAgents: "{}", "team": "a"])
    #expect(NodeMark.patch(node, isWanted: nil, agents: agents) == patch)
    #expect(NodeMark.patch(node, isWanted: nil, agents: nil) == nil)
    node.json.set(["metadata", "annotations", OdigosAnnotation.nodeAgents], .string(text))
    #expect(NodeMark.patch(NodeMark.trimmed(node), isWanted: nil, agents: agents) == nil)
  }

  @Test func removesTheStartupTaintAndNoOther() throws {
    let node = Self.node(
      ["odigos.io/odiglet-oss-installed": "true"], taints: ["a", "odigos.io/needs-init", "b"])
    let patch = try #require(NodeMark.patch(node, isWanted: true, agents: nil))
    #expect(patch.at("spec", "taints")?.array?.compactMap { $0["key"]?.string } == ["a", "b"])
    #expect(patch.at("metadata", "resourceVersion")?.string == "7")
    #expect(patch.at("metadata", "labels") == nil)
  }

  @Test(
    arguments: [
      (nil, true), (["metadata": ["name": "odiglet"]], false),
      (["metadata": ["deletionTimestamp": "2026-01-01T00:00:00Z"]], true),
      (["spec": ["template": ["spec": ["nodeSelector": ["pool": "a"]]]]], false),
      (["spec": ["template": ["spec": ["nodeSelector": ["pool": "b"]]]]], true),
      (["spec": ["template": ["spec": ["nodeSelector": ["disk": "ssd"]]]]], true),
    ] as [(JSONValue?, Bool)])
  func leavesForGoodOnlyWithoutAWayBack(daemonSet: JSONValue?, isLeaving: Bool) {
    #expect(NodeMark.isLeaving(daemonSet: daemonSet, nodeLabels: ["pool": "a"]) == isLeaving)
    // What cannot be known is no reason to leave.
    #expect(NodeMark.isLeaving(daemonSet: daemonSet, nodeLabels: nil) == (isLeaving && daemonSet?["spec"] == nil))
  }

  @Test func keepsOfANodeWhatIsRead() {
    var node = Self.node(["pool": "a"], taints: ["x"])
    node.json.set(["status"], ["allocatable": ["pods": "110", "cpu": "2"], "images": [["names": ["big"]]]])
    node.json.set(["metadata", "annotations"], [OdigosAnnotation.nodeAgents: "x", "big": "y"])
    let kept = NodeMark.trimmed(node)
    #expect(kept.metadata.annotations == [OdigosAnnotation.nodeAgents: "x"])
    #expect(kept.metadata.labels == ["pool": "a"])
    #expect(kept.json.at("status") == ["allocatable": ["pods": "110"]])
    #expect(kept.json.at("spec", "taints")?.array?.count == 1)
  }

  @Test(
    arguments: [(nil, 1024), (0, 1024), (110, 1024), (250, 2000), (1_000_000, 65536), (.max, 65536)] as [(Int?, Int)])
  func capacityGrowsWithTheNode(pods: Int?, capacity: Int) {
    #expect(DeviceCapacity.forNode(pods: pods) == capacity)
  }
}

@Suite struct ReadinessTests {
  @Test func tellsProbesAndTheHealthServiceTheSame() {
    let health = HealthState()
    let status = ServingStatus()
    let readiness = Readiness(health: health, status: status)
    func all() -> [Bool] { [health.isReady, status.isServing, readiness.isReady] }
    #expect(all() == [false, false, false])
    readiness.set(ReadinessCondition.agentFiles, true)
    readiness.set(ReadinessCondition.devicePlugin, true)
    #expect(all() == [false, false, false])
    readiness.set(ReadinessCondition.informers, true)
    #expect(all() == [true, true, true])
    readiness.set(ReadinessCondition.devicePlugin, false)
    #expect(all() == [false, false, false])
    #expect(readiness.isMet(ReadinessCondition.agentFiles))
  }
}

@Suite struct DeviceSettingsTests {
  private func configuration(_ variables: [String: String]) throws(ConfigurationError) -> OdigletConfiguration {
    try OdigletConfiguration { name in name == OdigletEnvironment.nodeName ? "n" : variables[name] }
  }

  @Test func servesTheOlderNamesUnlessToldOtherwise() throws {
    let names = try configuration([:]).deviceAliases
    #expect(names.contains("instrumentation.odigos.io/java-native-community"))
    #expect(names.contains("instrumentation.odigos.io/musl-dotnet-native-community"))
    #expect(!names.contains(OdigosResource.genericDevice))
    #expect(try configuration([OdigletEnvironment.deviceAliases: "all"]).deviceAliases == names)
    #expect(try configuration([OdigletEnvironment.deviceAliases: "none"]).deviceAliases.isEmpty)
    let some = "go-ebpf-enterprise, instrumentation.odigos.io/java-native-community,generic,go-ebpf-enterprise"
    #expect(
      try configuration([OdigletEnvironment.deviceAliases: some]).deviceAliases == [
        "instrumentation.odigos.io/go-ebpf-enterprise", "instrumentation.odigos.io/java-native-community",
      ])
  }

  @Test(
    arguments: [
      (OdigletEnvironment.deviceAliases, "nvidia.com/gpu"), (OdigletEnvironment.deviceAliases, "-x"),
      (OdigletEnvironment.deviceAliases, "java native"), (OdigletEnvironment.deviceCapacity, "0"),
      (OdigletEnvironment.deviceCapacity, "many"), (OdigletEnvironment.deviceCapacity, "65537"),
      (OdigletEnvironment.features, "runtime-inspection,coffee"),
    ])
  func namesTheVariableThatIsWrong(variable: String, value: String) {
    let error = #expect(throws: ConfigurationError.self) { try configuration([variable: value]) }
    #expect(error?.description.contains(variable) == true)
  }

  @Test func leavesTheCapacityToTheNode() throws {
    #expect(try configuration([:]).deviceCapacity == nil)
    #expect(try configuration([OdigletEnvironment.deviceCapacity: "5000"]).deviceCapacity == 5000)
  }
}

@Suite struct EffectiveCapabilitiesTests {
  @Test(
    arguments: [
      ("Name:\todiglet\nCapPrm:\t0000000000000000\nCapEff:\t0000000000080004\n", [.sysPtrace, .dacReadSearch]),
      ("CapEff:\t000001ffffffffff\n", Set(LinuxCapability.allCases)), ("CapEff:\t0000000000000000\n", []),
      ("CapEff:\tnone\n", nil), ("Name:\tx\n", nil),
    ] as [(String, Set<LinuxCapability>?)])
  func readsWhatTheKernelSays(status: String, capabilities: Set<LinuxCapability>?) {
    #expect(EffectiveCapabilities.effective(inStatus: status) == capabilities)
  }

  @Test func readsItsOwn() {
    #expect(EffectiveCapabilities.read() != nil)
    #expect(EffectiveCapabilities.read("/proc/none/status") == nil)
  }
}
