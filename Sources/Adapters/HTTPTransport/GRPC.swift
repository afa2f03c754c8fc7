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
  /// Who reads them, where the server asks for that (`HTTPServerConfiguration.identifiesPeers`).
  var peer: RequestPeer? { get }
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
