import JSON
import Policy

/// Makes pods of every shape that injection has to cope with.
struct PodGenerator {
  var random: Randomness

  static let containerNames = ["app", "worker", "batch", "side"]
  private static let owners = [
    ("ReplicaSet", "web-6bc8d"), ("StatefulSet", "web"), ("DaemonSet", "web"), ("Job", "web-28391820"), ("Job", "once"),
  ]
  private static let objects = ["settings", "paths", "absent"]
  /// Every variable that an agent may get, in whatever form.
  static let appended = Array(Set(Distributions.all.flatMap(\.appendedVariables).map(\.name))).sorted()
  private static let fixed = Array(Set(Distributions.all.flatMap(\.fixedVariables).map(\.name))).sorted()
  private static let others = [
    "BASE", "X", "NODE_IP", "ODIGOS_NODE_IP", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
    "ODIGOS_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_EXPORTER", "ODIGOS_POD_NAME",
    "OTEL_LOG_LEVEL", "USER_B", "ODIGOS_OPAMP_SERVER_HOST",
  ]

  mutating func text() -> String {
    random.pick([
      "/a", "/srv/lib:/opt", "é\"\\\n\t", "$(BASE)/x", "$$", "$$(X)", "$(X", "x y", "\u{1f600}", "a$", "$(NOT_THERE)",
      "$(PYTHONPATH)/more",
    ])
  }

  /// A text that no reference is in.
  mutating func plainText() -> String { random.pick(["/a", "/b:/c", "-Dx=y z", "\u{1f600}", "\"q\\", "50$"]) }

  mutating func clusterObjects() -> ClusterObjects {
    var objects = ClusterObjects()
    for kind in ["ConfigMap", "Secret", "File"] {
      for name in Self.objects.dropLast() {
        var content: [String: String] = [:]
        for key in random.some(Self.appended + ["X", "key"], 30) { content[key] = plainText() }
        // What a source with a prefix gives.
        for key in random.some(Self.appended, 10) { content[String(key.dropFirst(4))] = plainText() }
        objects.add(kind, name, content)
      }
    }
    return objects
  }

