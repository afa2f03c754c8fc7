import Concurrency
import EventLoop
import KubeletPlugin
import Logging
import ProcessInspection

/// Watches that the agent files are there and complete, and puts them back where they are not: without them a device
/// would be a mount of nothing. Clears old ones away when the last process that used them has gone.
struct AgentFilesMonitor: Sendable {
  private enum Signal {
    case changed
    case tick
  }

  var source: String
  var destination: String
  /// Whose lock is taken; nil for the destination's.
  var lockDirectory: String?
  /// How long another process that installs is waited for.
  var lockBound: Duration
  var tree: ProcessTree
  var loop: EventLoop
  var logger: Logger
  /// Reading the files and the processes of a node takes long, and some of it may never answer.
  private let work: BlockingWork
  /// Told what is wrong, at first and whenever it changes; nil for nothing.
  var report: @Sendable (String?) -> Void

  /// How often everything is compared although no change was noticed: inotify does not see the depths.
  private static let fullCheckTicks = 120
  /// Processes are only looked at where there is an old version.
  private static let cleaningTicks = 600
  private static let longestPause = Duration.seconds(60)

  /// A monitor that does nothing before it runs; `patience` is how long a piece of work is waited for.
  init(
    source: String, destination: String, lockDirectory: String? = nil, lockBound: Duration = InstallationLock.bound,
    tree: ProcessTree, loop: EventLoop, logger: Logger, patience: Duration = .seconds(60),
    report: @escaping @Sendable (String?) -> Void
  ) {
    self.source = source
    self.destination = destination
    self.lockDirectory = lockDirectory
    self.lockBound = lockBound
    self.tree = tree
    self.loop = loop
    self.logger = logger
    work = BlockingWork(patience: patience)
    self.report = report
  }

  /// Runs until the task is cancelled.
  func run() async {
    let (signals, continuation) = AsyncStream.makeStream(of: Signal.self)
    let isNoted = Locked(false)
    // Without inotify it only takes longer.
    let watch = DirectoryWatch([destination], seesWrites: true, loop: loop) {
      let wasNoted = isNoted.withLock { noted in
        defer { noted = true }
        return noted
      }
      if !wasNoted { continuation.yield(.changed) }
    }
    defer { watch.close() }
    let clock = Task {
      while !Task.isCancelled {
        continuation.yield(.tick)
        await Beat.next(.seconds(1))
      }
    }
    defer { clock.cancel() }
    await withTaskCancellationHandler {
      await follow(signals, watch, isNoted)
    } onCancel: {
      continuation.finish()
    }
  }

  private func follow(_ signals: AsyncStream<Signal>, _ watch: DirectoryWatch, _ isNoted: Locked<Bool>) async {
    var state = State(check: AgentFilesCheck(source: source, destination: destination))
    for await signal in signals {
      switch signal {
      case .tick:
        state.ticks += 1
        if !watch.isOpen { watch.watch(state.check.watchedDirectories) }
        guard state.ticks % Self.fullCheckTicks == 0 || state.problem != nil else { continue }
      case .changed:
        // What is being installed makes many changes.
        try? await Task.sleep(for: .milliseconds(100))
      }
      isNoted.withLock { $0 = false }
      await look(&state, watch)
      watch.watch(state.check.watchedDirectories)
    }
  }

  private struct State {
    var check: AgentFilesCheck
    /// The seconds that have been seen, from 0 on: whatever is done now and then is done at once, too.
    var ticks = -1
    var hasReported = false
    var problem: String?
    var failures = 0
    /// Since when others, or anything else, have kept us from repairing.
    var firstFailure: ContinuousClock.Instant?
    var nextRepair = ContinuousClock.now
    var complaint = Complaint()
  }

  private func look(_ state: inout State, _ watch: DirectoryWatch) async {
    note(state.check.problem(), &state)
    // What changes during the work, which may take long, is seen after it.
    watch.watch(state.check.watchedDirectories)
    if state.problem != nil, !state.check.isDirectoryGone, state.nextRepair <= .now { await repair(&state) }
    if state.problem == nil, state.ticks % Self.cleaningTicks == 0 { await removeUnusedVersions() }
  }

  private func note(_ problem: String?, _ state: inout State) {
    if !state.hasReported || problem != state.problem { report(problem) }
    if let problem, state.complaint.isDue(problem, at: .now) {
      logger.error("the agent files are broken; no new container gets them", metadata: ["problem": "\(problem)"])
    }
    if problem == nil, state.problem != nil { logger.notice("the agent files are complete again") }
    if problem == nil { state.firstFailure = nil }
    state.problem = problem
    state.hasReported = true
  }

  /// The image that we run from has the files, so nobody needs to be called.
  private func repair(_ state: inout State) async {
    guard FileOperation.exists(source) else { return }
    let isForced = state.firstFailure.map { $0 + lockBound <= .now } ?? false
    if let failure = await failure("repair", { try installation(goesOnWithoutLock: isForced).install() }) {
      state.failures += 1
      state.firstFailure = state.firstFailure ?? .now
      if state.complaint.isDue(failure, at: .now) {
        logger.error("the agent files could not be put back; it is tried again", metadata: ["error": "\(failure)"])
      }
    } else {
      state.failures = 0
      state.firstFailure = nil
    }
    state.nextRepair = .now + min(.seconds(1 << min(state.failures, 6)), Self.longestPause)
    note(state.check.problem(), &state)
  }

  /// The threads of this process have more to do than to wait for a lock: it is tried again.
  private func installation(goesOnWithoutLock: Bool) -> AgentInstallation {
    AgentInstallation(
      source: source, destination: destination, selinux: SELinuxLabel.ofNode(), lockDirectory: lockDirectory,
      lockBound: .zero, goesOnWithoutLock: goesOnWithoutLock, processes: tree
    ) { logger.info("\($0)") }
  }

  private func removeUnusedVersions() async {
    let failure = await failure("removal") {
      try installation(goesOnWithoutLock: false).removeUnusedVersions(tree: tree)
    }
    if let failure { logger.warning("old agent files stay", metadata: ["error": "\(failure)"]) }
  }

  /// What went wrong with a piece of work; nil for nothing. One that has not ended is not begun again.
  private func failure(
    _ name: String, _ body: @escaping @Sendable () throws -> Void
  ) async -> String? {
    let result = await work.run(name) { () -> String? in
      do {
        try body()
        return nil
      } catch {
        return "\(error)"
      }
    }
    return result ?? "the \(name) of agent files has not ended: the disk or a process of the node does not answer"
  }
}
