import EventLoop
import Glibc

/// The listening socket of one server and its connections; on the loop's thread only.
final class Listener: EventHandler {
  let context: ServerContext
  /// What new connections are made from; nil serves in the clear.
  var tls: TLSContext?
  /// Memory for reading and writing that all connections use in turn.
  let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
  let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
  private let fd: Int32
  private var socketFile: SocketFile?
  private var registration: Registration?
  private var connections: [ServerConnection] = []
  private var sweepTimer: LoopTimer?
  private(set) var isDraining = false
  /// Connections are asked to go elsewhere; new ones are accepted still, unless it drains.
  private(set) var isRetiring = false
  private var whenClosed: [() -> Void] = []

  init(fd: Int32, address: SocketAddress, context: ServerContext, tls: TLSContext?) {
    self.fd = fd
    self.context = context
    self.tls = tls
    if case .unix(let path) = address { socketFile = SocketFile(path) }
  }

  deinit {
    input.deallocate()
    output.deallocate()
    if !isDraining { Glibc.close(fd) }
  }

  func start() throws(SystemError) {
    registration = try context.loop.register(fd, for: [.readable], self)
  }

  // MARK: Accepting

  func handle(_ events: EventMask) {
    for _ in 0..<64 {
      let socket = Socket.accept(fd)
      if socket >= 0 {
        open(socket)
      } else if errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM {
        return pause()
      } else if errno != EINTR, errno != ECONNABORTED {
        return
      }
    }
  }

  /// Without a free descriptor the socket stays readable: wait instead of spinning.
  private func pause() {
    guard let registration else { return }
    context.loop.update(registration, for: [])
    context.loop.schedule(after: .milliseconds(200)) { [weak self] in
      guard let self, let registration = self.registration else { return }
      context.loop.update(registration, for: [.readable])
    }
  }

  private func open(_ socket: Int32) {
    if connections.count >= context.limits.maximumConnections { makeRoom() }
    guard connections.count < context.limits.maximumConnections else {
      Glibc.close(socket)
      return
    }
    if socketFile == nil { Socket.tune(socket) }
    guard let channel = SocketChannel(fd: socket, tls: tls) else { return }
    let connection = ServerConnection(channel: channel, listener: self)
    guard (try? connection.start()) != nil else { return }
    connection.place = connections.count
    connections.append(connection)
    scheduleSweep()
  }

  private func makeRoom() {
    if let place = ConnectionStanding.leastUseful(connections.map(\.standing), at: .now) { connections[place].close() }
  }

  func remove(_ connection: ServerConnection) {
    guard connection.place < connections.count, connections[connection.place] === connection else { return }
    let last = connections.removeLast()
    if last !== connection {
      connections[connection.place] = last
      last.place = connection.place
    }
    if isDraining, connections.isEmpty { finishDraining() }
  }

  // MARK: Time

  /// Time is checked for all connections at once, which costs requests nothing; a limit may be overdrawn by an eighth.
  private func scheduleSweep() {
    guard sweepTimer == nil, !connections.isEmpty else { return }
    let shortest = min(context.limits.requestTimeout, context.limits.idleTimeout)
    let interval = min(max(shortest / 8, .milliseconds(10)), .seconds(1))
    sweepTimer = context.loop.schedule(after: interval) { [weak self] in self?.sweep() }
  }

  private func sweep() {
    sweepTimer = nil
    let now = MonotonicInstant.now
    for connection in connections { connection.sweep(at: now) }
    scheduleSweep()
  }

  // MARK: Ends

  func retire() {
    isRetiring = true
    for connection in connections { connection.retire() }
  }

  func drain(grace: Duration, whenClosed: @escaping () -> Void) {
    self.whenClosed.append(whenClosed)
    if !isDraining {
      // Who is in the queue already was told nothing else than to come here.
      handle([.readable])
      isRetiring = true
      isDraining = true
      if let registration { context.loop.remove(registration) }
      registration = nil
      Glibc.close(fd)
      socketFile?.unlinkIfSame()
      for connection in connections { connection.drain() }
    }
    guard !connections.isEmpty else { return finishDraining() }
    context.loop.schedule(after: grace) { [weak self] in self?.closeAll() }
  }

  private func closeAll() {
    for connection in connections { connection.close() }
  }

  private func finishDraining() {
    let waiting = whenClosed
    whenClosed = []
    for body in waiting { body() }
  }
}

/// The file of a Unix socket, known by its inode: another process may have put its own at the same path since.
private struct SocketFile {
  private let path: String
  private let device: dev_t
  private let inode: ino_t

  init?(_ path: String) {
    var information = stat()
    guard lstat(path, &information) == 0 else { return nil }
    self.path = path
    device = information.st_dev
    inode = information.st_ino
  }

  func unlinkIfSame() {
    var information = stat()
    guard lstat(path, &information) == 0, information.st_dev == device, information.st_ino == inode else { return }
    unlink(path)
  }
}
