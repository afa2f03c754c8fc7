import HTTPTransport
import Telemetry

/// The gRPC side of an OTLP receiver.
enum OTLPGRPCService {
  /// Status codes of gRPC.
  private enum Code {
    static let invalidArgument = 3
    static let unimplemented = 12
    static let internalError = 13
    static let unavailable = 14
  }

  /// The three Export methods.
  static func methods(_ intake: OTLPIntake) -> [String: GRPCMethod] {
    var methods: [String: GRPCMethod] = [:]
    for signal in Signal.allCases {
      methods[signal.grpcPath] = .unary { message async throws(GRPCStatus) in
        try await export(signal, message, intake)
      }
    }
    return methods
  }

  private static func export(
    _ signal: Signal, _ message: [UInt8], _ intake: OTLPIntake
  ) async throws(GRPCStatus) -> [UInt8] {
    guard let pipeline = intake.pipeline(for: signal) else {
      throw GRPCStatus(Code.unimplemented, "no pipeline takes \(signal.rawValue)")
    }
    let batch: TelemetryBatch
    do {
      batch = try TelemetryBatch(signal, validating: message)
    } catch {
      intake.noteInvalid(error)
      throw GRPCStatus(Code.invalidArgument, error.description)
    }
    do {
      try await intake.take(batch, .grpc, into: pipeline)
    } catch {
      throw GRPCStatus(error.isRetryable ? Code.unavailable : Code.internalError, error.description)
    }
    return ExportResponse(signal).encoded()
  }
}
