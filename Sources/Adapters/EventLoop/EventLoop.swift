import CShims
import Concurrency
import Glibc
import Synchronization

/// One epoll loop on one thread; also a task executor, so that async handlers run on the loop's thread.
///
/// Descriptors and timers belong to the thread: `register`, `update`, `remove`, `schedule` and `cancel` are called
/// there (from a handler, a timer, or a body given to `execute`). The thread lives until `shutdown`.
public final class EventLoop: TaskExecutor, @unchecked Sendable {
  // Unchecked: `registrations`, `timers` and `events` are touched by the loop's thread only, which the functions
  // that reach them verify; what other threads bring goes through `inbox`.
  private struct Inbox {
    var jobs: [UnownedJob] = []
    var bodies: [@Sendable () -> Void] = []
    var sleeping = false
    var stopping = false
    var ended = false
  }

  /// The name, also of the thread (its first 15 bytes).
  public let name: String
  private let epoll: Int32
  private let wake: Int32
  private let inbox = Locked(Inbox())
  /// The loop's thread; 0 before it has started and after it has ended.
  private let thread = Atomic<pthread_t>(0)
  private var registrations = Registrations()
  private var timers = TimerHeap()
  private var turnObservers: [any TurnObserver] = []
  private let events: UnsafeMutablePointer<epoll_event>
  private static let eventCapacity = 128
  private static let wakeTag = UInt64.max

  /// Starts the thread.
  public init(name: String) throws(SystemError) {
    self.name = name
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard epoll >= 0 else { throw SystemError("epoll_create1", code: errno) }
    wake = shim_eventfd()
    guard wake >= 0 else {
      let code = errno
      close(epoll)
      throw SystemError("eventfd", code: code)
    }
    events = .allocate(capacity: Self.eventCapacity)
    guard shim_epoll_ctl(epoll, EPOLL_CTL_ADD, wake, shim_EPOLLIN, Self.wakeTag) == 0 else {
      throw SystemError("epoll_ctl", code: errno)
    }
    try startThread()
  }

  deinit {
    events.deallocate()
    close(wake)
    close(epoll)
  }

  /// Whether the present thread is the loop's.
  public var isCurrent: Bool {
    thread.load(ordering: .relaxed) == pthread_self()
  }

  // MARK: Work from anywhere

  /// Runs `body` on the loop's thread, soon.
  public func execute(_ body: @escaping @Sendable () -> Void) {
    deliver { $0.bodies.append(body) }
  }

  /// Runs `body` on the loop's thread and waits for it; at once when that is the present thread.
  public func sync<Result: Sendable>(_ body: @escaping @Sendable () -> Result) -> Result {
    if isCurrent { return body() }
    let outcome = Locked<Result?>(nil)
    let done = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    sem_init(done, 0, 0)
    defer {
      sem_destroy(done)
      done.deallocate()
    }
    let address = UInt(bitPattern: done)
    execute {
      let result = body()
      outcome.withLock { $0 = result }
      if let done = UnsafeMutablePointer<sem_t>(bitPattern: address) { sem_post(done) }
    }
    while true {
      while sem_wait(done) != 0 {}
      if let result = outcome.withLock({ $0 }) { return result }
    }
  }

