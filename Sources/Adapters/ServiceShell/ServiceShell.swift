import Glibc
import HTTPTransport
import Logging

/// What every component's process shares: JSON log lines on stderr, the admin port with `/healthz`, `/livez`,
/// `/readyz` and `/metrics`, signals, version, `--help`.
public struct ServiceShell: Sendable {
  /// The component's name, such as "odigos-instrumentor".
  public var name: String
  /// Its logger.
  public var logger: Logger
  /// What `/livez` and `/readyz` say and `/metrics` shows.
  public var health: HealthState
  /// Where the admin port listens; nil without a process around the shell.
  public var adminAddress: SocketAddress?

  /// Makes a shell without a process around it, as tests of components need.
  public init(name: String, logger: Logger, health: HealthState) {
    self.name = name
    self.logger = logger
    self.health = health
  }

  /// Runs a component: answers `--help` and `--version`, sets up logging (ODIGOS_LOG_LEVEL), opens the admin port
  /// (`ODIGOS_ADMIN_PORT`, default 8081; 0 takes a free one and logs it), then runs `body`; SIGTERM and SIGINT cancel
  /// it and give it 10 s.
  /// Exits with 0, or 1 and a log line after an error.
  ///
  /// - Parameters:
  ///   - options: Lines for `--help` about arguments that `body` reads itself, such as
  ///     "  --config FILE   the configuration".
  public static func run(
    name: String, summary: String, options: String = "",
    body: @escaping @Sendable (ServiceShell) async throws -> Void
  ) async -> Never {
    let arguments = CommandLine.arguments.dropFirst()
    if arguments.contains("--help") || arguments.contains("-h") {
      print(HelpText.make(name: name, summary: summary, options: options))
      exit(0)
    }
    if arguments.contains("--version") {
      print("\(name) \(Version.current)")
      exit(0)
    }
    do throws(ServiceError) {
      let settings = try ServiceSettings(environment)
      LoggingSystem.bootstrap { JSONLogHandler(label: $0, level: settings.logLevel) }
      exit(await ServiceProcess(name: name, settings: settings).run(body))
    } catch {
      JSONLogHandler(label: name, level: .info).write(.critical, error.description)
      exit(1)
    }
  }
}

/// What keeps a component from starting.
struct ServiceError: Error, Equatable, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
