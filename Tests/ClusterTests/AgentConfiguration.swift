import JSON

/// What an agent says of its configuration in the status of its InstrumentationInstance.
struct AgentConfiguration {
  /// That of the condition `RemoteConfigApplied`.
  var status: String?
  /// Which configuration that is about.
  var hash: String?
  /// What the agent says that it does.
  var effective: JSONValue?

  init(of instance: JSONValue?) throws {
    let said = instance?["status"]
    let condition = said?["conditions"]?.array?.first { $0["type"] == "RemoteConfigApplied" }
    let text = said?["nonIdentifyingAttributes"]?.array?.first { $0["key"] == "odigos.effective_config" }
    status = condition?["status"]?.string
    hash = condition?["message"]?.string
    effective = try text?["value"]?.string.map { try JSONValue(parsing: $0) }
  }

  /// What there is instead of a configuration that is applied; nil where it is.
  var missing: String? { status == "True" ? nil : "\(self)" }
}

extension TestNamespace {
  /// The InstrumentationInstances of a pod, or of all.
  func instances(of pod: String? = nil) throws -> [JSONValue] {
    try Cluster.list("instrumentationinstances", in: namespace).filter { instance in
      pod == nil || instance.at("metadata", "ownerReferences")?[0]?["name"]?.string == pod
    }
  }
}
