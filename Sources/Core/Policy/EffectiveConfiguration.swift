import JSON

/// What comes out of the user's configuration, its overlays and its profiles.
public struct EffectiveConfiguration: Sendable {
  /// The settings that hold.
  public var configuration: OdigosConfiguration
  /// The names of the profiles that were applied, each after those that it depends on.
  public var appliedProfiles: [String]
  /// The objects that the profiles bring (Processors, InstrumentationRules), ready to be applied.
  public var profileObjects: [JSONValue]
  /// The value of the label `odigos.io/profiles-hash` on them; objects with another one are stale. "" without any.
  public var profilesHash: String
  /// What the author should know. A value with an error has been replaced by its last good one, or its default.
  public var problems: [ConfigurationProblem]
  /// Whether there were settings at all. A text that is none says nothing about any key, and must not be taken for
  /// one that leaves every key at its default.
  public var isReadable = true

  /// Whether everything in it is as its author meant.
  public var isValid: Bool { !problems.contains { $0.severity == .error } }

  /// Processors that the system's own collector has; others need a `collectorImage`.
  static let ownProcessors: Set<String> = ["batch", "memory_limiter", "resource"]

  /// Resolves a configuration: the user's, over it the overlays, over it what the profiles change.
  ///
  /// - Parameters:
  ///   - user: the user's configuration, as parsed YAML; null where there is none.
  ///   - overlays: configurations that win over it field by field, later ones over earlier ones.
  ///   - lastGood: the configuration that is in effect, for values that cannot be used now.
  ///   - ownNamespace: the namespace of the system.
  public static func resolve(
    user: JSONValue, overlays: [JSONValue] = [], lastGood: JSONValue? = nil,
    ownNamespace: String = OdigosName.defaultNamespace
  ) -> EffectiveConfiguration {
    var settings = user
    for overlay in overlays { settings.merge(overlay) }
    guard settings.isNull || settings.object != nil else {
      let (configuration, problems) = OdigosConfiguration.parse(settings)
      return EffectiveConfiguration(
        configuration: configuration, appliedProfiles: [], profileObjects: [], profilesHash: "", problems: problems,
        isReadable: false)
    }
    let (usable, findings) = usable(settings, lastGood)
    var object = usable.object ?? JSONObject()
    var problems: [ConfigurationProblem] = []
    let names = object["profiles"]?.array?.compactMap(\.string) ?? []
    let profiles = applicable(names, &problems)
    for profile in profiles { profile.modify(&object) }
    var configuration = OdigosConfiguration.parse(.object(object)).configuration
    if configuration.ignoreOdigosNamespace { configuration.ignoredNamespaces.appendMissing([ownNamespace]) }
    let (objects, hash) = objects(of: profiles, configuration, ownNamespace, &problems)
    return EffectiveConfiguration(
      configuration: configuration, appliedProfiles: profiles.map(\.name), profileObjects: objects,
      profilesHash: hash, problems: findings + problems)
  }

  /// The settings with every wrong value replaced, and what was wrong with them.
  static func usable(
    _ settings: JSONValue, _ lastGood: JSONValue?
  ) -> (settings: JSONValue, problems: [ConfigurationProblem]) {
    var (result, problems) = (settings, OdigosConfiguration.parse(settings).problems)
    func path(_ key: String) -> [String] { key.split(separator: ".").map(String.init) }
    for (index, problem) in problems.enumerated() where problem.severity == .error && !problem.key.isEmpty {
      let path = path(problem.key)
      let last = lastGood?.at(path)
      result.set(path, last)
      let text = last.map { " The last good value stays: \(String(decoding: $0.serialized(), as: UTF8.self))." }
      problems[index].message += text ?? " Until then its default holds."
    }
    // A last good value need not go with what the others are now.
    for problem in OdigosConfiguration.parse(result).problems where problem.severity == .error {
      result.set(path(problem.key), nil)
    }
    return (result, problems)
  }

  private static func applicable(_ names: [String], _ problems: inout [ConfigurationProblem]) -> [Profile] {
    var result: [Profile] = []
    var visited: Set<String> = []
    for name in names { visit(name, &visited, &result, &problems) }
    return result
  }

  private static func visit(
    _ name: String, _ visited: inout Set<String>, _ result: inout [Profile], _ problems: inout [ConfigurationProblem]
  ) {
    guard visited.insert(name).inserted else { return }
    func warn(_ message: String) { problems.append(ConfigurationProblem(.warning, key: "profiles", message)) }
    guard let profile = Profile.named(name) else {
      warn("\(Profile.absence(name)) It is ignored.")
      return
    }
    if let sentence = profile.unavailable {
      warn("\(name): \(sentence)")
      return
    }
    for dependency in profile.dependencies { visit(dependency, &visited, &result, &problems) }
    result.append(profile)
  }

  private static func objects(
    of profiles: [Profile], _ configuration: OdigosConfiguration, _ namespace: String,
    _ problems: inout [ConfigurationProblem]
  ) -> (objects: [JSONValue], hash: String) {
    var objects: [JSONValue] = []
    for profile in profiles {
      for object in profile.objects {
        if object.kind == "Processor", let type = object.spec["type"]?.string, configuration.collectorImage.isEmpty,
          !ownProcessors.contains(type)
        {
          let text =
            "\(profile.name) needs the processor \(type), which the system's own collector does not have; set "
            + "collectorImage to one that has it. Until then the profile is ignored."
          problems.append(ConfigurationProblem(.warning, key: "profiles", text))
          continue
        }
        objects.append(manifest(object, profile: profile.name, namespace: namespace))
      }
    }
    if objects.isEmpty { return ([], "") }
    let hash = SHA256.hexPrefix(of: JSONValue.array(objects).canonicallySerialized(), bytes: 8)
    let labelled = objects.map { object in
      var object = object
      object.set(["metadata", "labels", OdigosLabel.profilesHash], .string(hash))
      return object
    }
    return (labelled, hash)
  }

  private static func manifest(_ object: ProfileObject, profile: String, namespace: String) -> JSONValue {
    [
      "apiVersion": "odigos.io/v1alpha1", "kind": .string(object.kind),
      "metadata": [
        "name": .string(object.name), "namespace": .string(namespace),
        "labels": .object([OdigosLabel.managedBy: "profile", OdigosLabel.systemObject: "true"]),
        "annotations": .object([OdigosAnnotation.profile: .string(profile)]),
      ],
      "spec": object.spec,
    ]
  }
}

extension JSONValue {
  /// Takes over what another value says, objects member by member; an absent or null value says nothing.
  fileprivate mutating func merge(_ other: JSONValue) {
    if other.isNull { return }
    guard let overlay = other.object, var members = object else {
      self = other
      return
    }
    for (key, value) in overlay where !value.isNull {
      var member = members[key] ?? .null
      member.merge(value)
      members[key] = member
    }
    self = .object(members)
  }
}

extension OdigosConfiguration {
  /// Whether lists and "everything" leave out that namespace.
  public func ignores(namespace: String) -> Bool {
    if ignoredNamespaces.contains(namespace) { return true }
    return openshiftEnabled && (namespace == "openshift" || namespace.hasPrefix("openshift-"))
  }

  /// Of these namespaces the ones that "everything" means: neither ignored nor those of the system.
  public func instrumentable(_ namespaces: [String], ownNamespace: String) -> [String] {
    namespaces.filter {
      !ignores(namespace: $0) && !Selection.systemNamespaces.contains($0) && $0 != ownNamespace
    }
  }
}
