import EventLoop
import Glibc

/// Who uses a client's connection.
protocol ClientConnectionOwner: AnyObject {
  /// Requests can be sent.
  func connectionIsReady(_ connection: ClientConnection)
  /// The connection takes no more requests; those under way may go on.
  func connectionIsLeaving(_ connection: ClientConnection)
  /// The connection could not be made or has gone.
  func connectionIsLost(_ connection: ClientConnection, _ reason: String)
}

/// One HTTP/2 connection of a client: resolves, connects, shakes hands, then moves bytes. On the loop's thread only.
final class ClientConnection: EventHandler, TurnObserver {
  private enum Phase {
    case resolving
    case connecting(rest: ArraySlice<ResolvedAddress>)
    case handshake
    case ready
    case closed
  }

  private let address: SocketAddress
  private let tls: TLSContext?
  private let serverName: String
  private let loop: EventLoop
  private weak var owner: (any ClientConnectionOwner)?
  private var phase = Phase.resolving
  private var channel: SocketChannel?
  private var registration: Registration?
  private var interest: EventMask = []
  private var timer: LoopTimer?
  private var unsent = UnsentBytes()
  private var awaitsTurnEnd = false
  private(set) var session: HTTP2Session?
  /// Who is at the other end; nil before the connection is made.
  private(set) var peer: RequestPeer?
  /// When the peer was last heard.
  private(set) var lastHeard = MonotonicInstant.now

  /// How long one address may take to be connected to, with its handshake.
  private static let connectTimeout = Duration.seconds(5)

  init(
    _ address: SocketAddress, tls: TLSContext?, serverName: String, loop: EventLoop,
    owner: any ClientConnectionOwner
  ) {
    self.address = address
    self.tls = tls
    self.serverName = serverName
    self.loop = loop
    self.owner = owner
  }

  func start() {
    let me = LoopBound(self, to: loop)
    Resolver.resolve(address) { result in
      me.run { connection in
        guard case .resolving = connection.phase else { return }
        switch result {
        case .success(let addresses): connection.connect(addresses[...], lastReason: "it has no address")
        case .failure(let error): connection.close(error.description)
        }
      }
    }
  }

  // MARK: Connecting

  /// Tries the addresses in order.
  private func connect(_ addresses: ArraySlice<ResolvedAddress>, lastReason: String) {
    dropSocket()
    guard let target = addresses.first else { return close("\(address): \(lastReason)") }
    phase = .connecting(rest: addresses.dropFirst())
    do throws(SystemError) {
      let fd = try Socket.startConnecting(to: target)
      guard let channel = SocketChannel(fd: fd, tls: tls, asClientOf: serverName) else {
        return close("cannot begin TLS with \(address)")
      }
      self.channel = channel
      interest = .writable
      registration = try loop.register(fd, for: interest, self)
      timer = loop.schedule(after: Self.connectTimeout) { [weak self] in self?.attemptFailed("no answer in time") }
    } catch {
      connect(addresses.dropFirst(), lastReason: error.description)
    }
  }

  private func attemptFailed(_ reason: String) {
    switch phase {
    case .connecting(let rest): connect(rest, lastReason: reason)
    default: close("\(address): \(reason)")
    }
  }

  private func finishConnecting(_ channel: SocketChannel) {
    let code = Socket.pendingError(channel.fd)
    guard code == 0 else { return attemptFailed(SystemError("connect", code: code).description) }
    phase = .handshake
    peer = RequestPeer(of: channel.fd)
    shakeHands(channel)
  }

  private func shakeHands(_ channel: SocketChannel) {
    switch channel.handshake() {
    case .blocked(let wantsWrite): watch(wantsWrite ? [.readable, .writable] : .readable)
    case .plaintext: close("\(address): the peer does not speak TLS")
    case .failed(let reason): close("\(address): \(reason)")
    case .done:
      guard !channel.isTLS || channel.negotiatedHTTP2 else {
        return close("\(address): the peer does not speak HTTP/2")
      }
      becomeReady()
    }
  }

