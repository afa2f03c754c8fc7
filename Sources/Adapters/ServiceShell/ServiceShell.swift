import Logging

// CONTRACT, to be implemented by the owner of this target.

/// What every component's process shares: JSON log lines on stderr, the admin port with `/healthz`, `/livez`,
/// `/readyz` and `/metrics`, signals, version, `--help`.
public struct ServiceShell: Sendable {
  /// The component's name, such as "odigos-instrumentor".
  public var name: String
  /// Its logger.
  public var logger: Logger
  /// What `/livez` and `/readyz` say and `/metrics` shows.
  public var health: HealthState

  /// Runs a component: answers `--help` and `--version`, sets up logging (ODIGOS_LOG_LEVEL), opens the admin port
  /// (`ODIGOS_ADMIN_PORT`, default 8081), then runs `body`; SIGTERM and SIGINT cancel it and give it 10 s.
  /// Exits with 0, or 1 and a log line after an error.
  public static func run(name: String, summary: String, body: @escaping @Sendable (ServiceShell) async throws -> Void)
    async -> Never
  {
    fatalError("not here yet")
  }
}

/// The truth about the process, as probes ask for it.
public final class HealthState: Sendable {
  /// Sets the state of one named condition of readiness; ready means all true.
  public func setReady(_ condition: String, _ ready: Bool) {}
  /// Adds a gauge or counter read at scrape time, as Prometheus text `name value`.
  public func addMetric(
    _ name: String, help: String, kind: String, _ read: @escaping @Sendable () -> [(labels: String, value: Double)]
  ) {}
}