  mutating func pod() -> JSONValue {
    let (kind, name) = random.pick(Self.owners)
    var metadata: JSONValue = [
      "generateName": "web-",
      "ownerReferences": [["kind": .string(kind), "name": .string(name), "uid": "u-1", "controller": true]],
    ]
    if random.chance(70) { metadata["labels"] = ["app": "web", "odd/key~x": .string(text())] }
    if random.chance(30) { metadata["annotations"] = ["note": .string(text())] }
    var spec: JSONValue = ["future": ["kept": [1, .number("2.50"), .null, ["deep": [[], [:]]]]]]
    let names = Self.containerNames.shuffled(using: &random).prefix(Int.random(in: 1...4, using: &random))
    spec["containers"] = .array(names.map { container($0) })
    if random.chance(30) { spec["initContainers"] = [container("app")] }
    if random.chance(60) {
      spec["volumes"] = [["name": "data", "emptyDir": [:]], ["name": "new", "futureKind": [1]]]
    }
    if random.chance(50) { spec["affinity"] = affinity() }
    if random.chance(20) { spec["securityContext"] = ["runAsNonRoot": true] }
    if random.chance(20) { spec["hostNetwork"] = true }
    if random.chance(40) {
      spec["dnsPolicy"] = random.pick(["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"])
    }
    var pod: JSONValue = ["apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec]
    if random.chance(30) { ServiceMesh.inject(into: &pod, first: random.chance(50)) }
    return pod
  }

  private mutating func container(_ name: String) -> JSONValue {
    var container: JSONValue = ["name": .string(name), "image": .string(text())]
    var entries: [JSONValue] = []
    for _ in 0..<Int.random(in: 0...10, using: &random) { entries.append(variable(after: entries)) }
    if !entries.isEmpty { container["env"] = .array(entries) }
    if random.chance(40) {
      container["envFrom"] = .array((0...Int.random(in: 0...2, using: &random)).map { _ in source() })
    }
    if random.chance(50) {
      container["resources"] = random.pick([
        ["limits": ["cpu": "1"]], ["requests": ["cpu": "1"]], ["claims": [["name": "c"]]],
      ])
    }
    if random.chance(50) { container["volumeMounts"] = [["name": "data", "mountPath": "/data"]] }
    if random.chance(20) { container["futureField"] = ["x": .string(text())] }
    return container
  }

  /// A source of variables as a whole; seldom one of a kind that nobody knows yet.
  private mutating func source() -> JSONValue {
    var source: JSONValue = [:]
    if random.chance(20) { source["prefix"] = random.pick(["PYTH", "JAVA", "ZZ_"]) }
    let reference: JSONValue = ["name": .string(random.pick(Self.objects)), "optional": true]
    let key = random.chance(3) ? "futureRef" : random.pick(["configMapRef", "secretRef"])
    source[key] = reference
    return source
  }

  private mutating func variable(after entries: [JSONValue]) -> JSONValue {
    let name: String
    switch Int.random(in: 0..<100, using: &random) {
    case ..<40: name = random.pick(Self.appended)
    case ..<45: name = "ORIGINAL_" + random.pick(Self.appended)
    case ..<52: name = random.pick(Self.fixed)
    case ..<55: name = "LD_PRELOAD"
    default: name = random.pick(Self.others)
    }
    // What our own values refer to must mean something.
    if ["ODIGOS_NODE_IP", "ODIGOS_POD_NAME"].contains(name) {
      return ["name": .string(name), "value": .string(plainText())]
    }
    // A name that is there already gets a literal: what a source that may be missing leaves is one more story.
    let isThere = entries.contains { $0["name"] == .string(name) }
    if !isThere, random.chance(30) { return ["name": .string(name), "valueFrom": valueFrom()] }
    if random.chance(8) { return ["name": .string(name)] }
    if name != "LD_PRELOAD", random.chance(4) {
      return ["name": .string(name), "value": "/var/odigos/old-release/agent.js"]
    }
    return ["name": .string(name), "value": .string(text())]
  }

  private mutating func valueFrom() -> JSONValue {
    switch Int.random(in: 0..<5, using: &random) {
    case 0: return ["fieldRef": ["fieldPath": .string(random.pick(["status.hostIP", "metadata.name"]))]]
    case 1: return ["resourceFieldRef": ["resource": "limits.cpu", "divisor": "1m"]]
    case 2:
      return [
        "fileKeyRef": [
          "volumeName": .string(random.pick(Self.objects)), "path": "f", "key": "key",
          "optional": .bool(random.chance(50)),
        ]
      ]
    default:
      var reference: JSONValue = [
        "name": .string(random.pick(Self.objects)), "key": .string(random.pick(["key", "X", "missing"])),
      ]
      if random.chance(60) { reference["optional"] = true }
      return .object([random.pick(["configMapKeyRef", "secretKeyRef"]): reference])
    }
  }

  private mutating func affinity() -> JSONValue {
    let expression: JSONValue = ["key": "pool", "operator": "In", "values": ["a"]]
    let term = random.pick([["matchExpressions": [expression]], ["matchFields": [expression]], [:]] as [JSONValue])
    let required: JSONValue = ["nodeSelectorTerms": .array([term, ["matchExpressions": [expression, expression]]])]
    return random.pick(
      [
        ["podAffinity": ["x": 1]], ["nodeAffinity": ["requiredDuringSchedulingIgnoredDuringExecution": required]],
        ["nodeAffinity": ["preferredDuringSchedulingIgnoredDuringExecution": [["weight": 1]]]],
      ] as [JSONValue])
  }
}

/// What the injector of a service mesh does to a pod, before or after us.
enum ServiceMesh {
  static func inject(into pod: inout JSONValue, first: Bool) {
    let proxy: JSONValue = [
      "name": "istio-proxy", "image": "istio/proxyv2", "env": [["name": "POD_IP", "value": "$(NODE_IP)"]],
    ]
    var containers = pod.at("spec", "containers")?.array ?? []
    for index in containers.indices {
      containers[index]["env"] = .array((containers[index]["env"]?.array ?? []) + [["name": "MESH", "value": "on"]])
    }
    pod.set(["spec", "containers"], .array(first ? [proxy] + containers : containers + [proxy]))
    let start: JSONValue = ["name": "istio-init", "image": "istio/proxyv2", "restartPolicy": "Always"]
    append(start, to: ["spec", "initContainers"], in: &pod)
    append(["name": "istio-data", "emptyDir": ["medium": "Memory"]], to: ["spec", "volumes"], in: &pod)
    pod.set(["metadata", "annotations", "sidecar.istio.io/status"], "{\"version\":\"1\"}")
    pod.set(["metadata", "labels", "service.istio.io/canonical-name"], "web")
  }

  private static func append(_ value: JSONValue, to path: [String], in pod: inout JSONValue) {
    pod.set(path, .array((pod.at(path)?.array ?? []) + [value]))
  }
}
