/// How programs of one language are instrumented: the agent, the runtimes that it supports, and what has to be done
/// to a container for it. Distributions are data, in `deploy/distributions`.
public struct Distribution: Sendable, Hashable {
  /// A runtime that the agent supports.
  public struct Runtime: Sendable, Hashable {
    /// The runtime's name, for people.
    public var name: String
    /// The versions that the agent supports.
    public var versions: VersionRange
  }

  /// Something that an agent can do, or that can be done with it.
  public enum Capability: Sendable, Hashable {
    /// The loader can load it, instead of variables of the pod.
    case loader
    /// It decides at the first span whether a trace is kept.
    case headSampling
    /// It collects headers of requests.
    case headersCollection
    /// It collects bodies of the HTTP requests that the program serves, and of its answers.
    case httpPayloads
    /// It shortens, sanitizes or completes the text of database queries.
    case databaseQueries
    /// It says which code a span is of.
    case codeAttributes
    /// Libraries can be left out and taken in.
    case traceVerbosity
    /// It can be told further functions to instrument.
    case customInstrumentations
    /// Running pods are instrumented as they are.
    case noRestart
  }

  /// How an agent reaches the OpAMP server of its node.
  public enum AgentTransport: Sendable, Hashable {
    /// A Unix socket among the agent files.
    case unix
    /// HTTP at the node's address or by a Service.
    case http
  }

  /// A part of the agent's configuration that it takes from a variable.
  public enum ConfigurationItem: Sendable, Hashable {
    case spanMetrics
    case urlTemplatization
    case headSampling
    case spanRenamer
    case customInstrumentations
  }

  /// A variable with a fixed value.
  public struct FixedVariable: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// Its value, with placeholders.
    public var value: String
    /// Whether the agent does not load with another value. Without that a container's own value counts.
    public var isRequired: Bool
  }

  /// A variable that gets our value beside its own.
  public struct AppendedVariable: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// What is ours, with placeholders.
    public var value: String
    /// What stands between the value that was there and ours.
    public var separator: String
    /// The whole value for a process that has no such variable, where that is not just ours; with placeholders.
    public var alone: String?

    /// The value with ours appended; ours alone where nothing was there.
    public func appended(to original: String, parameters: [String: String] = [:]) -> String {
      let ours = Distribution.resolve(value, parameters)
      return original.isEmpty ? ours : original + separator + ours
    }
  }

  /// Its name, as InstrumentationConfigs and overrides have it.
  public var name: String
  /// Its name for people.
  public var displayName: String
  /// The language of the programs.
  public var language: ProgrammingLanguage
  /// The runtimes that it supports; every one where there is none.
  public var runtimes: [Runtime]
  /// The distribution for versions that this one does not support.
  public var fallback: String?
  /// What it can do.
  public var capabilities: Set<Capability>
  /// How its agent reaches the OpAMP server; empty for one that knows no OpAMP.
  public var opAMPTransports: Set<AgentTransport>
  /// Whether the node agent instruments the process from the kernel.
  public var isEBPF: Bool
  /// The directories below the agent files that the container needs.
  public var directories: [String]
  /// Variables with a fixed value.
  public var fixedVariables: [FixedVariable]
  /// Variables that get our value beside their own.
  public var appendedVariables: [AppendedVariable]
  /// Whether the agent sends OTLP over HTTP to the collector of its node.
  public var sendsToLocalNode: Bool
  /// Whether the agent learns its resource attributes from variables.
  public var takesResourceAttributes: Bool
  /// Whether the agent learns from variables which signals to export.
  public var takesExporters: Bool
  /// The parts of its configuration that the agent takes from variables.
  public var configurationItems: Set<ConfigurationItem>
  /// The parameters without which it cannot be used, such as `LIBC_TYPE`.
  public var requiredParameters: [String]
  /// The only C library that its files are made for, `glibc` or `musl`; nil where they do not depend on it.
  public var cLibrary: String?

  /// Replaces the placeholders: `{{agents}}` by the directory of the agent files, `{{NAME}}` by the parameter NAME.
  static func resolve(_ template: String, _ parameters: [String: String]) -> String {
    var result = ""
    var rest = template[...]
    while let start = rest.firstRange(of: "{{"), let end = rest[start.upperBound...].firstRange(of: "}}") {
      let name = String(rest[start.upperBound..<end.lowerBound])
      result += rest[..<start.lowerBound] + (name == "agents" ? OdigosPath.agents : parameters[name] ?? "")
      rest = rest[end.upperBound...]
    }
    return result + rest
  }

  /// Whether it supports that version; a version that nobody could find is taken as supported.
  public func supports(version: String) -> Bool {
    guard let version = RuntimeVersion(version) else { return true }
    return runtimes.isEmpty || runtimes.contains { $0.versions.contains(version) }
  }
}

/// The distributions that there are.
public enum Distributions {
  /// The distribution of that name.
  public static func named(_ name: String) -> Distribution? { byName[name] }

  /// The distribution that is used for a language when nobody asks for another one.
  public static func preferred(for language: ProgrammingLanguage) -> Distribution? { byLanguage[language] }

  private static let byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  /// Fallbacks are only for versions that the preferred one leaves out.
  private static let byLanguage: [ProgrammingLanguage: Distribution] = {
    let fallbacks = Set(all.compactMap(\.fallback))
    return Dictionary(
      all.filter { !fallbacks.contains($0.name) && $0.language != .any }.map { ($0.language, $0) },
      uniquingKeysWith: { first, _ in first })
  }()
}

// What the generated table is written with. The generator has checked the ranges; one that cannot be read would
// hold no bound and so hold every version.
extension Distributions {
  static func runtime(_ name: String, _ versions: String) -> Distribution.Runtime {
    Distribution.Runtime(name: name, versions: VersionRange(versions) ?? .every)
  }
  static func fixed(_ name: String, _ value: String, required: Bool) -> Distribution.FixedVariable {
    Distribution.FixedVariable(name: name, value: value, isRequired: required)
  }
  static func appended(
    _ name: String, _ value: String, separator: String, alone: String?
  ) -> Distribution.AppendedVariable {
    Distribution.AppendedVariable(name: name, value: value, separator: separator, alone: alone)
  }
}
