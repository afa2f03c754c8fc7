import Logging
import ProcessInspection

/// The kernel's notes of executions, as far as they can be had. Without, processes are listed every few seconds.
enum ProcessEvents {
  /// Opens them; nil where the kernel refuses, with a warning that names what is missing where they are `wanted`.
  static func open(wanted: Bool, _ logger: Logger) -> ExecEvents? {
    do throws(ExecEventsError) {
      let events = try ExecEvents()
      logger.info("the kernel tells which programs are executed")
      return events
    } catch {
      let message: Logger.Message =
        "process events are off, processes are listed every few seconds instead: \(error.description)"
      logger.log(level: wanted ? .warning : .info, message)
      return nil
    }
  }
}
