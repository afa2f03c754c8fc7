import JSON
import OdigosObjects
import Policy

/// A pod, the cluster around it and how it is to be injected, all made from one number.
public struct InjectionCase: Sendable {
  /// What made it.
  public let seed: UInt64
  /// The pod under admission.
  public let pod: JSONValue
  /// Its workload.
  let owner: WorkloadOwner
  /// How it is injected.
  let facts: InjectionFacts
  /// The distribution of each container that gets an agent, and its parameters.
  let agents: [String: (distribution: Distribution, parameters: [String: String])]
  let objects: ClusterObjects
  /// The variables of each container's image.
  let images: [String: [String: String]]

  /// Makes the case of a number.
  ///
  /// - Throws: when the case itself is wrong; the message says how.
  public init(seed: UInt64) throws {
    self.seed = seed
    var pods = PodGenerator(random: Randomness(seed: seed))
    objects = pods.clusterObjects()
    pod = pods.pod()
    var generator = ConfigurationGenerator(pods: pods)
    images = generator.images()
    guard let owner = WorkloadOwner(pod: try JSONDocument(parsing: pod.serialized()).root, namespace: "shop") else {
      throw InjectionFailure(seed: seed, property: "has an owner", detail: "", pod: pod)
    }
    self.owner = owner
    let choices = generator.choices()
    agents = choices
    let config = generator.config(for: owner.workload, pod, choices, images, objects)
    do {
      facts = try InjectionFacts(
        instrumentationConfig: InstrumentationConfig(json: config), settings: generator.settings(),
        podSecurity: generator.pods.random.pick(PodSecurityLevel.allCases))
    } catch {
      throw InjectionFailure(seed: seed, property: "can be injected", detail: "\(error)", pod: pod)
    }
  }
}

/// A property that does not hold.
public struct InjectionFailure: Error, CustomStringConvertible {
  /// What made the case.
  public var seed: UInt64
  /// The property.
  public var property: String
  /// What was found instead.
  public var detail: String
  /// The pod.
  public var pod: JSONValue

  /// Everything that is needed to look at it again.
  public var description: String {
    "seed \(seed): \(property): \(detail)\npod: \(String(decoding: pod.serialized(), as: UTF8.self))"
  }
}

/// Makes what pods are injected with.
private struct ConfigurationGenerator {
  var pods: PodGenerator

  typealias Choices = [String: (distribution: Distribution, parameters: [String: String])]

  mutating func images() -> [String: [String: String]] {
    var result: [String: [String: String]] = [:]
    for name in PodGenerator.containerNames {
      var variables: [String: String] = ["PATH": "/usr/bin"]
      for variable in pods.random.some(PodGenerator.appended, 20) {
        variables[variable] = pods.random.chance(10) ? "" : pods.plainText()
      }
      result[name] = variables
    }
    return result
  }

  /// Agents for some of the containers.
  mutating func choices() -> Choices {
    var result: Choices = [:]
    for name in pods.random.some(PodGenerator.containerNames, 70) + ["app"] {
      let distribution = pods.random.pick(Distributions.all)
      var parameters: [String: String] = [:]
      for parameter in distribution.requiredParameters {
        parameters[parameter] = parameter == "LIBC_TYPE" ? pods.random.pick(["glibc", "musl"]) : "8.2"
      }
      result[name] = (distribution, parameters)
    }
    return result
  }

