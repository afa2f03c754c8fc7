import JSON
import Policy

/// Makes pods of every shape that injection has to cope with; the same seed makes the same pods.
struct PodGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var word = state
    word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
    word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
    return word ^ word >> 31
  }

  mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
  mutating func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &self)] }

  static let names = ["app", "worker", "istio-proxy", "side"]
  static let owners = [
    ("ReplicaSet", "web-6bc8d"), ("StatefulSet", "web"), ("DaemonSet", "web"), ("Job", "web-28391820"),
  ]

  /// How pods are injected: any settings, agents in some of the containers.
  mutating func facts(for owner: WorkloadOwner) throws -> InjectionFacts {
    var details = Self.names.filter { _ in chance(60) }.map { AgentPolicyTests.python(name: $0) }
    if details.isEmpty { details = [AgentPolicyTests.python()] }
    for index in details.indices where chance(30) {
      details[index].envFromContainerRuntime = [NamedValue(name: "PYTHONPATH", value: text())]
    }
    let settings = InjectionSettings(
      ownNamespace: "odigos-system", mountMethod: pick(MountMethod.allCases), karpenterEnabled: chance(20),
      endpoint: chance(50) ? .nodeAddress : .localTrafficService,
      signals: Set(CollectedSignal.allCases.filter { _ in chance(50) }))
    let verdict = AgentPolicy.decide(
      AgentPolicyTests.facts(details, containers: []) { $0.ignoredContainers = [] })
    return try InjectionFacts(
      workload: owner.workload, serviceName: text(), verdict: verdict, runtimeDetails: details, settings: settings)
  }

  mutating func text() -> String { pick(["/a", "/srv/lib:/opt", "é\"\\\n", "$(BASE)/x", "$$", "x y", "\u{1f600}"]) }

  mutating func pod() -> JSONValue {
    let (kind, name) = pick(Self.owners)
    var metadata: JSONValue = [
      "generateName": "web-",
      "ownerReferences": [["kind": .string(kind), "name": .string(name), "uid": "u-1", "controller": true]],
    ]
    if chance(70) { metadata["labels"] = ["app": "web", "odd/key~x": .string(text())] }
    if chance(30) { metadata["annotations"] = ["note": .string(text())] }
    var spec: JSONValue = ["future": ["kept": [1, .number("2.50"), .null]]]
    var containers: [JSONValue] = []
    for name in Self.names.shuffled(using: &self).prefix(Int.random(in: 1...4, using: &self)) {
      containers.append(container(name))
    }
    spec["containers"] = .array(containers)
    if chance(30) { spec["initContainers"] = [container("app")] }
    if chance(60) { spec["volumes"] = [["name": "data", "emptyDir": [:]]] }
    if chance(50) { spec["affinity"] = affinity() }
    return ["apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec]
  }

  private mutating func container(_ name: String) -> JSONValue {
    var container: JSONValue = ["name": .string(name), "image": .string(text())]
    let count = Int.random(in: 0...8, using: &self)
    if count > 0 { container["env"] = .array((0..<count).map { _ in variable() }) }
    if chance(40) { container["envFrom"] = [["configMapRef": ["name": "settings"]]] }
    if chance(50) {
      container["resources"] = pick([["limits": ["cpu": "1"]], ["requests": ["cpu": "1"]], ["claims": [["name": "c"]]]])
    }
    if chance(50) { container["volumeMounts"] = [["name": "data", "mountPath": "/data"]] }
    return container
  }

  private mutating func variable() -> JSONValue {
    let name = pick([
      "BASE", "PYTHONPATH", "PYTHONPATH", "ORIGINAL_PYTHONPATH", "NODE_IP", "ODIGOS_NODE_IP", "OTEL_SERVICE_NAME",
      "OTEL_RESOURCE_ATTRIBUTES", "ODIGOS_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER",
      "ODIGOS_POD_NAME", "X",
    ])
    if chance(25) {
      let field = pick(["status.hostIP", "metadata.name"])
      return ["name": .string(name), "valueFrom": ["fieldRef": ["fieldPath": .string(field)]]]
    }
    return ["name": .string(name), "value": .string(text())]
  }

  private mutating func affinity() -> JSONValue {
    let expression: JSONValue = ["key": "pool", "operator": "In", "values": ["a"]]
    let term = pick([["matchExpressions": [expression]], ["matchFields": [expression]], [:]] as [JSONValue])
    let required: JSONValue = ["nodeSelectorTerms": .array([term, ["matchExpressions": [expression, expression]]])]
    return pick(
      [
        ["podAffinity": ["x": 1]], ["nodeAffinity": ["requiredDuringSchedulingIgnoredDuringExecution": required]],
        ["nodeAffinity": ["preferredDuringSchedulingIgnoredDuringExecution": [["weight": 1]]]],
      ] as [JSONValue])
  }
}
