import Concurrency
import HTTPTransport
import ProtobufWire

/// Whether containers may rely on the plugin, as `grpc.health.v1.Health` on its socket tells it. Whoever decides what
/// the process's readiness is sets it, so that both say the same.
public final class ServingStatus: Sendable {
  private struct State {
    var isServing = false
    var watchers: [Int: AsyncStream<Bool>.Continuation] = [:]
    var nextWatcher = 0
  }
  private let state = Locked(State())

  /// Not serving at first.
  public init() {}

  /// Whether it serves now.
  public var isServing: Bool { state.withLock { $0.isServing } }

  /// Says whether it serves; watchers hear of a change.
  public func set(_ isServing: Bool) {
    state.withLock { state in
      guard state.isServing != isServing else { return }
      state.isServing = isServing
      for watcher in state.watchers.values { watcher.yield(isServing) }
    }
  }

  /// The status now, and anew whenever it changes.
  func updates() -> AsyncStream<Bool> {
    // Only the latest counts for somebody who is slow.
    let (stream, continuation) = AsyncStream.makeStream(of: Bool.self, bufferingPolicy: .bufferingNewest(1))
    let id = state.withLock { state -> Int in
      state.nextWatcher += 1
      state.watchers[state.nextWatcher] = continuation
      continuation.yield(state.isServing)
      return state.nextWatcher
    }
    continuation.onTermination = { [weak self] _ in self?.removeWatcher(id) }
    return stream
  }

  /// How many watch.
  var watcherCount: Int { state.withLock { $0.watchers.count } }

  private func removeWatcher(_ id: Int) {
    state.withLock { state in
      state.watchers[id] = nil
    }
  }
}

/// The gRPC health checking protocol (grpc/grpc doc/health-checking.md) about one plugin.
struct HealthService: Sendable {
  var status: ServingStatus

  /// The whole server, and the plugin's service by name.
  static let services: Set<String> = ["", "v1beta1.DevicePlugin"]

  var methods: [String: GRPCMethod] {
    [
      HealthAPI.check: .unary { (request: [UInt8]) async throws(GRPCStatus) -> [UInt8] in
        let service = try Self.service(request)
        guard Self.services.contains(service) else {
          throw GRPCStatus(StatusCode.notFound, "there is no service \"\(service.prefix(64))\" here")
        }
        return HealthCheckResponse(isServing: status.isServing).protobuf()
      },
      HealthAPI.watch: .serverStreaming { (request, writer) async throws(GRPCStatus) in
        guard Self.services.contains(try Self.service(request)) else {
          // The protocol wants the stream to stay open; no service is ever added here, so it ends.
          try await writer.write(HealthCheckResponse(status: .serviceUnknown).protobuf())
          return
        }
        for await isServing in status.updates() {
          try await writer.write(HealthCheckResponse(isServing: isServing).protobuf())
        }
      },
    ]
  }

  private static func service(_ bytes: [UInt8]) throws(GRPCStatus) -> String {
    do { return try HealthCheckRequest(protobuf: bytes).service } catch {
      throw GRPCStatus(StatusCode.invalidArgument, "the request is no HealthCheckRequest: \(error)")
    }
  }
}

/// `grpc.health.v1.HealthCheckRequest`.
struct HealthCheckRequest: ProtobufMessage, Equatable {
  var service = ""

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    if field.number == 1 { service = try field.string() }
  }
  func write(to writer: inout ProtobufWriter) { writer.string(1, service) }
}

/// `grpc.health.v1.HealthCheckResponse`.
struct HealthCheckResponse: ProtobufMessage, Equatable {
  enum Status: Int64 {
    case unknown = 0
    case serving = 1
    case notServing = 2
    case serviceUnknown = 3
  }
  var status = Status.unknown

  init() {}
  init(status: Status) { self.status = status }
  init(isServing: Bool) { status = isServing ? .serving : .notServing }

  mutating func read(_ field: ProtobufField) throws(ProtobufError) {
    if field.number == 1 { status = Status(rawValue: try field.integer()) ?? .unknown }
  }
  func write(to writer: inout ProtobufWriter) { writer.integer(1, status.rawValue) }
}
