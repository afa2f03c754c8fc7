import JSON
import KubeObjects
import OdigosObjects
import OpAMP
import Policy

/// The InstrumentationInstance of a process, made of what its agent has said.
enum InstanceObject {
  /// Words of InstrumentationInstances.
  enum Word {
    /// Label: the name of the pod.
    static let ownerPodName = "ownerPodName"
    /// Condition: whether the agent does what it was told.
    static let remoteConfigApplied = "RemoteConfigApplied"
    /// Attribute: what the agent says that it does.
    static let effectiveConfig = "odigos.effective_config"
  }

  /// A value of a label has at most so many characters.
  private static let labelLimit = 63
  private static let messageLimit = 32768

  /// The object without its status. The pod owns it, so that it goes with it whatever becomes of us.
  static func object(named name: String, at place: AgentPlace, configName: String?) -> InstrumentationInstance {
    var instance = InstrumentationInstance(name: name, namespace: place.pod.namespace)
    var labels: [String: String] = [:]
    // A name that is too long for a label is told by the owner reference alone.
    if let configName, configName.utf8.count <= labelLimit { labels[OdigosLabel.instrumentedApp] = configName }
    if place.pod.name.utf8.count <= labelLimit { labels[Word.ownerPodName] = place.pod.name }
    instance.metadata.labels = labels
    instance.json.set(
      ["metadata", "ownerReferences"],
      [
        [
          "apiVersion": "v1", "kind": "Pod", "name": .string(place.pod.name), "uid": .string(place.podUID),
          "controller": true, "blockOwnerDeletion": false,
        ]
      ])
    instance.spec.containerName = place.container
    return instance
  }

  /// The status; times that did not change since `previous` stay.
  static func status(
    _ session: AgentSession<AgentPlace>?, previous: InstrumentationInstanceStatus?, now: String
  ) -> InstrumentationInstanceStatus {
    let verdict = session?.verdict ?? .lost
    var status = InstrumentationInstanceStatus()
    status.healthy = verdict.isHealthy
    status.reason = verdict.reason
    if !verdict.message.isEmpty { status.message = String(verdict.message.prefix(messageLimit)) }
    guard let report = session?.report else {
      // What it said before is the best that is known.
      status.identifyingAttributes = previous?.identifyingAttributes ?? []
      status.lastStatusTime = now
      return status
    }
    status.identifyingAttributes = report.description.identifyingAttributes.map(attribute)
    var others = report.description.nonIdentifyingAttributes.map(attribute)
    if let text = effectiveConfig(report) { others.append(attribute(Word.effectiveConfig, text)) }
    if !others.isEmpty { status.nonIdentifyingAttributes = others }
    let components = report.health?.components ?? [:]
    if !components.isEmpty {
      status.components = components.sorted { $0.key < $1.key }.map { name, part in
        let before = previous?.components.first { $0.name == name }
        return component(name, part, previous: before, now: now)
      }
    }
    if let condition = condition(report.remoteConfigStatus, previous: previous, now: now) {
      status.conditions = [condition]
    }
    status.lastStatusTime = now
    if let previous, status.isSame(as: previous) { status.lastStatusTime = previous.lastStatusTime }
    return status
  }

  private static func attribute(_ attribute: AgentAttribute) -> InstanceAttribute {
    self.attribute(attribute.key, attribute.value.text)
  }

  private static func attribute(_ key: String, _ value: String) -> InstanceAttribute {
    InstanceAttribute(json: ["key": .string(key), "value": .string(value)])
  }

  private static func effectiveConfig(_ report: AgentReport) -> String? {
    let sections = report.effectiveConfig?.config.sections ?? [:]
    if sections.isEmpty { return nil }
    let texts = sections.sorted { $0.key < $1.key }.map { name, section in
      let body = String(decoding: section.body, as: UTF8.self)
      return name.isEmpty ? body : "\(name): \(body)"
    }
    return texts.joined(separator: "\n")
  }

  // MARK: Parts

  /// OpenTelemetry's message has no type of a part; a name such as `exporter/otlp` tells it.
  private static func component(
    _ name: String, _ part: ComponentStatus, previous: InstrumentationInstanceStatusComponents?, now: String
  ) -> InstrumentationInstanceStatusComponents {
    var component = InstrumentationInstanceStatusComponents()
    component.name = name
    let kind = name.split(separator: "/").first.map(String.init) ?? ""
    component.type = name.contains("/") && ["exporter", "sampler"].contains(kind) ? kind : "instrumentation"
    component.healthy = part.isHealthy
    if let details = try? JSONValue(parsing: part.status).object, !details.isEmpty {
      component.nonIdentifyingAttributes = details.map { key, value in
        attribute(key, value.string ?? String(decoding: value.serialized(), as: UTF8.self))
      }
    } else if !part.status.isEmpty {
      component.reason = part.status
    }
    if !part.lastError.isEmpty { component.message = part.lastError }
    component.lastStatusTime = previous?.lastStatusTime ?? now
    if let previous, component.json != previous.json { component.lastStatusTime = now }
    return component
  }

  private static func condition(
    _ status: RemoteConfigStatus?, previous: InstrumentationInstanceStatus?, now: String
  ) -> Condition? {
    guard let status, status.state != .unset else { return nil }
    let hash = status.lastHash.prefix(8).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
    let (truth, reason) =
      switch status.state {
      case .applied: ("True", "APPLIED")
      case .applying: ("Unknown", "APPLYING")
      case .failed, .unset: ("False", "FAILED")
      }
    let before = previous?.conditions.condition(Word.remoteConfigApplied)
    let since = before?.json["status"]?.string == truth ? before?.json["lastTransitionTime"]?.string : nil
    return Condition(json: [
      "type": .string(Word.remoteConfigApplied), "status": .string(truth), "reason": .string(reason),
      "message": .string("\(hash) \(status.errorMessage)".trimmed),
      "lastTransitionTime": .string(since ?? now),
    ])
  }
}

extension InstrumentationInstanceStatus {
  /// Whether nothing but the time of looking differs.
  func isSame(as other: InstrumentationInstanceStatus) -> Bool {
    var (left, right) = (self, other)
    left.lastStatusTime = nil
    right.lastStatusTime = nil
    return left.json == right.json
  }
}

extension String {
  /// Without the blanks at the end.
  fileprivate var trimmed: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return text
  }
}
