import JSON
import KubeObjects

/// The effective configuration as every component reads it: the last one that could be read holds until there is
/// another, and what is wrong with the present one is known. Defaults never take its place: they would restart
/// workloads and collectors for a slip of the keyboard.
///
/// A value without I/O; whoever watches the ConfigMap gives it each state of it.
public struct LastGoodConfiguration: Sendable {
  /// What a ConfigMap says.
  public enum Content: Sendable {
    /// There is no such ConfigMap.
    case absent
    /// It lacks the key.
    case withoutKey
    /// The text of the key is no YAML, for that reason.
    case unreadable(String)
    /// The parsed text.
    case document(JSONValue)

    /// Reads a ConfigMap's key `config.yaml`; `parse` is the YAML parser.
    public init(_ configMap: ConfigMap?, parse: ([UInt8]) throws -> JSONValue) {
      guard let configMap else {
        self = .absent
        return
      }
      guard let text = configMap.json.at("data", OdigosName.configurationKey)?.string else {
        self = .withoutKey
        return
      }
      do { self = .document(try parse(Array(text.utf8))) } catch { self = .unreadable("\(error)") }
    }
  }

  /// The last one that could be read; nil while there was none.
  public private(set) var configuration: OdigosConfiguration?
  /// What is wrong with the present one; nil when nothing is.
  public private(set) var problem: String?

  /// Knows nothing yet.
  public init() {}

  /// Whether the problem is only that there is none yet, as in the first seconds of an installation.
  public private(set) var isAwaited = false

  /// Takes over the present state; returns the problem when it is another one than before.
  public mutating func read(_ content: Content) -> String? {
    let before = problem
    problem = take(content)
    if case .absent = content { isAwaited = configuration == nil } else { isAwaited = false }
    return problem == before ? nil : problem
  }

  private mutating func take(_ content: Content) -> String? {
    switch content {
    case .absent:
      return configuration == nil
        ? "there is none yet; the scheduler makes it from \(OdigosName.configuration)" : unusable("it is gone")
    case .withoutKey: return unusable("it has no key \(OdigosName.configurationKey)")
    case .unreadable(let reason): return unusable("it is no YAML: \(reason)")
    // The scheduler writes every key, so that nothing at all is not its word.
    case .document(.null): return unusable("it is empty")
    case .document(let json):
      if let whole = OdigosConfiguration.parse(json).problems.first(where: { $0.severity == .error && $0.key.isEmpty })
      {
        return unusable(whole.message)
      }
      let (usable, problems) = EffectiveConfiguration.usable(json, configuration?.json)
      configuration = OdigosConfiguration.parse(usable).configuration
      let errors = problems.filter { $0.severity == .error }
      return errors.isEmpty ? nil : errors.map(\.description).joined(separator: "; ")
    }
  }

  private func unusable(_ what: String) -> String {
    let end = what.hasSuffix(".") ? String(what.dropLast()) : what
    return configuration == nil
      ? "\(end); there was no good one before, so nothing can be done by it" : "\(end); the last good one stays"
  }
}
