import EventLoop

/// A gRPC client on one HTTP/2 connection, which is made when needed and made anew when lost.
public final class GRPCClient: Sendable {
  /// `:authority` is "localhost" on Unix sockets, which grpc-go requires.
  public init(
    address: SocketAddress, loop: EventLoop, maximumMessageSize: Int = 16 << 20, tls: TLSClientConfiguration? = nil
  ) {}
  /// A unary call. Connection failures are status 14 (UNAVAILABLE), a missed deadline is 4.
  public func unary(
    _ path: String, _ message: [UInt8], metadata: [(name: String, value: String)] = [], timeout: Duration
  ) async throws(GRPCStatus) -> [UInt8] { throw GRPCStatus(12, "not here yet") }
  /// A server-streaming call; cancelling the reading task cancels the call.
  public func serverStreaming(_ path: String, _ message: [UInt8]) -> AsyncThrowingStream<[UInt8], any Error> {
    AsyncThrowingStream { $0.finish(throwing: GRPCStatus(12, "not here yet")) }
  }
  /// Closes the connection.
  public func close() {}
}