  private func becomeReady() {
    if let timer { loop.cancel(timer) }
    timer = nil
    var settings = HTTP2Settings()
    settings.maximumConcurrentStreams = 0
    guard let session = HTTP2Session(isServer: false, settings: settings, budget: BodyBudget(.max)) else {
      return close("\(address): no memory for a session")
    }
    self.session = session
    phase = .ready
    lastHeard = .now
    owner?.connectionIsReady(self)
    flush()
  }

  // MARK: Moving bytes

  func handle(_ events: EventMask) {
    guard let channel else { return }
    if !events.isDisjoint(with: [.readable, .failed]) { channel.becameReadable() }
    switch phase {
    case .connecting: finishConnecting(channel)
    case .handshake: shakeHands(channel)
    case .ready: receive(channel)
    case .resolving, .closed: break
    }
  }

  private func receive(_ channel: SocketChannel) {
    withUnsafeTemporaryAllocation(byteCount: 32 << 10, alignment: 16) { buffer in
      reading: while case .ready = phase, let session {
        switch channel.read(into: buffer) {
        case .blocked: break reading
        case .ended, .failed: return close("\(address): the peer has closed the connection")
        case .bytes(let count):
          lastHeard = .now
          let isSound = session.receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: lastHeard)
          session.drainEvents(handle)
          guard isSound else { return close("\(address): the peer broke the rules of HTTP/2") }
        }
      }
    }
    flush()
  }

  private func handle(_ event: HTTP2Event) {
    switch event {
    case .progress(let stream): stream.owner?.streamProgressed(stream)
    case .closed(let stream, let errorCode):
      stream.owner?.streamClosed(errorCode: errorCode)
      stream.owner = nil
    case .goAway: owner?.connectionIsLeaving(self)
    case .request, .pong: break
    }
  }

  /// Something waits to be sent; it goes at the end of the turn, with what else comes until then.
  func hasOutput() {
    guard !awaitsTurnEnd else { return }
    awaitsTurnEnd = true
    loop.atTurnEnd(self)
  }

  func turnEnded() {
    awaitsTurnEnd = false
    flush()
  }

  private func flush() {
    guard case .ready = phase, let channel, let session else { return }
    guard goesOn(unsent.retry(channel)) else { return }
    let isDone = withUnsafeTemporaryAllocation(byteCount: channel.writeSize, alignment: 16) { buffer -> Bool in
      while true {
        guard let count = session.produce(into: buffer, at: .now) else { return true }
        guard count > 0 else { return session.isFinished }
        guard goesOn(unsent.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), to: channel)) else {
          return false
        }
      }
    }
    session.drainEvents(handle)
    if isDone {
      close("\(address): the session has ended")
    } else if case .ready = phase, unsent.isEmpty {
      watch(.readable)
    }
  }

  private func goesOn(_ outcome: UnsentBytes.Outcome) -> Bool {
    switch outcome {
    case .all: return true
    case .blocked: watch([.readable, .writable])
    case .failed: close("\(address): the connection broke while sending")
    }
    return false
  }

  private func watch(_ events: EventMask) {
    guard events != interest, let registration else { return }
    interest = events
    loop.update(registration, for: events)
  }

  // MARK: Ends

  private func dropSocket() {
    if let timer { loop.cancel(timer) }
    timer = nil
    if let registration { loop.remove(registration) }
    registration = nil
    channel = nil
  }

  /// Ends the connection and the calls on it.
  func close(_ reason: String) {
    if case .closed = phase { return }
    if case .ready = phase { channel?.finishWriting() }
    phase = .closed
    let streams = session?.open ?? []
    for stream in streams {
      stream.owner?.connectionLost(reason)
      stream.owner = nil
    }
    session = nil
    dropSocket()
    owner?.connectionIsLost(self, reason)
  }
}
