import EventLoop

/// A gRPC client on one HTTP/2 connection, which is made when needed and made anew when lost.
///
/// A connection that cannot be made fails the calls that wait for it at once with status 14; the next call tries again,
/// so callers pace their own attempts.
public final class GRPCClient: Sendable {
  private let core: LoopBound<GRPCClientCore>
  private let authority: String
  private let scheme: String
  private let maximumMessageSize: Int
  private let compressesMessages: Bool

  /// Makes a client; `:authority` is "localhost" on Unix sockets, which grpc-go requires.
  ///
  /// - Parameters:
  ///   - maximumMessageSize: The largest message that is accepted, in bytes, also after expanding gzip.
  ///   - tls: How to make TLS connections; nil connects in the clear.
  ///   - compressesMessages: Whether messages are sent as gzip, for servers that accept it.
  public init(
    address: SocketAddress, loop: EventLoop, maximumMessageSize: Int = 16 << 20, tls: TLSClientConfiguration? = nil,
    compressesMessages: Bool = false
  ) {
    core = LoopBound(GRPCClientCore(address: address, tls: tls, loop: loop), to: loop)
    self.maximumMessageSize = maximumMessageSize
    self.compressesMessages = compressesMessages
    scheme = tls == nil ? "http" : "https"
    authority =
      switch address {
      case .unix: "localhost"
      case .tcp: address.description
      }
  }

  deinit { close() }

  /// A unary call. Connection failures are status 14 (UNAVAILABLE), a missed deadline is 4.
  ///
  /// - Parameters:
  ///   - metadata: Header fields to send along, names in lower case.
  ///   - timeout: From now to the answer, with the time that connecting takes.
  public func unary(
    _ path: String, _ message: [UInt8], metadata: [(name: String, value: String)] = [], timeout: Duration
  ) async throws(GRPCStatus) -> [UInt8] {
    let handle = CallHandle(core.loop)
    let fields = header(path, metadata, timeout: timeout)
    let body = frame(message)
    let core = core
    let maximumMessageSize = maximumMessageSize
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        core.run { core in
          let call = GRPCClientCall(
            header: fields, body: body, maximumMessageSize: maximumMessageSize, core: core, sink: .unary(continuation))
          call.setDeadline(timeout, on: core.loop)
          handle.begin(call, core)
        }
      }
    } onCancel: {
      handle.cancel()
    }
    return try result.get()
  }

  /// A server-streaming call; cancelling the reading task cancels the call. Its failures are `GRPCStatus`.
  ///
  /// Messages that are not read wait; when 1000 of them do, the call fails with status 8.
  public func serverStreaming(_ path: String, _ message: [UInt8]) -> AsyncThrowingStream<[UInt8], any Error> {
    let handle = CallHandle(core.loop)
    let fields = header(path, [], timeout: nil)
    let body = frame(message)
    let maximumMessageSize = maximumMessageSize
    return AsyncThrowingStream(bufferingPolicy: .bufferingOldest(1000)) { continuation in
      continuation.onTermination = { _ in handle.cancel() }
      core.run { core in
        let call = GRPCClientCall(
          header: fields, body: body, maximumMessageSize: maximumMessageSize, core: core, sink: .streaming(continuation)
        )
        handle.begin(call, core)
      }
    }
  }

  /// Who was at the other end of the connection that was made last; nil where none could be made, or the kernel does not
  /// say. On a Unix socket this is who began to listen at it.
  public var peer: RequestPeer? {
    get async {
      await withCheckedContinuation { continuation in core.run { continuation.resume(returning: $0.peer) } }
    }
  }

  /// Closes the connection; calls that are under way and later ones fail.
  public func close() {
    core.run { $0.close() }
  }

  private func header(_ path: String, _ metadata: [(name: String, value: String)], timeout: Duration?) -> [(
    name: String, value: String
  )] {
    var fields: [(name: String, value: String)] = [
      (":method", "POST"), (":scheme", scheme), (":path", path), (":authority", authority),
      ("content-type", "application/grpc"), ("te", "trailers"), ("user-agent", "odigos"),
      ("grpc-accept-encoding", "gzip"),
    ]
    if compressesMessages { fields.append(("grpc-encoding", "gzip")) }
    if let timeout { fields.append(("grpc-timeout", GRPCFraming.encodeTimeout(timeout))) }
    return fields + metadata
  }

  private func frame(_ message: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    GRPCFraming.append(compressesMessages ? Gzip.compress(message) : message, to: &output)
    if compressesMessages { output[0] = 1 }
    return output
  }
}

/// A call as its caller holds it: it may be cancelled from any thread, even before it has begun.
private final class CallHandle: Sendable {
  private let state: LoopBound<State>

  private final class State {
    var call: GRPCClientCall?
    var isCancelled = false
  }

  init(_ loop: EventLoop) { state = LoopBound(State(), to: loop) }

  /// On the loop's thread.
  func begin(_ call: GRPCClientCall, _ core: GRPCClientCore) {
    let state = state.value
    state.call = call
    if state.isCancelled { call.cancel() } else { core.start(call) }
  }

  func cancel() {
    state.run {
      $0.isCancelled = true
      $0.call?.cancel()
    }
  }
}
