import EventLoop
import Glibc

/// One accepted connection: moves bytes between its socket and its session and watches the clock.
final class ServerConnection: EventHandler, SessionHost, TurnObserver {
  private enum Phase {
    case handshake
    /// In the clear, until the first bytes tell the protocol.
    case detecting
    case serving
    /// All is said; what the peer still sends is thrown away until it closes.
    case lingering(until: MonotonicInstant)
    case closed
  }

  private unowned let listener: Listener
  private let context: ServerContext
  private let channel: SocketChannel
  private var registration: Registration?
  private var interest: EventMask = [.readable]
  private var phase: Phase
  private var session: (any ServerSession)?
  /// What came before the protocol was known.
  private var prelude: [UInt8] = []
  /// What the socket did not take.
  private var unsent = UnsentBytes()
  private var blockedSince: MonotonicInstant?
  private let began: MonotonicInstant
  private var awaitsTurnEnd = false
  private var clock: IdleClock
  /// The place in the listener's list.
  var place = 0
  private(set) var lastActive: MonotonicInstant
  private(set) lazy var peer: RequestPeer? = context.identifiesPeers ? RequestPeer(of: channel.fd) : nil

  init(channel: SocketChannel, listener: Listener) {
    self.channel = channel
    self.listener = listener
    context = listener.context
    phase = channel.isTLS ? .handshake : .detecting
    began = .now
    lastActive = began
    clock = IdleClock(began)
  }

  func start() throws(SystemError) {
    registration = try context.loop.register(channel.fd, for: interest, self)
  }

  /// What closing the connection would cost the peer.
  var standing: ConnectionStanding {
    switch phase {
    case .lingering, .closed: return .over
    case .handshake, .detecting: return .owes(since: began)
    case .serving:
      guard let session else { return .over }
      if let since = blockedSince ?? session.owedSince { return .owes(since: since) }
      guard session.isIdle else { return .busy }
      return session.requestCount == 0 ? .owes(since: began) : .idle(since: lastActive)
    }
  }

  // MARK: Events

  func handle(_ events: EventMask) {
    lastActive = .now
    if !events.isDisjoint(with: [.readable, .failed]) { channel.becameReadable() }
    switch phase {
    case .handshake: shakeHands()
    case .detecting: detect()
    case .serving: serve()
    case .lingering: discard()
    case .closed: break
    }
  }

  private func shakeHands() {
    switch channel.handshake() {
    case .done:
      beginServing(http2: channel.negotiatedHTTP2)
      serve()
    case .blocked(let wantsWrite): watch(wantsWrite ? [.readable, .writable] : [.readable])
    case .plaintext:
      channel.writeUnprotected(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"
          + "This port speaks HTTPS; the request came as HTTP.\n")
      linger()
    case .failed: close()
    }
  }

  private func detect() {
    switch channel.read(into: listener.input) {
    case .blocked: break
    case .ended, .failed: close()
    case .bytes(let count):
      prelude.append(contentsOf: listener.input[..<count])
      let compared = min(prelude.count, Self.preface.count)
      let isPreface = prelude[..<compared] == Self.preface[..<compared]
      guard !isPreface || compared == Self.preface.count else { return }
      beginServing(http2: isPreface)
      let first = prelude
      prelude = []
      first.withUnsafeBytes { deliver($0) }
      serve()
    }
  }

