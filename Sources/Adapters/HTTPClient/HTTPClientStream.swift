/// A response whose body is still coming.
public struct HTTPClientStream: Sendable {
  /// How many bytes may wait for a slow reader before the transfer is given up (libcurl is never paused).
  public static let maximumBacklog = 32 << 20

  /// The status code.
  public let status: Int
  /// The header fields, names in lower case.
  public let headers: [(name: String, value: String)]
  /// The body in chunks as they came (a chunk is not a line). To be read by one task.
  public var chunks: AsyncThrowingStream<[UInt8], any Error> {
    let reader = reader
    return AsyncThrowingStream { try await reader.next() }
  }
  private let reader: StreamReader

  init(head: StreamHead, reader: StreamReader) {
    status = head.status
    headers = head.headers
    self.reader = reader
  }

  /// The next chunk, nil at the end of the body. Cancelling the task cancels the transfer.
  public func next() async throws(HTTPClientError) -> [UInt8]? { try await reader.next() }

  /// Ends the transfer.
  public func cancel() { reader.cancel() }
}

/// Ends the transfer when the last copy of the stream goes.
final class StreamReader: Sendable {
  private let body: StreamedBody
  private let onCancel: @Sendable () -> Void

  init(body: StreamedBody, cancel: @escaping @Sendable () -> Void) {
    self.body = body
    onCancel = cancel
  }

  deinit { onCancel() }

  func cancel() { onCancel() }

  func next() async throws(HTTPClientError) -> [UInt8]? {
    let result = await withTaskCancellationHandler {
      await body.next()
    } onCancel: {
      onCancel()
    }
    return try result.get()
  }
}
