import EventLoop

// CONTRACT, to be implemented by the owner of this target.

/// The outcome of a gRPC call that is not OK (grpc/grpc doc/statuscodes.md).
public struct GRPCStatus: Error, Equatable, Sendable, CustomStringConvertible {
  /// The code, such as 3 for INVALID_ARGUMENT.
  public var code: Int
  /// What was wrong.
  public var message: String
  /// Makes a status.
  public init(_ code: Int, _ message: String) {
    self.code = code
    self.message = message
  }
  /// The code and the message.
  public var description: String { "grpc status \(code): \(message)" }
}

/// Writes the messages of a server stream.
public protocol GRPCMessageWriter: Sendable {
  /// Sends one message; throws once the peer has gone or cancelled.
  func write(_ message: [UInt8]) async throws(GRPCStatus)
}

/// How one gRPC method, named by its path `/package.Service/Method`, is answered.
public enum GRPCMethod: Sendable {
  /// One message in, one out.
  case unary(@Sendable ([UInt8]) async throws(GRPCStatus) -> [UInt8])
  /// One message in, many out; the task is cancelled when the peer leaves.
  case serverStreaming(@Sendable ([UInt8], any GRPCMessageWriter) async throws(GRPCStatus) -> Void)
}

/// A gRPC client on one HTTP/2 connection, which is made when needed and made anew when lost.
public final class GRPCClient: Sendable {
  /// `:authority` is "localhost" on Unix sockets, which grpc-go requires.
  public init(address: SocketAddress, loop: EventLoop, maximumMessageSize: Int = 16 << 20) {}
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
