import CShims
import Concurrency
import EventLoop
import Glibc
import HTTPTransport
import Logging

/// One component's process from its admin port to its exit code.
struct ServiceProcess {
  let name: String
  let settings: ServiceSettings
  /// How long the component may take to end once it has been told to.
  var stopTimeout = Duration.seconds(10)

  /// Container runtimes begin with 1,024 descriptors, which others' connections could use up; a process may raise that
  /// to what it is allowed by itself.
  private static func raiseDescriptorLimit() {
    var limit = rlimit()
    let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur < min(limit.rlim_max, 65536) else { return }
    limit.rlim_cur = min(limit.rlim_max, 65536)
    setrlimit(resource, &limit)
  }

  /// Runs `body` until it ends or a signal ends it; gives the exit code.
  func run(_ body: @escaping @Sendable (ServiceShell) async throws -> Void) async -> Int32 {
    signal(SIGPIPE, SIG_IGN)
    shim_tune_malloc(2)
    Self.raiseDescriptorLimit()
    let logger = Logger(label: name)
    let health = HealthState()
    ProcessMetrics.add(to: health, component: name)
    let loop: EventLoop
    let admin: HTTPServer
    do {
      loop = try EventLoop(name: "admin")
      admin = try openAdminPort(loop, health)
    } catch {
      logger.critical("cannot start", metadata: ["error": "\(error)"])
      return 1
    }
    logger.info("started", metadata: ["version": "\(Version.current)", "admin": "\(admin.address)"])
    var shell = ServiceShell(name: name, logger: logger, health: health)
    shell.adminAddress = admin.address
    let component = shell
    let stop = StopState()
    let task = Task { try await body(component) }
    let failure = loop.sync { watchSignals(loop, task, stop, component) }
    if let failure { logger.error("signals will not be heeded", metadata: ["error": "\(failure)"]) }
    let result = await task.result
    health.stop()
    await admin.shutdown(grace: .milliseconds(200))
    loop.shutdown()
    return exitCode(result, stop, logger)
  }

  private func openAdminPort(_ loop: EventLoop, _ health: HealthState) throws(HTTPServerError) -> HTTPServer {
    var limits = HTTPLimits()
    limits.maximumBodySize = 64 << 10
    limits.maximumConnections = 64
    limits.maximumBufferedBodies = 1 << 20
    limits.requestTimeout = .seconds(5)
    let endpoint = AdminEndpoint(health: health)
    return try HTTPServer(
      configuration: HTTPServerConfiguration(
        address: .tcp(host: "0.0.0.0", port: settings.adminPort), limits: limits),
      loop: loop, handler: .inline { endpoint.answer($0) })
  }

  /// On the loop's thread: the first signal cancels the task, a second one or too long a wait ends the process.
  private func watchSignals(_ loop: EventLoop, _ task: Task<Void, any Error>, _ stop: StopState, _ shell: ServiceShell)
    -> SystemError?
  {
    let timeout = stopTimeout
    do throws(SystemError) {
      try SignalWatch.start([SIGTERM, SIGINT], on: loop) {
        guard stop.request() else {
          shell.logger.warning("a second signal ends the process at once")
          exit(1)
        }
        shell.logger.info("stopping")
        shell.health.stop()
        task.cancel()
        loop.schedule(after: timeout) {
          shell.logger.error("did not stop in time", metadata: ["timeout": "\(timeout)"])
          exit(1)
        }
      }
      return nil
    } catch {
      return error
    }
  }

  private func exitCode(_ result: Result<Void, any Error>, _ stop: StopState, _ logger: Logger) -> Int32 {
    switch result {
    case .success:
      logger.info("stopped")
      return 0
    case .failure(let error) where stop.isRequested:
      // What fails because everything is being cancelled is no failure.
      logger.info("stopped", metadata: error is CancellationError ? [:] : ["error": "\(error)"])
      return 0
    case .failure(let error):
      logger.critical("failed", metadata: ["error": "\(error)"])
      return 1
    }
  }
}

/// Whether the process has been told to end.
private final class StopState: Sendable {
  private let requested = Locked(false)

  var isRequested: Bool { requested.withLock { $0 } }

  /// False when it had been told before.
  func request() -> Bool {
    requested.withLock { requested in
      defer { requested = true }
      return !requested
    }
  }
}
