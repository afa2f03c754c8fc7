import Glibc
import Logging
import ServiceShell

/// Command line that cannot be followed.
public struct CollectorUsageError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong, and the usage.
  public let description: String

  init(_ problem: String) { description = "\(problem)\n\(CollectorProgram.usage)" }
}

/// The process `odigos-collector`.
public enum CollectorProgram {
  /// What `--help` says of it.
  public static let summary = "Receives telemetry by OTLP, processes it and sends it on, as configured."
  /// What `--help` says of its arguments.
  public static let options = """
      --config=FILE  an OpenTelemetry Collector configuration
      --validate     only say whether the configuration is good
    """
  static let usage = "Usage: odigos-collector --config=FILE [--validate]"

  /// How long what is held may be sent at the end; below the 10 s after which the process is killed.
  private static let grace: Duration = .seconds(8)
  private static let watchInterval: Duration = .seconds(5)

  /// What the command line asks for.
  struct Options: Equatable {
    var configFile: String
    var validatesOnly = false

    /// - Parameter arguments: without the name of the program.
    init(_ arguments: [String]) throws(CollectorUsageError) {
      var file: String?
      var rest = arguments[...]
      while let argument = rest.popFirst() {
        if argument == "--validate" || argument == "validate" {
          validatesOnly = true
        } else if argument == "--config", let value = rest.popFirst() {
          file = value
        } else if argument.hasPrefix("--config=") {
          file = String(argument.dropFirst("--config=".count))
        } else {
          throw CollectorUsageError("unknown argument \(argument)")
        }
      }
      guard var file, !file.isEmpty else { throw CollectorUsageError("--config is missing") }
      if file.hasPrefix("file:") { file.removeFirst("file:".count) }
      configFile = file
    }
  }

  /// Runs until the task is cancelled; then sends what is held. Changes of the configuration file are followed.
  /// - Parameter arguments: the command line without the name of the program.
  /// - Throws: CollectorUsageError, ConfigurationError, SystemError; no receiver listens then.
  public static func run(_ shell: ServiceShell, arguments: [String]) async throws {
    let options = try Options(arguments)
    var text = try FileContents.read(options.configFile, for: "--config")
    let configuration = try read(text, options, shell.logger)
    guard !options.validatesOnly else {
      print("\(options.configFile) is valid")
      return
    }
    var logger = shell.logger
    if let level = configuration.service.logLevel { logger.logLevel = level.swiftLogLevel }
    let service = try CollectorService(logger: logger)
    shell.health.setReady("pipelines", false)
    try await service.start(configuration)
    shell.health.setReady("pipelines", true)
    while !Task.isCancelled {
      try? await Task.sleep(for: watchInterval)
      await follow(options, &text, service, logger)
    }
    logger.info("what is held is sent before the end")
    // The stopping must not be cancelled along with this task.
    await Task { await service.stop(grace: grace) }.value
  }

  /// Reads the configuration and logs a line for each thing that is wrong with it.
  private static func read(
    _ text: [UInt8], _ options: Options, _ logger: Logger
  ) throws(ConfigurationError) -> CollectorConfiguration {
    do {
      let configuration = try CollectorConfiguration(text, environment: environment)
      for warning in configuration.warnings { logger.warning("\(warning)") }
      return configuration
    } catch {
      for problem in error.problems { logger.error("\(problem)", metadata: ["file": "\(options.configFile)"]) }
      throw ConfigurationError(["\(options.configFile) has \(error.problems.count) mistakes, see above"])
    }
  }

  /// Reloads when the file has changed. A bad file changes nothing.
  private static func follow(
    _ options: Options, _ text: inout [UInt8], _ service: CollectorService, _ logger: Logger
  ) async {
    // While a ConfigMap volume is exchanged the file may be missing for a moment.
    guard !Task.isCancelled, let now = try? FileContents.read(options.configFile, for: "--config"), now != text else {
      return
    }
    text = now
    do {
      try await service.reload(read(now, options, logger))
    } catch {
      logger.error("the changed configuration cannot be used: \(error)")
    }
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}

extension ServiceSettings.LogLevel {
  fileprivate var swiftLogLevel: Logger.Level {
    switch self {
    case .debug: .debug
    case .info: .info
    case .warn: .warning
    case .error: .error
    }
  }
}