  /// What HTTP/2 connections begin with (RFC 9113 section 3.4).
  private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)[...]

  private func beginServing(http2: Bool) {
    phase = .serving
    session =
      http2
      ? HTTP2ServerSession(context: context, host: self)
      : HTTP1ServerSession(context: context, host: self)
    if session == nil { close() }
    // One that has just come is served all the same: its request was sent to us and to nobody else.
    if http2 ? listener.isDraining : listener.isRetiring { session?.retire() }
  }

  private func deliver(_ bytes: UnsafeRawBufferPointer) {
    guard let session, !session.receive(bytes, at: lastActive) else { return }
    // What the session had to say about it, such as GOAWAY, is worth an attempt.
    flush()
    if case .serving = phase { linger() }
  }

  private func serve() {
    var isEnded = false
    reading: for _ in 0..<Self.readsPerTurn {
      guard case .serving = phase, let session, session.wantsInput else { break }
      switch channel.read(into: listener.input) {
      case .bytes(let count): deliver(UnsafeRawBufferPointer(rebasing: listener.input[..<count]))
      case .blocked:
        flush()
        return
      case .ended:
        isEnded = true
        break reading
      case .failed: return close()
      }
    }
    guard case .serving = phase else { return }
    if isEnded { return peerEnded() }
    flush()
    // TLS may hold bytes that the socket will not report again.
    if case .serving = phase, channel.isTLS, session?.wantsInput == true { continueNextTurn() }
  }

  /// So that one busy peer does not keep the others waiting.
  private static let readsPerTurn = 32

  private func continueNextTurn() {
    let me = LoopBound(self, to: context.loop)
    context.loop.execute {
      me.value.channel.becameReadable()
      if case .serving = me.value.phase { me.value.serve() }
    }
  }

  private func peerEnded() {
    guard session?.peerEnded() == true else { return close() }
    hasPeerEnded = true
    flush()
  }
  private var hasPeerEnded = false

  // MARK: Sending

  func sessionHasOutput() {
    guard !awaitsTurnEnd, case .serving = phase else { return }
    awaitsTurnEnd = true
    context.loop.atTurnEnd(self)
  }

  func turnEnded() {
    awaitsTurnEnd = false
    if case .serving = phase { flush() }
  }

  /// Sends until nothing is left or the socket is full. TLS records are filled as far as there is matter.
  private func flush() {
    guard case .serving = phase, let session else { return }
    guard goesOn(unsent.retry(channel)) else { return }
    let buffer = UnsafeMutableRawBufferPointer(rebasing: listener.output[..<channel.writeSize])
    while true {
      guard let count = session.produce(into: buffer, at: lastActive) else { return close() }
      guard count > 0 else { break }
      guard goesOn(unsent.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: channel)) else { return }
    }
    if session.isFinished {
      if session.lingers, !hasPeerEnded { linger() } else { closeInOrder() }
    } else {
      watch(wanted(session))
    }
  }

  private func wanted(_ session: any ServerSession) -> EventMask {
    session.wantsInput && !hasPeerEnded ? [.readable] : []
  }

  /// Whether more can be written now.
  private func goesOn(_ outcome: UnsentBytes.Outcome) -> Bool {
    switch outcome {
    case .all:
      blockedSince = nil
      return true
    case .blocked:
      blockedSince = blockedSince ?? lastActive
      if let session { watch(wanted(session).union(.writable)) }
      return false
    case .failed:
      close()
      return false
    }
  }

  private func watch(_ events: EventMask) {
    guard events != interest, let registration else { return }
    interest = events
    context.loop.update(registration, for: events)
  }

  // MARK: Time

  /// Closes what has taken too long.
  func sweep(at now: MonotonicInstant) {
    switch phase {
    case .handshake, .detecting: if context.hasExpired(began, at: now) { close() }
    case .lingering(let until): if until <= now { close() }
    case .closed: break
    case .serving: sweepSession(at: now)
    }
  }

  private func sweepSession(at now: MonotonicInstant) {
    guard let session else { return close() }
    if let blockedSince, context.hasExpired(blockedSince, at: now) { return close() }
    if !session.hasBegun, context.hasExpired(began, at: now) { return close() }
    session.expire(at: now)
    switch clock.verdict(requests: session.requestCount, isIdle: session.isIdle, limits: context.limits, at: now) {
    case .stay: break
    case .drain: session.drain()
    case .close: return close()
    }
    flush()
  }

  /// Serves on, and has the peer use another connection.
  func retire() {
    guard case .serving = phase else { return }
    session?.retire()
    flush()
  }

  func drain() {
    switch phase {
    // These have a request to send yet; whoever has none is closed when the grace ends.
    case .handshake, .detecting: break
    case .serving:
      session?.drain()
      flush()
    case .lingering, .closed: break
    }
  }

  // MARK: Ends

  /// Closing at once while bytes of the peer wait unread would reset the connection and lose what was just sent.
  private func linger() {
    session?.connectionClosed()
    session = nil
    channel.finishWriting()
    phase = .lingering(until: MonotonicInstant.now.advanced(by: .seconds(2)))
    watch([.readable])
  }

  private func discard() {
    for _ in 0..<Self.readsPerTurn {
      let count = recv(channel.fd, listener.input.baseAddress, listener.input.count, 0)
      if count < 0, errno == EAGAIN { return }
      guard count > 0 else { return close() }
    }
  }

  private func closeInOrder() {
    channel.finishWriting()
    close()
  }

  func close() {
    if case .closed = phase { return }
    phase = .closed
    // What a peer does not take would stay in the kernel's memory for minutes.
    if blockedSince != nil { channel.resetsOnClose() }
    session?.connectionClosed()
    session = nil
    if let registration { context.loop.remove(registration) }
    registration = nil
    listener.remove(self)
  }
}