  mutating func config(
    for workload: WorkloadReference, _ pod: JSONValue, _ choices: Choices, _ images: [String: [String: String]],
    _ objects: ClusterObjects
  ) -> JSONValue {
    var entries: [JSONValue] = []
    var details: [JSONValue] = []
    var overrides: [JSONValue] = []
    for (name, choice) in choices.sorted(by: { $0.key < $1.key }) {
      entries.append(entry(name, choice.distribution, choice.parameters))
      let container = pod.at("spec", "containers")?.array?.first { $0["name"] == .string(name) } ?? [:]
      let seen = seen(of: name, container, images[name] ?? [:], objects, choice.distribution)
      // What somebody wrote by hand knows nothing of the process.
      if pods.random.chance(20) {
        let runtime: JSONValue = [
          "containerName": .string(name), "language": "unknown",
          "envFromContainerRuntime": seen["envFromContainerRuntime"] ?? [],
        ]
        overrides.append(["containerName": .string(name), "runtimeInfo": runtime])
      } else {
        details.append(seen)
      }
    }
    return [
      "metadata": ["name": .string(workload.instrumentationConfigName), "namespace": "shop"],
      "spec": [
        "agentInjectionEnabled": true, "agentsMetaHash": "0123456789abcdef", "serviceName": .string(pods.text()),
        "containers": .array(entries), "containersOverrides": .array(overrides),
      ],
      "status": ["runtimeDetailsByContainer": .array(details)],
    ]
  }

  private mutating func entry(_ name: String, _ distribution: Distribution, _ parameters: [String: String]) -> JSONValue
  {
    var entry: JSONValue = [
      "containerName": .string(name), "agentEnabled": true, "otelDistroName": .string(distribution.name),
    ]
    for (key, value) in parameters { entry.set(["distroParams", key], .string(value)) }
    if !distribution.appendedVariables.isEmpty {
      let loads = distribution.capabilities.contains(.loader) && pods.random.chance(30)
      entry["envInjectionMethod"] = loads ? "loader" : "pod-manifest"
    }
    if pods.random.chance(30) { entry["agentDiagnostics"] = ["odigosLogLevel": "debug"] }
    if pods.random.chance(30) {
      entry["traces"] = ["customInstrumentations": ["php": [["className": "A$(X)", "functionName": "f"]]]]
    }
    return entry
  }

  /// What the node agent would have seen of a process of the container that is not instrumented.
  private mutating func seen(
    of name: String, _ container: JSONValue, _ image: [String: String], _ objects: ClusterObjects,
    _ distribution: Distribution
  ) -> JSONValue {
    var process = KubeletEnvironment(container: container, image: image, objects: objects).values
    // A start-up of the container's own that sets something.
    if pods.random.chance(10) { process[pods.random.pick(PodGenerator.appended)] = "/set/at/start" }
    func list(_ values: [String: String]) -> JSONValue {
      .array(
        PodGenerator.appended.compactMap { name in
          values[name].map { ["name": .string(name), "value": .string($0)] }
        })
    }
    return [
      "containerName": .string(name), "language": .string(distribution.language.rawValue), "envVars": list(process),
      "envFromContainerRuntime": list(image),
    ]
  }

  mutating func settings() -> InjectionSettings {
    var settings = InjectionSettings(
      ownNamespace: "odigos-system", mountMethod: pods.random.pick(MountMethod.allCases),
      karpenterEnabled: pods.random.chance(20), endpoint: pods.random.chance(50) ? .nodeAddress : .localTrafficService,
      signals: Set(pods.random.some(CollectedSignal.allCases, 50)))
    settings.environmentMethod = pods.random.pick([.loader, .loaderWithFallback])
    settings.inventory = .everything
    settings.inventory.hasOpAMPServer = pods.random.chance(50)
    settings.mounts.imageVolumes = pods.random.pick([.absent, .unproven, .present])
    settings.mounts.nodesHaveDevice = pods.random.chance(70)
    settings.mounts.agentsImage = pods.random.chance(90) ? "registry.example/odigos:1" : ""
    // Without an image there would be nothing left.
    settings.mounts.isDeviceOff = !settings.mounts.agentsImage.isEmpty && pods.random.chance(20)
    settings.serviceAddresses = ServiceAddresses(
      collector: pods.random.chance(80) ? "10.96.0.7" : nil, nodeAgent: pods.random.chance(80) ? "10.96.0.8" : nil)
    if pods.random.chance(30) {
      for language in ProgrammingLanguage.allCases {
        settings.userVariables[language] = [
          NamedValue(name: "USER_A", value: pods.text()), NamedValue(name: "USER_B", value: "2"),
          NamedValue(name: "OTEL_SERVICE_NAME", value: "never"),
        ]
      }
    }
    return settings
  }
}
