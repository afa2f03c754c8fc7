import Concurrency

/// libcurl's multi interface on a thread of its own, under async functions.
///
/// Transfers to one server share a connection where it speaks HTTP/2 (chosen by ALPN, so only under TLS). Redirects
/// are not followed and proxies are taken from the environment, as libcurl does.
public final class HTTPClient: Sendable {
  private let thread: CurlThread
  private let tls: Locked<HTTPClientTLS>

  /// Starts the thread.
  public init(tls: HTTPClientTLS = HTTPClientTLS()) {
    self.tls = Locked(tls)
    thread = CurlThread()
    thread.start()
  }

  deinit { thread.shutdown() }

  /// Sends a request and waits for the whole answer, of at most `limit` bytes. Cancelling the waiting task ends the
  /// transfer with an error for which `isCancellation` holds.
  public func send(_ request: HTTPClientRequest, limit: Int = 256 << 20) async throws(HTTPClientError)
    -> HTTPClientResponse
  {
    try request.validate()
    let ticket = CurlTicket()
    let result = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let body = WholeBody(limit: limit, continuation: continuation)
        thread.submit(
          CurlTransfer(ticket: ticket, request: request, tls: tls.withLock { $0 }, idleTimeout: nil, sink: body))
      }
    } onCancel: {
      thread.cancel(ticket)
    }
    return try result.get()
  }

  /// Sends a request and hands the body on as it comes; a stream that is silent for `idleTimeout` fails.
  ///
  /// Returns once the head is in, whatever its status: the body of a failure is its error text. The transfer ends
  /// when the stream is dropped, when the task that reads it is cancelled, or when the reader falls more than
  /// `HTTPClientStream.maximumBacklog` bytes behind.
  public func stream(_ request: HTTPClientRequest, idleTimeout: Duration) async throws(HTTPClientError)
    -> HTTPClientStream
  {
    try request.validate()
    let ticket = CurlTicket()
    let body = StreamedBody(maximumBacklog: HTTPClientStream.maximumBacklog)
    let thread = thread
    thread.submit(
      CurlTransfer(ticket: ticket, request: request, tls: tls.withLock { $0 }, idleTimeout: idleTimeout, sink: body))
    let head = try await withCancellation(of: ticket) { await body.head() }
    return HTTPClientStream(head: head, reader: StreamReader(body: body) { thread.cancel(ticket) })
  }

  private func withCancellation<Value: Sendable>(
    of ticket: CurlTicket, _ wait: @Sendable () async -> Result<Value, HTTPClientError>
  ) async throws(HTTPClientError) -> Value {
    let result = await withTaskCancellationHandler(operation: wait) { thread.cancel(ticket) }
    return try result.get()
  }

  /// Replaces trust and identity for transfers that start from now on.
  public func replaceTLS(_ tls: HTTPClientTLS) { self.tls.withLock { $0 = tls } }

  /// Ends the thread; transfers that run fail, and so does every later one.
  public func shutdown() { thread.shutdown() }
}

extension HTTPClientRequest {
  /// libcurl would send a line end inside a field as it is, which would let a value add fields of its own.
  func validate() throws(HTTPClientError) {
    for (name, value) in headers {
      let isClean = !name.isEmpty && (name + value).utf8.allSatisfy { $0 != 0x0A && $0 != 0x0D && $0 != 0 }
      guard isClean else {
        throw HTTPClientError(code: CurlCode.badArgument, "header field \"\(name)\" has a line end or a NUL in it")
      }
    }
    guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw HTTPClientError(code: CurlCode.malformedURL, "the URL \"\(url)\" has white space or control characters")
    }
  }
}
