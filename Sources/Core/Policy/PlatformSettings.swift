import JSON

/// What language models may do through the UI.
public enum MCPAccessMode: String, Sendable, Hashable, CaseIterable {
  case readOnly = "read-only"
  case readWrite = "read-write"
}

/// How Go offsets are looked up anew.
public enum GoOffsetsMode: String, Sendable, Hashable, CaseIterable {
  case direct, image, off
}

/// How much a component logs.
public enum ComponentLogLevel: String, Sendable, Hashable, CaseIterable {
  case error, warn, info, debug
}

/// How people sign in to the UI.
public struct OIDCSettings: Sendable, Hashable {
  /// Where they sign in.
  public var tenantUrl = ""
  /// Who the UI is there.
  public var clientId = ""
  /// The secret of the UI there; better a reference to a Secret.
  public var clientSecret = ""
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// Variables for containers by their language.
public struct UserInstrumentationEnvironments: Sendable, Hashable {
  /// By language.
  public var languages = LanguageEnvironments()
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}

  /// The variables for containers of a language; empty where there are none.
  public func variables(for language: ProgrammingLanguage) -> [String: String] {
    let name = language == .javascript ? "nodejs" : language.rawValue
    // The language under its own name, too.
    guard let environment = languages.byName[name] ?? languages.byName[language.rawValue], environment.enabled else {
      return [:]
    }
    return environment.env
  }
}

/// Variables for containers, by the names that languages have here.
public struct LanguageEnvironments: Sendable, Hashable {
  /// By name: java, python, nodejs (or javascript), go, dotnet, php, ruby.
  public var byName: [String: LanguageEnvironment] = [:]
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// Variables for containers of one language.
public struct LanguageEnvironment: Sendable, Hashable {
  /// Whether they are added.
  public var enabled = false
  /// The variables.
  public var env: [String: String] = [:]
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// The resources of the init container that brings agent files.
public struct AgentsInitContainerSettings: Sendable, Hashable {
  /// Requested CPU in thousandths of a core.
  public var requestCPUm = 300
  /// CPU limit in thousandths of a core.
  public var limitCPUm = 300
  /// Requested memory in MiB.
  public var requestMemoryMiB = 300
  /// Memory limit in MiB.
  public var limitMemoryMiB = 300
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// What the system does with its own telemetry.
public struct OwnTelemetrySettings: Sendable, Hashable {
  /// Whether its metrics are not kept.
  public var metricsStoreDisabled = false
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

/// How much components log.
public struct ComponentLogLevels: Sendable, Hashable {
  /// Those that are not named.
  public var `default`: ComponentLogLevel?
  /// The autoscaler.
  public var autoscaler: ComponentLogLevel?
  /// The scheduler.
  public var scheduler: ComponentLogLevel?
  /// The instrumentor.
  public var instrumentor: ComponentLogLevel?
  /// The node agent.
  public var odiglet: ComponentLogLevel?
  /// The device plugin.
  public var deviceplugin: ComponentLogLevel?
  /// The UI.
  public var ui: ComponentLogLevel?
  /// The collectors.
  public var collector: ComponentLogLevel?
  /// Settings that are not understood; written back unchanged.
  public var unknown = JSONObject()
  /// Nothing set.
  public init() {}
}

extension OIDCSettings: SettingsGroup {
  static var settings: [Setting<OIDCSettings>] {
    [
      .text("tenantUrl", \.tenantUrl, "Where people sign in."), .text("clientId", \.clientId, "Who the UI is there."),
      .text("clientSecret", \.clientSecret, "The secret of the UI there."),
    ]
  }
}

extension UserInstrumentationEnvironments: SettingsGroup {
  static var settings: [Setting<UserInstrumentationEnvironments>] { [.group("languages", \.languages)] }
}

extension LanguageEnvironments: SettingsGroup {
  static var settings: [Setting<LanguageEnvironments>] {
    ["java", "python", "nodejs", "javascript", "go", "dotnet", "php", "ruby"].map { name in
      Setting(
        key: name,
        read: { group, reader in
          group.byName[name] = reader.object(name) { LanguageEnvironment(reader: &$0) } ?? group.byName[name]
        },
        json: { group, _ in group.byName[name]?.json },
        documentation: { _, prefix, hasEffect in
          LanguageEnvironment().keys(below: "\(prefix)\(name).", hasEffect: hasEffect)
        })
    }
  }
}

extension LanguageEnvironment: SettingsGroup {
  static var settings: [Setting<LanguageEnvironment>] {
    [.bool("enabled", \.enabled, "Adds the variables."), .map("env", \.env, "The variables.")]
  }
}

extension AgentsInitContainerSettings: SettingsGroup {
  static var settings: [Setting<AgentsInitContainerSettings>] {
    [
      .integer("requestCPUm", \.requestCPUm, 1...100_000, "Requested CPU in thousandths of a core."),
      .integer("limitCPUm", \.limitCPUm, 1...100_000, "CPU limit in thousandths of a core."),
      .integer("requestMemoryMiB", \.requestMemoryMiB, 1...1_000_000, "Requested memory in MiB."),
      .integer("limitMemoryMiB", \.limitMemoryMiB, 1...1_000_000, "Memory limit in MiB."),
    ]
  }
}

extension OwnTelemetrySettings: SettingsGroup {
  static var settings: [Setting<OwnTelemetrySettings>] {
    [.bool("metricsStoreDisabled", \.metricsStoreDisabled, "Keeps none of the system's own metrics.")]
  }
}

extension ComponentLogLevels: SettingsGroup {
  static var settings: [Setting<ComponentLogLevels>] {
    [
      .choice("default", \.default, "How much components log that are not named."),
      .choice("autoscaler", \.autoscaler, "How much the autoscaler logs."),
      .choice("scheduler", \.scheduler, "How much the scheduler logs."),
      .choice("instrumentor", \.instrumentor, "How much the instrumentor logs."),
      .choice("odiglet", \.odiglet, "How much the node agent logs."),
      .choice("deviceplugin", \.deviceplugin, "How much the device plugin logs."),
      .choice("ui", \.ui, "How much the UI logs."),
      .choice("collector", \.collector, "How much the collectors log."),
    ]
  }
}
