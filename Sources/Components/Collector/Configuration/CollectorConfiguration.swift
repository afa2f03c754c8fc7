import JSON
import Telemetry
import YAML

/// A collector's configuration, read and checked as a whole.
public struct CollectorConfiguration: Sendable {
  let receivers: [ComponentID: OTLPReceiverSettings]
  let processors: [ComponentID: ProcessorSettings]
  let exporters: [ComponentID: ExporterSettings]
  let extensions: [ComponentID: HealthCheckSettings]
  let service: ServiceSettings
  /// What is accepted but worth a word.
  public let warnings: [String]

  /// Reads an OpenTelemetry Collector configuration (YAML).
  public init(_ text: [UInt8], environment: (String) -> String?) throws(ConfigurationError) {
    let document: JSONValue
    do {
      document = try YAML.parse(text)
    } catch {
      throw ConfigurationError([error.description])
    }
    let findings = ConfigurationFindings()
    let expanded = withoutActuallyEscaping(environment) { environment in
      EnvironmentExpansion(environment: environment, findings: findings).expand(document)
    }
    let root = Settings(expanded, path: "", findings: findings)
    receivers = Self.components(.receiver, root) { _, settings in OTLPReceiverSettings(settings) }
    processors = Self.components(.processor, root) { id, settings in ProcessorSettings(id, settings) }
    exporters = Self.components(.exporter, root) { id, settings in ExporterSettings(id, settings) }
    extensions = Self.components(.extension, root) { _, settings in HealthCheckSettings(settings) }
    root.refuse("connectors", "it has no connectors; give each pipeline its own receivers and exporters")
    service = ServiceSettings(
      root.section("service"),
      defined: DefinedComponents(
        receivers: receivers.keys.sorted(), processors: processors.keys.sorted(), exporters: exporters.keys.sorted(),
        extensions: extensions.keys.sorted()))
    root.finish()
    warnings = findings.warnings
    guard findings.problems.isEmpty else { throw ConfigurationError(findings.problems) }
  }

  /// Reads the components of one section.
  private static func components<Value>(
    _ kind: ComponentKind, _ root: Settings, _ make: (ComponentID, Settings) -> Value?
  ) -> [ComponentID: Value] {
    let section = root.section(kind.rawValue)
    var components: [ComponentID: Value] = [:]
    for key in section.keys {
      let settings = section.section(key)
      guard let id = ComponentID(key) else {
        section.findings.problem(section.path, "\"\(key)\" is no name; write type or type/name")
        continue
      }
      guard kind.types.contains(id.type) else {
        section.findings.problem(
          settings.path,
          "unknown \(kind.singular) type \"\(id.type)\"; odigos-collector has: \(kind.types.joined(separator: ", "))")
        continue
      }
      components[id] = make(id, settings)
      settings.finish()
    }
    return components
  }
}
