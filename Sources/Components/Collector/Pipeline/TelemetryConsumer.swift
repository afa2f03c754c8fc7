import Telemetry

/// Why a batch was not taken.
struct DeliveryError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What the holder of the batch can do.
  enum Kind: Sendable {
    /// Offer it again later.
    case retryable
    /// Nothing.
    case permanent
    /// Offer it in parts.
    case tooLarge
  }

  var kind: Kind
  /// The least wait that the peer asks for.
  var retryAfter: Duration?
  /// What went wrong, for logs and senders.
  var description: String

  var isRetryable: Bool { kind == .retryable }

  /// It may be taken later.
  static func retryable(_ description: String, after delay: Duration? = nil) -> DeliveryError {
    DeliveryError(kind: .retryable, retryAfter: delay, description: description)
  }

  /// It will never be taken.
  static func permanent(_ description: String) -> DeliveryError {
    DeliveryError(kind: .permanent, retryAfter: nil, description: description)
  }
}

/// A stage that takes batches: a processor, an exporter's queue, or several of them.
protocol TelemetryConsumer: Sendable {
  /// Returns once the stage is responsible for the batch. While it throws, the caller still is.
  func consume(_ batch: TelemetryBatch) async throws(DeliveryError)
}

/// A stage that holds batches back and has to hand them on before the process ends.
protocol DrainableStage: Sendable {
  /// Hands on what is held, trying until the deadline; what is left then is dropped and counted.
  func drain(until deadline: ContinuousClock.Instant) async
}
