import Logging
import ProcessInspection

/// The kernel's notes of executions, where the feature is on and they can be had. Without, processes are listed every
/// few seconds.
enum ProcessEvents {
  /// Opens them; nil where the kernel refuses, with a warning that names what is missing.
  static func open(_ logger: Logger) -> ExecEvents? {
    do throws(ExecEventsError) {
      let events = try ExecEvents()
      logger.info("the kernel tells which programs are executed")
      return events
    } catch {
      logger.warning("process events are off, processes are listed every few seconds instead: \(error.description)")
      return nil
    }
  }
}
