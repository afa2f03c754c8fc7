import Logging
import ProcessInspection

/// Whether the kernel is asked which programs are executed. Without, processes are listed every few seconds.
public enum ProcessEventsSetting: String, Sendable {
  /// Where the kernel allows it, without a word where it does not.
  case auto
  /// Wanted: where the kernel refuses, a warning names what is missing.
  case on = "true"
  case off = "false"

  /// The capabilities, without `CAP_`, that the container needs for it: none unless it is wanted.
  public var requiredCapabilities: [String] { self == .on ? ExecEvents.requiredCapabilities : [] }

  /// Reads the variable; nil for the default.
  init(_ text: String?) throws(ConfigurationError) {
    guard let setting = Self(rawValue: text ?? Self.auto.rawValue) else {
      throw ConfigurationError(
        "\(OdigletEnvironment.processEvents) is \"\(text ?? "")\"; it must be auto, true or false")
    }
    self = setting
  }

  /// Opens the kernel's notes; nil where they are off or refused.
  func open(_ logger: Logger) -> ExecEvents? {
    guard self != .off else { return nil }
    do throws(ExecEventsError) {
      let events = try ExecEvents()
      logger.info("the kernel tells which programs are executed")
      return events
    } catch {
      let message: Logger.Message =
        "process events are off, processes are listed every few seconds instead: \(error.description)"
      logger.log(level: self == .on ? .warning : .info, message)
      return nil
    }
  }
}
