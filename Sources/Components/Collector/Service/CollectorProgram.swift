import Glibc
import Logging

/// Command line that cannot be followed.
public struct CollectorUsageError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong, and the usage.
  public let description: String

  init(_ problem: String) { description = "\(problem)\n\(CollectorProgram.usage)" }
}

/// The process `odigos-collector`.
public enum CollectorProgram {
  /// What the command line may hold.
  public static let usage = """
    usage: odigos-collector --config=FILE [--validate]
      --config=FILE  an OpenTelemetry Collector configuration
      --validate     only say whether the configuration is good
    """

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
  /// - Throws: CollectorUsageError, ConfigurationError, SystemError; nothing listens then.
  public static func run(arguments: [String], logger: Logger) async throws {
    let options = try Options(arguments)
    var text = try FileContents.read(options.configFile, for: "--config")
    let configuration = try CollectorConfiguration(text, environment: environment)
    if options.validatesOnly {
      for warning in configuration.warnings { logger.warning("\(warning)") }
      logger.info("the configuration is valid", metadata: ["file": "\(options.configFile)"])
      return
    }
    var logger = logger
    if let level = configuration.service.logLevel { logger.logLevel = level.swiftLogLevel }
    let service = try CollectorService(logger: logger)
    try await service.start(configuration)
    while !Task.isCancelled {
      try? await Task.sleep(for: watchInterval)
      await follow(options.configFile, &text, service, logger)
    }
    logger.info("collector ends: what is held is sent")
    // The stopping must not be cancelled along with this task.
    await Task { await service.stop(grace: grace) }.value
  }

  /// Reloads when the file has changed. A bad file changes nothing.
  private static func follow(
    _ file: String, _ text: inout [UInt8], _ service: CollectorService, _ logger: Logger
  ) async {
    // While a ConfigMap volume is exchanged the file may be missing for a moment.
    guard !Task.isCancelled, let now = try? FileContents.read(file, for: "--config"), now != text else { return }
    text = now
    do {
      try await service.reload(CollectorConfiguration(now, environment: environment))
    } catch {
      logger.error("the changed configuration is not good: \(error)")
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
