import CollectorConfig
import JSON
import KubeObjects
import OdigosObjects
import Policy
import YAML

/// What the configurations of users come to.
struct ConfigurationDecision: Sendable {
  /// The settings that hold; nil while the very first configuration has errors.
  var configuration: OdigosConfiguration?
  /// The ConfigMap `effective-config` as it should be.
  var effective: DesiredObject?
  /// The objects of the profiles with the hash that marks them; nil while the ones that are there should stay.
  var profiles: (objects: [DesiredObject], hash: String)?
  /// Whether the user's configuration is the one in effect, except for single values that cannot be used.
  var isAccepted: Bool
  /// Whether single values of it cannot be used.
  var hasErrors = false
  /// What the user should know, one finding on each line; "" for nothing.
  var findings: String

  /// What `effective-config` is to be.
  /// - Parameters:
  ///   - user: the user's ConfigMap; without it nothing is set.
  ///   - overlays: ConfigMaps that win over it, later ones over earlier ones.
  ///   - live: `effective-config` as it is.
  static func make(user: ConfigMap?, overlays: [ConfigMap], live: ConfigMap?, namespace: String)
    -> ConfigurationDecision
  {
    var problems: [ConfigurationProblem] = []
    let (lastGood, lastGoodSettings) = lastGood(live, &problems)
    if user == nil {
      let text = "there is no ConfigMap \(ObjectName.userConfiguration); everything has its default"
      problems.append(ConfigurationProblem(.warning, key: "", text))
    }
    let settings = user.map { read($0, .error, &problems) } ?? .null
    let isReadable = !problems.contains { $0.severity == .error }
    // One that cannot be read says nothing; it does not stop what the others say.
    let readable = overlays.map { read($0, .warning, &problems) }.filter { $0.object != nil }
    let resolved = EffectiveConfiguration.resolve(
      user: settings, overlays: readable, lastGood: lastGoodSettings, ownNamespace: namespace)
    problems += resolved.problems
    var sizing: [String] = []
    for role in CollectorRole.allCases {
      _ = resolved.configuration.size(of: role, problems: &sizing)
    }
    problems += sizing.map { ConfigurationProblem(.warning, key: "", $0) }

    let findings = problems.map(\.description).joined(separator: "\n")
    if isReadable, resolved.isReadable {
      let objects = resolved.profileObjects.compactMap(profileObject)
      let hasErrors = problems.contains { $0.severity == .error }
      return ConfigurationDecision(
        configuration: resolved.configuration,
        effective: effective(
          YAML.serialize(resolved.configuration.json), hasErrors ? "PartlyApplied" : "Applied", findings, namespace),
        profiles: (objects, resolved.profilesHash), isAccepted: true, hasErrors: hasErrors, findings: findings)
    }
    return ConfigurationDecision(
      configuration: lastGoodSettings.map { OdigosConfiguration.parse($0).configuration },
      effective: lastGood.map { effective($0, "Refused", findings, namespace) }, profiles: nil, isAccepted: false,
      findings: findings)
  }

  /// What is in effect, as text and parsed; nil where that cannot be read, which only our own writing it anew mends.
  private static func lastGood(
    _ live: ConfigMap?, _ problems: inout [ConfigurationProblem]
  ) -> (text: String?, settings: JSONValue?) {
    guard let live else { return (nil, nil) }
    var reader = LastGoodConfiguration()
    let content = LastGoodConfiguration.Content(live) { try YAML.parse($0) }
    let problem = reader.read(content)
    guard reader.configuration != nil, case .document(let settings) = content else {
      let text = "ConfigMap \(ObjectName.effectiveConfiguration), the last good configuration, is lost: "
      problems.append(ConfigurationProblem(.warning, key: "", text + (problem ?? "it cannot be read")))
      return (nil, nil)
    }
    return (live.json.at("data", ConfigMapKey.configuration)?.string, settings)
  }

  /// `absence` is how bad it is that the ConfigMap lacks the key.
  private static func read(
    _ configMap: ConfigMap, _ absence: ConfigurationProblem.Severity, _ problems: inout [ConfigurationProblem]
  ) -> JSONValue {
    guard let text = configMap.json.at("data", ConfigMapKey.configuration)?.string else {
      problems.append(
        ConfigurationProblem(
          absence, key: "", "ConfigMap \(configMap.name) has no key \(ConfigMapKey.configuration)"))
      return .null
    }
    do {
      return try YAML.parse(Array(text.utf8))
    } catch {
      problems.append(
        ConfigurationProblem(
          .error, key: "", "\(ConfigMapKey.configuration) of ConfigMap \(configMap.name) is no YAML: \(error)"))
      return .null
    }
  }

  private static func effective(_ text: String, _ status: String, _ findings: String, _ namespace: String)
    -> DesiredObject
  {
    var configMap = ConfigMap(name: ObjectName.effectiveConfiguration, namespace: namespace)
    configMap.metadata.labels = [LabelName.systemObject: "true"]
    var annotations = [ConfigurationAnnotation.status: status]
    if !findings.isEmpty { annotations[ConfigurationAnnotation.problems] = findings }
    configMap.metadata.annotations = annotations
    configMap.json["data"] = [ConfigMapKey.configuration: .string(text)]
    return DesiredObject(configMap)
  }

  private static func profileObject(_ json: JSONValue) -> DesiredObject? {
    switch json["kind"]?.string {
    case Processor.type.kind: DesiredObject(Processor(json: json))
    case InstrumentationRule.type.kind: DesiredObject(InstrumentationRule(json: json))
    default: nil
    }
  }
}

extension OdigosConfiguration {
  /// The size of one kind of collector: the named preset, the small one without a name, and over it what is set.
  func size(of role: CollectorRole, problems: inout [String]) -> CollectorSize {
    let sizing = role == .gateway ? collectorGateway.sizing : collectorNode.sizing
    var wishes = SizeWishes()
    if role == .gateway {
      wishes.minReplicas = collectorGateway.minReplicas
      wishes.maxReplicas = collectorGateway.maxReplicas
    }
    wishes.memoryRequest = sizing.requestMemoryMiB
    wishes.memoryLimit = sizing.limitMemoryMiB
    wishes.cpuRequest = sizing.requestCPUm
    wishes.cpuLimit = sizing.limitCPUm
    wishes.limiterLimit = sizing.memoryLimiterLimitMiB
    wishes.limiterSpike = sizing.memoryLimiterSpikeLimitMiB
    wishes.goMemoryLimit = sizing.goMemLimitMiB
    let preset = resourceSizePreset.flatMap { SizePreset(rawValue: $0.rawValue) } ?? .small
    return CollectorSize.resolve(role, preset: preset, wishes: wishes, problems: &problems)
  }
}
