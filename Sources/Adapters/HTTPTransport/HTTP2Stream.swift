import EventLoop

/// Who answers a request or waits for a response across time.
protocol HTTP2StreamOwner: AnyObject {
  /// All output has been taken; called inside nghttp2, so the session must not be used.
  func outputDrained()
  /// The stream is over; an error code other than 0 means before its time.
  func streamClosed(errorCode: UInt32)
  /// A client's: something has arrived on the stream.
  func streamProgressed(_ stream: HTTP2Stream)
  /// A client's: the connection has gone, and the stream with it.
  func connectionLost(_ reason: String)
}

extension HTTP2StreamOwner {
  func outputDrained() {}
  func streamProgressed(_ stream: HTTP2Stream) {}
  func connectionLost(_ reason: String) {}
}

/// One stream of an HTTP/2 session: what has arrived on it, and what waits to be sent on it. Sessions use streams
/// anew once they are closed; who keeps one across time compares `id`.
final class HTTP2Stream {
  fileprivate(set) var id: Int32 = 0
  /// The place in the session's list of open streams.
  var place = 0

  // What has arrived
  var method = ""
  var path = ""
  var query = ""
  var headers = HeaderBlock()
  var trailers = HeaderBlock()
  var headerSize = 0
  var body: [UInt8] = []
  var began = MonotonicInstant(nanoseconds: 0)
  var isGRPC = false
  var isEncoded = false
  /// A client's: the status of the response; 0 before it has come.
  var status = 0
  var hasHeaders = false
  /// The peer has sent its last.
  var hasEnded = false
  /// Why the request is answered by the transport; what still arrives of it is dropped.
  var refusal: HTTPRefusal?
  /// The bytes counted against the budget of buffered bodies.
  var budgeted = 0
  /// The `content-length` of the request; 0 without one.
  var expectedSize = 0

  // What waits to be sent
  var output: [UInt8] = []
  var outputOffset = 0
  var outputEnded = false
  /// Fields to send after the output, instead of ending the stream with it.
  var outputTrailers: [(name: String, value: String)]?
  var isDeferred = false
  /// When the peer last took something of the output, or the output began to wait.
  var progressed = MonotonicInstant(nanoseconds: 0)
  /// How much of the output the peer had taken then.
  var progressMark = 0
  var responded = false

  /// What the owner of the session keeps with the stream: a task, a call.
  var owner: (any HTTP2StreamOwner)?
  /// The stream is over; nothing can be sent on it.
  var isClosed = false

  var outputCount: Int { output.count - outputOffset }

  func open(_ id: Int32, at now: MonotonicInstant) {
    self.id = id
    began = now
    progressed = now
  }

  /// Makes the object good for another stream.
  func reset() {
    id = 0
    method = ""
    path = ""
    query = ""
    if !headers.isEmpty { headers = HeaderBlock() }
    if !trailers.isEmpty { trailers = HeaderBlock() }
    headerSize = 0
    if !body.isEmpty { body = [] }
    isGRPC = false
    isEncoded = false
    status = 0
    hasHeaders = false
    hasEnded = false
    refusal = nil
    budgeted = 0
    expectedSize = 0
    progressMark = 0
    output = []
    outputOffset = 0
    outputEnded = false
    outputTrailers = nil
    isDeferred = false
    responded = false
    owner = nil
    isClosed = false
  }
}
