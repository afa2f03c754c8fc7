/// What an agent has said so far, cut to sizes that hundreds of agents may have.
public struct AgentReport: Sendable, Equatable {
  /// Bounds on what one agent may make the server keep.
  public enum Limit {
    /// The most attributes of each kind, and the most components.
    public static let entries = 64
    /// The longest key, name or value in bytes of UTF-8.
    public static let text = 1024
    /// The longest error in bytes of UTF-8.
    public static let error = 4096
    /// The longest section of what it does, in bytes; a longer one is left out, since half of one says nothing.
    public static let section = 16 << 10
    /// The most bytes of all attributes of a kind, of all components, and of all sections: an object of the API server
    /// is made of them, for each agent.
    public static let total = 16 << 10
  }

  /// Who it is.
  public private(set) var description = AgentDescription()
  /// How it is; nil before it has said so.
  public private(set) var health: AgentHealth?
  /// What became of its configuration; nil before it has said so.
  public private(set) var remoteConfigStatus: RemoteConfigStatus?
  /// What it does; nil before it has said so.
  public private(set) var effectiveConfig: EffectiveConfig?

  init() {}

  /// Takes over what a message has.
  mutating func take(_ message: AgentToServer) {
    if let new = message.description { description = Self.bounded(new) }
    if let new = message.health { health = Self.bounded(new) }
    if var new = message.remoteConfigStatus {
      new.lastHash = Array(new.lastHash.prefix(64))
      new.errorMessage = Self.cut(new.errorMessage, to: Limit.error)
      remoteConfigStatus = new
    }
    if let new = message.effectiveConfig { effectiveConfig = Self.bounded(new) }
  }

  private static func bounded(_ description: AgentDescription) -> AgentDescription {
    var kept = AgentDescription()
    kept.identifyingAttributes = bounded(description.identifyingAttributes)
    kept.nonIdentifyingAttributes = bounded(description.nonIdentifyingAttributes)
    return kept
  }

  private static func bounded(_ attributes: [AgentAttribute]) -> [AgentAttribute] {
    fitting(attributes.prefix(Limit.entries).map(bounded)) { $0.key.utf8.count + $0.value.text.utf8.count }
  }

  /// Those that there is room for, in their order.
  private static func fitting<Element>(_ elements: [Element], _ size: (Element) -> Int) -> [Element] {
    var left = Limit.total
    return elements.filter { element in
      let size = size(element)
      guard size <= left else { return false }
      left -= size
      return true
    }
  }

  private static func bounded(_ attribute: AgentAttribute) -> AgentAttribute {
    var kept = attribute
    kept.key = cut(kept.key, to: Limit.text)
    if case .string(let text) = kept.value.value { kept.value.value = .string(cut(text, to: Limit.text)) }
    return kept
  }

  /// Of too many components the first by name stay, so that which ones does not change from message to message.
  private static func bounded(_ health: AgentHealth) -> AgentHealth {
    var kept = AgentHealth()
    kept.own = bounded(health.own)
    let components = health.components.sorted { $0.key < $1.key }.prefix(Limit.entries).map { name, component in
      (name: cut(name, to: Limit.text), status: bounded(component))
    }
    for (name, status) in fitting(
      components,
      { name, status in
        name.utf8.count + status.status.utf8.count + status.lastError.utf8.count
      })
    {
      kept.components[name] = status
    }
    return kept
  }

  private static func bounded(_ status: ComponentStatus) -> ComponentStatus {
    var kept = status
    kept.status = cut(kept.status, to: Limit.text)
    kept.lastError = cut(kept.lastError, to: Limit.error)
    return kept
  }

  private static func bounded(_ config: EffectiveConfig) -> EffectiveConfig {
    var kept = EffectiveConfig()
    let sections = config.config.sections.sorted { $0.key < $1.key }.prefix(8).filter {
      $0.value.body.count <= Limit.section
    }
    for (name, section) in fitting(Array(sections), { $0.value.body.count }) {
      kept.config.sections[cut(name, to: Limit.text)] = ConfigSection(
        body: section.body, contentType: cut(section.contentType, to: Limit.text))
    }
    return kept
  }

  /// The beginning of a text, whole characters.
  static func cut(_ text: String, to limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    var kept = ""
    var count = 0
    for character in text {
      count += character.utf8.count
      if count > limit { break }
      kept.append(character)
    }
    return kept
  }
}
