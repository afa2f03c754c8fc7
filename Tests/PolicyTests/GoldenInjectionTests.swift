import Glibc
import JSON
import OdigosObjects
import Policy
import Testing

/// Golden pairs: for every distribution a pod, and what each mount method makes of it. `UPDATE_GOLDEN=1` writes them
/// anew.
@Suite struct GoldenInjectionTests {
  struct Agent: Sendable, CustomTestStringConvertible {
    var distribution: Distribution
    var parameters: [String: String] = [:]
    var testDescription: String { ([distribution.name] + parameters.values).joined(separator: "-") }
  }

  static let agents: [Agent] = Distributions.all.flatMap { distribution in
    switch distribution.requiredParameters {
    case ["LIBC_TYPE"]: ["glibc", "musl"].map { Agent(distribution: distribution, parameters: ["LIBC_TYPE": $0]) }
    case ["RUNTIME_VERSION_MAJOR_MINOR"]:
      ["8.2", "3.3"].filter { distribution.supports(version: $0) }.map {
        Agent(distribution: distribution, parameters: ["RUNTIME_VERSION_MAJOR_MINOR": $0])
      }
    default: [Agent(distribution: distribution)]
    }
  }

  static let methods: [MountMethod] = [.virtualDevice, .hostPath, .initContainer, .imageVolume]

  /// A pod in which the variables of the agent exist in every way, and a service mesh that was there before.
  static func pod(_ agent: Agent) -> JSONValue {
    let name = agent.distribution.appendedVariables.first?.name ?? "PATH_OF_ITS_OWN"
    let optional: JSONValue = ["secretKeyRef": ["name": "keys", "key": "value", "optional": true]]
    let containers: [JSONValue] = [
      [
        "name": "app", "image": "shop/app:1",
        "env": [
          ["name": "BASE", "value": "/srv"], ["name": .string(name), "value": "$(BASE)/own"],
          ["name": "LATER", "value": .string("$(\(name))/later")],
          ["name": "OTEL_TRACES_EXPORTER", "value": "console"],
        ],
        "resources": ["limits": ["memory": "128Mi"]],
      ],
      [
        "name": "worker", "image": "shop/worker:1",
        "env": [
          ["name": .string(name), "valueFrom": optional], ["name": "NODE_IP", "value": "10.0.0.1"],
          ["name": "OTEL_RESOURCE_ATTRIBUTES", "value": "team=blue"],
        ],
        "volumeMounts": [["name": "data", "mountPath": "/data"]],
      ],
      ["name": "batch", "image": "shop/batch:1", "envFrom": [["configMapRef": ["name": "settings"]]]],
      ["name": "plain", "image": "shop/plain:1"], ["name": "istio-proxy", "image": "istio/proxyv2"],
    ]
    let pool: JSONValue = ["key": "pool", "operator": "In", "values": ["a"]]
    let terms: JSONValue = [["matchExpressions": [pool]], ["matchFields": [pool]]]
    return [
      "apiVersion": "v1", "kind": "Pod",
      "metadata": [
        "generateName": "web-6bc8d-", "labels": ["app": "web"],
        "ownerReferences": [["kind": "ReplicaSet", "name": "web-6bc8d", "uid": "u-1", "controller": true]],
      ],
      "spec": [
        "initContainers": [["name": "migrate", "image": "shop/app:1"]], "containers": .array(containers),
        "volumes": [["name": "data", "emptyDir": [:]]],
        "affinity": [
          "nodeAffinity": ["requiredDuringSchedulingIgnoredDuringExecution": ["nodeSelectorTerms": terms]]
        ],
      ],
    ]
  }

  static func facts(_ agent: Agent, _ method: MountMethod) throws -> InjectionFacts {
    let name = agent.distribution.appendedVariables.first?.name ?? "PATH_OF_ITS_OWN"
    let names = ["app", "worker", "batch", "plain"]
    let entries = names.map { container -> JSONValue in
      var entry: JSONValue = [
        "containerName": .string(container), "agentEnabled": true,
        "otelDistroName": .string(agent.distribution.name), "envInjectionMethod": "pod-manifest",
        "agentDiagnostics": ["odigosLogLevel": "info"],
      ]
      for (key, value) in agent.parameters { entry.set(["distroParams", key], .string(value)) }
      return entry
    }
    let details = names.map { container -> JSONValue in
      let seen: JSONValue = [["name": .string(name), "value": "/seen"]]
      return [
        "containerName": .string(container), "language": .string(agent.distribution.language.rawValue),
        "envVars": container == "batch" ? seen : [],
        "envFromContainerRuntime": container == "plain" ? [["name": .string(name), "value": "/image/$x"]] : [],
      ]
    }
    var settings = InjectionTests.settings(method)
    settings.inventory = .everything
    settings.mounts = MountFacts(imageVolumes: .present, agentsImage: "registry.example/odigos:1")
    let config: JSONValue = [
      "metadata": ["name": "deployment-web", "namespace": "shop"],
      "spec": [
        "agentInjectionEnabled": true, "agentsMetaHash": "0123456789abcdef", "serviceName": "checkout",
        "containers": .array(entries),
      ],
      "status": ["runtimeDetailsByContainer": .array(details)],
    ]
    return try InjectionFacts(instrumentationConfig: InstrumentationConfig(json: config), settings: settings)
  }

  @Test(arguments: agents, methods) func pairs(_ agent: Agent, _ method: MountMethod) throws {
    let pod = Self.pod(agent)
    let facts = try Self.facts(agent, method)
    let (result, plan) = try inject(pod, facts)
    #expect(plan.containerNames == ["app", "worker", "batch", "plain"], "\(plan.reason)")
    #expect(try inject(result, facts).plan.reason.code == .alreadyInjected)
    #expect(Removal.remove(from: result) == pod)
    let directory = "golden/\(agent.testDescription)"
    try expect(pod, in: "\(directory)/pod.json")
    try expect(result, in: "\(directory)/\(method.rawValue).json")
  }

  private func expect(_ value: JSONValue, in path: String) throws {
    if getenv("UPDATE_GOLDEN") != nil { return try write(value.indented(), to: path) }
    #expect(try fixture(path) == value, "\(path) differs; look at it, then UPDATE_GOLDEN=1 rewrites it")
  }

  private func write(_ text: String, to path: String) throws {
    let folder = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/") + "/Fixtures/"
    mkdir(folder + "golden", 0o755)
    mkdir(folder + path.split(separator: "/").dropLast().joined(separator: "/"), 0o755)
    let file = try #require(fopen(folder + path, "w"))
    fputs(text + "\n", file)
    fclose(file)
  }
}

extension JSONValue {
  /// The value as text for people: a line for each member and element, but what is short on one.
  func indented(_ indentation: String = "") -> String {
    let short = String(decoding: serialized(), as: UTF8.self)
    if short.utf8.count + indentation.utf8.count <= 110 { return short }
    let inner = indentation + "  "
    if let elements = array {
      return "[\n" + elements.map { inner + $0.indented(inner) }.joined(separator: ",\n") + "\n\(indentation)]"
    }
    guard let members = object else { return short }
    let lines = members.map { key, value in
      inner + String(decoding: JSONValue.string(key).serialized(), as: UTF8.self) + ": " + value.indented(inner)
    }
    return "{\n" + lines.joined(separator: ",\n") + "\n\(indentation)}"
  }
}
