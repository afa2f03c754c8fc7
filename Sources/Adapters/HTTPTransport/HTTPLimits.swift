/// Bounds on what a peer may ask of a server.
public struct HTTPLimits: Sendable {
  /// The largest body in bytes (7 MiB as controller-runtime's webhooks), also after expanding gzip.
  public var maximumBodySize = 7 << 20
  /// The largest sum of header names and values in bytes.
  public var maximumHeaderSize = 64 << 10
  /// The bytes of request bodies that may be in memory at once over all connections; what exceeds them gets 503.
  public var maximumBufferedBodies = 128 << 20
  /// The most connections at once; the longest idle one makes room for a new one.
  public var maximumConnections = 1000
  /// The most requests at once on one connection.
  public var maximumConcurrentStreams = 250
  /// How long a peer may take for handshake and headers and body of one request, and for taking a response.
  public var requestTimeout: Duration = .seconds(15)
  /// How long a connection may be idle.
  public var idleTimeout: Duration = .seconds(300)
  /// The defaults.
  public init() {}
}
