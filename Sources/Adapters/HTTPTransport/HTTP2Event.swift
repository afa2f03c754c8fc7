/// What has happened on a session, in order.
enum HTTP2Event {
  /// A server's: a request is complete, or `refusal` says why it never will be.
  case request(HTTP2Stream)
  /// A client's: header fields, data or the end have arrived.
  case progress(HTTP2Stream)
  /// The stream is over; an error code other than 0 means before its time.
  case closed(HTTP2Stream, errorCode: UInt32)
  /// The answer to a PING has come.
  case pong
  /// The peer takes no new streams.
  case goAway
}

/// Bounds and peculiarities of a session.
struct HTTP2Settings {
  var maximumConcurrentStreams = 250
  var maximumHeaderSize = 64 << 10
  var maximumBodySize = 7 << 20
  /// Leaves out nghttp2's validation of messages, which refuses `:authority` with a slash.
  var acceptsSocketPathAuthority = false
}

/// How many bytes of bodies may be in memory, over all sessions of a server.
final class BodyBudget {
  private(set) var left: Int
  init(_ bytes: Int) { left = bytes }
  func take(_ count: Int) -> Bool {
    guard count <= left else { return false }
    left -= count
    return true
  }
  func giveBack(_ count: Int) { left += count }
}
