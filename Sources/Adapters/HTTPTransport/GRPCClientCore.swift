import EventLoop

/// What a client keeps on the loop's thread: its connection and the calls that wait for one.
final class GRPCClientCore: ClientConnectionOwner {
  let loop: EventLoop
  private let address: SocketAddress
  private let tls: TLSClientConfiguration?
  private var context: TLSContext?
  /// The connection for new calls; one that the server is leaving lives on with its calls only.
  private var connection: ClientConnection?
  private var leaving: [ClientConnection] = []
  private var waiting: [GRPCClientCall] = []
  private var isClosed = false
  /// Who was at the other end of the last connection that could be used.
  private(set) var peer: RequestPeer?

  init(address: SocketAddress, tls: TLSClientConfiguration?, loop: EventLoop) {
    self.address = address
    self.tls = tls
    self.loop = loop
  }

  func start(_ call: GRPCClientCall) {
    guard !call.isDone else { return }
    guard !isClosed else { return call.complete(.failure(GRPCStatus(GRPCCode.cancelled, "the client is closed"))) }
    if let connection, connection.session != nil {
      place(call, on: connection)
    } else {
      waiting.append(call)
      if connection == nil { connect() }
    }
  }

  private func place(_ call: GRPCClientCall, on connection: ClientConnection) {
    guard let stream = connection.session?.request(call.header, body: call.body, at: .now) else {
      // Out of stream numbers: the next connection has them all again.
      self.connection = nil
      leaving.append(connection)
      return start(call)
    }
    call.isPlaced(on: connection, stream)
    connection.hasOutput()
  }

  private func connect() {
    do throws(TLSError) {
      if let tls, context == nil { context = try TLSContext.client(tls) }
      let connection = ClientConnection(address, tls: context, serverName: serverName, loop: loop, owner: self)
      self.connection = connection
      connection.start()
    } catch {
      failWaiting(error.description)
    }
  }

  private var serverName: String {
    if let name = tls?.serverName { return name }
    guard case .tcp(let host, _) = address else { return "localhost" }
    return host
  }

  private func failWaiting(_ reason: String) {
    let calls = waiting
    waiting = []
    for call in calls { call.complete(.failure(GRPCStatus(GRPCCode.unavailable, reason))) }
  }

  // MARK: The connection's news

  func connectionIsReady(_ connection: ClientConnection) {
    peer = connection.peer
    let calls = waiting
    waiting = []
    for call in calls where !call.isDone { place(call, on: connection) }
  }

  func connectionIsLeaving(_ connection: ClientConnection) {
    guard self.connection === connection else { return }
    self.connection = nil
    leaving.append(connection)
  }

  func connectionIsLost(_ connection: ClientConnection, _ reason: String) {
    leaving.removeAll { $0 === connection }
    guard self.connection === connection else { return }
    self.connection = nil
    failWaiting(reason)
  }

  func close() {
    isClosed = true
    for connection in leaving + (connection.map { [$0] } ?? []) { connection.close("the client was closed") }
    failWaiting("the client was closed")
  }
}
