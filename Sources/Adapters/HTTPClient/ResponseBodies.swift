import Concurrency

/// Collects the whole answer for one waiting task.
final class WholeBody: TransferSink, @unchecked Sendable {
  // Unchecked: after `init` only the curl thread calls it.
  private let limit: Int
  private let continuation: CheckedContinuation<Result<HTTPClientResponse, HTTPClientError>, Never>
  private var response = HTTPClientResponse(status: 0)

  /// The most that is set aside because the peer announced it, in bytes.
  private static let maximumReservation = 16 << 20

  init(limit: Int, continuation: CheckedContinuation<Result<HTTPClientResponse, HTTPClientError>, Never>) {
    self.limit = limit
    self.continuation = continuation
  }

  func head(status: Int, headers: [(name: String, value: String)]) {
    response.status = status
    response.headers = headers
    if let length = response.header("content-length").flatMap({ Int($0) }), length > 0 {
      response.body.reserveCapacity(min(length, limit, Self.maximumReservation))
    }
  }

  func body(_ bytes: UnsafeRawBufferPointer) -> HTTPClientError? {
    guard response.body.count + bytes.count <= limit else {
      return HTTPClientError(code: CurlCode.tooLarge, "the answer is larger than \(limit) bytes")
    }
    response.body.append(contentsOf: bytes)
    return nil
  }

  func end(_ outcome: Result<Void, HTTPClientError>) {
    continuation.resume(returning: outcome.map { response })
  }
}

/// The head of a streamed answer.
struct StreamHead: Sendable {
  var status: Int
  var headers: [(name: String, value: String)]
}

private typealias ChunkContinuation = CheckedContinuation<Result<[UInt8]?, HTTPClientError>, Never>

/// Holds what of a streamed body has come and was not read yet, for one reader.
final class StreamedBody: TransferSink {
  private struct State: Sendable {
    var head: StreamHead?
    var headWaiter: CheckedContinuation<Result<StreamHead, HTTPClientError>, Never>?
    var pending: [UInt8] = []
    var reader: ChunkContinuation?
    var end: Result<Void, HTTPClientError>?

    /// What the reader gets now; nil when it has to wait.
    mutating func take() -> Result<[UInt8]?, HTTPClientError>? {
      if !pending.isEmpty {
        defer { pending = [] }
        return .success(pending)
      }
      return end.map { $0.map { nil } }
    }
  }

  private let state = Locked(State())
  private let maximumBacklog: Int

  init(maximumBacklog: Int) { self.maximumBacklog = maximumBacklog }

  func head(status: Int, headers: [(name: String, value: String)]) {
    let head = StreamHead(status: status, headers: headers)
    let waiter = state.withLock { state in
      state.head = head
      defer { state.headWaiter = nil }
      return state.headWaiter
    }
    waiter?.resume(returning: .success(head))
  }

  func body(_ bytes: UnsafeRawBufferPointer) -> HTTPClientError? {
    let maximumBacklog = maximumBacklog
    // A waiting reader gets the bytes at once; only without one do they pile up.
    let (reader, refusal) = state.withLock {
      state -> (ChunkContinuation?, HTTPClientError?) in
      if let reader = state.reader {
        state.reader = nil
        return (reader, nil)
      }
      guard state.pending.count + bytes.count <= maximumBacklog else {
        return (nil, HTTPClientError(code: CurlCode.tooLarge, "the reader is over \(maximumBacklog) bytes behind"))
      }
      state.pending.append(contentsOf: bytes)
      return (nil, nil)
    }
    reader?.resume(returning: .success(Array(bytes)))
    return refusal
  }

  func end(_ outcome: Result<Void, HTTPClientError>) {
    let (waiter, reader) = state.withLock { state in
      state.end = outcome
      defer {
        state.headWaiter = nil
        state.reader = nil
      }
      return (state.headWaiter, state.reader)
    }
    waiter?.resume(returning: outcome.flatMap { .failure(noHead) })
    reader?.resume(returning: outcome.map { nil })
  }

  /// Waits for the head.
  func head() async -> Result<StreamHead, HTTPClientError> {
    await withCheckedContinuation { continuation in
      let known = state.withLock { state -> Result<StreamHead, HTTPClientError>? in
        if let head = state.head { return .success(head) }
        if let end = state.end { return end.flatMap { .failure(noHead) } }
        state.headWaiter = continuation
        return nil
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  /// Waits for more of the body; nil at its end. One reader at a time.
  func next() async -> Result<[UInt8]?, HTTPClientError> {
    await withCheckedContinuation { (continuation: ChunkContinuation) in
      let known = state.withLock { state -> Result<[UInt8]?, HTTPClientError>? in
        if let known = state.take() { return known }
        if state.reader != nil {
          return .failure(HTTPClientError(code: CurlCode.badArgument, "the stream has a reader already"))
        }
        state.reader = continuation
        return nil
      }
      if let known { continuation.resume(returning: known) }
    }
  }

  private var noHead: HTTPClientError {
    HTTPClientError(code: CurlCode.aborted, "the answer ended before its head")
  }
}
