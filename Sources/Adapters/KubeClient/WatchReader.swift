import Concurrency
import HTTPClient
import JSON

/// The events of one watch, for one task to read. Each is parsed when it is asked for.
public final class WatchReader: Sendable {
  private let stream: HTTPClientStream
  private let decoder = Locked(WatchDecoder())
  private let failure: @Sendable (HTTPClientError) -> KubeError

  init(stream: HTTPClientStream, failure: @escaping @Sendable (HTTPClientError) -> KubeError) {
    self.stream = stream
    self.failure = failure
  }

  /// The next event; nil when the server ended the watch or the task was cancelled.
  public func next() async throws(KubeError) -> WatchEvent? {
    while true {
      let event = try decoder.withLock { (decoder) throws(KubeError) -> WatchEvent? in try decoder.next() }
      if let event { return event }
      let chunk: [UInt8]?
      do { chunk = try await stream.next() } catch {
        if error.isCancellation { return nil }
        throw failure(error)
      }
      guard let chunk else { return nil }
      decoder.withLock { $0.feed(chunk) }
    }
  }

  /// Ends the watch.
  public func cancel() { stream.cancel() }
}