  /// Runs a job of a task that prefers this executor.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    deliver { $0.jobs.append(job) }
  }

  /// Ends the thread once what runs has finished. What is executed later still runs, on a thread of its own.
  public func shutdown() {
    deliver { $0.stopping = true }
  }

  private func deliver(_ add: (inout Inbox) -> Void) {
    let (wakes, revives) = inbox.withLock { inbox -> (Bool, Bool) in
      add(&inbox)
      let result = (inbox.sleeping, inbox.ended)
      inbox.sleeping = false
      inbox.ended = false
      return result
    }
    if wakes {
      var one: UInt64 = 1
      write(wake, &one, 8)
    }
    // A task may outlive the loop that it prefers; it must not hang for that.
    if revives { try? startThread() }
  }

  private func startThread() throws(SystemError) {
    var thread = pthread_t()
    let retained = Unmanaged.passRetained(self)
    let code = pthread_create(&thread, nil, runLoopThread, retained.toOpaque())
    guard code == 0 else {
      retained.release()
      throw SystemError("pthread_create", code: code)
    }
    pthread_detach(thread)
  }

  // MARK: Descriptors, on the loop's thread

  /// Tells `handler`, which is kept until `remove`, when `fd` is ready for `events`.
  public func register(_ fd: Int32, for events: EventMask, _ handler: any EventHandler) throws(SystemError)
    -> Registration
  {
    assertCurrent()
    let registration = registrations.add(handler, fd: fd)
    guard shim_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, events.rawValue, registration.tag) == 0 else {
      let code = errno
      registrations.remove(registration)
      throw SystemError("epoll_ctl add", code: code)
    }
    return registration
  }

  /// Changes what the descriptor is watched for.
  public func update(_ registration: Registration, for events: EventMask) {
    assertCurrent()
    _ = shim_epoll_ctl(epoll, EPOLL_CTL_MOD, registration.fd, events.rawValue, registration.tag)
  }

  /// Watches the descriptor no longer; call it before closing the descriptor.
  public func remove(_ registration: Registration) {
    assertCurrent()
    _ = shim_epoll_ctl(epoll, EPOLL_CTL_DEL, registration.fd, 0, 0)
    registrations.remove(registration)
  }

  // MARK: Timers, on the loop's thread

  /// Runs `body` once, `delay` from now.
  @discardableResult
  public func schedule(after delay: Duration, _ body: @escaping () -> Void) -> LoopTimer {
    assertCurrent()
    let timer = LoopTimer(deadline: MonotonicInstant.now.advanced(by: delay), body: body)
    timers.insert(timer)
    return timer
  }

  /// Keeps the timer from running; nothing happens when it has run.
  public func cancel(_ timer: LoopTimer) {
    assertCurrent()
    timers.remove(timer)
  }

  // MARK: Turns, on the loop's thread

  /// Calls `observer` once at the end of the present turn: for what several events of a turn should do but once.
  public func atTurnEnd(_ observer: any TurnObserver) {
    assertCurrent()
    turnObservers.append(observer)
  }

  private func endTurn() {
    var index = 0
    while index < turnObservers.count {
      turnObservers[index].turnEnded()
      index += 1
    }
    turnObservers.removeAll(keepingCapacity: true)
  }

  private func assertCurrent() {
    assert(isCurrent, "loop \(name) was used on another thread")
  }

  // MARK: The thread

  fileprivate func run() {
    name.withCString { shim_name_thread($0) }
    thread.store(pthread_self(), ordering: .relaxed)
    while true {
      let timeout = timeoutUntilNextTimer()
      guard let wait = prepareToWait(timeout) else { return }
      let count = epoll_wait(epoll, events, Int32(Self.eventCapacity), wait)
      dispatch(max(0, Int(count)))
      runDueTimers()
      runInbox()
      endTurn()
    }
  }

  /// How long epoll may wait in milliseconds, -1 for ever; nil when the thread shall end.
  private func prepareToWait(_ timeout: Int32) -> Int32? {
    inbox.withLock { inbox in
      guard inbox.jobs.isEmpty, inbox.bodies.isEmpty else { return 0 }
      if inbox.stopping {
        inbox.ended = true
        thread.store(0, ordering: .relaxed)
        return nil
      }
      inbox.sleeping = timeout != 0
      return timeout
    }
  }

  private func timeoutUntilNextTimer() -> Int32 {
    guard let next = timers.next else { return -1 }
    let now = MonotonicInstant.now
    guard next > now else { return 0 }
    // Rounded up: waking before the deadline would only spin.
    return Int32(clamping: (next.nanoseconds - now.nanoseconds + 999_999) / 1_000_000)
  }

  private func dispatch(_ count: Int) {
    for index in 0..<count {
      let tag = shim_epoll_tag(events + index)
      if tag == Self.wakeTag {
        var value: UInt64 = 0
        read(wake, &value, 8)
      } else {
        registrations.handler(tag: tag)?.handle(EventMask(rawValue: shim_epoll_events(events + index)))
      }
    }
  }

  private func runDueTimers() {
    guard timers.next != nil else { return }
    let now = MonotonicInstant.now
    while let timer = timers.popDue(now) { timer.body() }
  }

  /// Runs what is there now; what that adds waits for the next turn, so that descriptors are not starved.
  private func runInbox() {
    let (jobs, bodies) = inbox.withLock { inbox -> ([UnownedJob], [@Sendable () -> Void]) in
      inbox.sleeping = false
      let taken = (inbox.jobs, inbox.bodies)
      if !taken.0.isEmpty { inbox.jobs = [] }
      if !taken.1.isEmpty { inbox.bodies = [] }
      return taken
    }
    for body in bodies { body() }
    for job in jobs { job.runSynchronously(on: asUnownedTaskExecutor()) }
  }
}

/// Who wants to do something once per turn of a loop.
public protocol TurnObserver: AnyObject {
  /// All that was ready, due or sent in this turn has been handled.
  func turnEnded()
}

private func runLoopThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  Unmanaged<EventLoop>.fromOpaque(argument).takeRetainedValue().run()
  return nil
}
