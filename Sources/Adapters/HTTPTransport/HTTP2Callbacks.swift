import CNGHTTP2
import Glibc

/// What nghttp2 calls for every session.
nonisolated(unsafe) let http2Callbacks: OpaquePointer? = {
  // Unsafe: made once, read only from then on.
  var result: OpaquePointer?
  guard nghttp2_session_callbacks_new(&result) == 0 else { return nil }
  nghttp2_session_callbacks_set_on_begin_frame_callback(result, onBeginFrame)
  nghttp2_session_callbacks_set_on_begin_headers_callback(result, onBeginHeaders)
  nghttp2_session_callbacks_set_on_header_callback(result, onHeader)
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(result, onData)
  nghttp2_session_callbacks_set_on_frame_recv_callback(result, onFrame)
  nghttp2_session_callbacks_set_on_stream_close_callback(result, onStreamClose)
  return result
}()

@inline(__always)
private func session(_ pointer: UnsafeMutableRawPointer?) -> HTTP2Session? {
  pointer.map { Unmanaged<HTTP2Session>.fromOpaque($0).takeUnretainedValue() }
}

@inline(__always)
private func stream(_ raw: OpaquePointer?, _ id: Int32) -> HTTP2Stream? {
  nghttp2_session_get_stream_user_data(raw, id).map { Unmanaged<HTTP2Stream>.fromOpaque($0).takeUnretainedValue() }
}

private typealias Frame = UnsafePointer<nghttp2_frame>

private func isType(_ frame: Frame, _ type: nghttp2_frame_type) -> Bool {
  UInt32(frame.pointee.hd.type) == type.rawValue
}

private func endsStream(_ frame: Frame) -> Bool {
  frame.pointee.hd.flags & UInt8(truncatingIfNeeded: NGHTTP2_FLAG_END_STREAM.rawValue) != 0
}

private func onBeginFrame(
  _ raw: OpaquePointer?, _ header: UnsafePointer<nghttp2_frame_hd>?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
  guard let header, UInt32(header.pointee.type) == NGHTTP2_HEADERS.rawValue, let session = session(user),
    session.ledger.hasSkipped(header.pointee.stream_id)
  else { return 0 }
  session.terminate(errorCode: NGHTTP2_PROTOCOL_ERROR.rawValue)
  return 0
}

private func onBeginHeaders(_ raw: OpaquePointer?, _ frame: Frame?, _ user: UnsafeMutableRawPointer?) -> Int32 {
  guard let session = session(user), let frame, session.isServer, isType(frame, NGHTTP2_HEADERS),
    frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST
  else { return 0 }
  _ = session.openStream(frame.pointee.hd.stream_id)
  return 0
}

private func onHeader(
  _ raw: OpaquePointer?, _ frame: Frame?, _ name: UnsafePointer<UInt8>?, _ nameCount: Int,
  _ value: UnsafePointer<UInt8>?, _ valueCount: Int, _ flags: UInt8, _ user: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = session(user), let frame, let stream = stream(raw, frame.pointee.hd.stream_id) else { return 0 }
  session.receiveField(
    stream, UnsafeBufferPointer(start: name, count: nameCount), UnsafeBufferPointer(start: value, count: valueCount))
  return 0
}

private func onData(
  _ raw: OpaquePointer?, _ flags: UInt8, _ id: Int32, _ data: UnsafePointer<UInt8>?, _ count: Int,
  _ user: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = session(user), let stream = stream(raw, id) else { return 0 }
  session.receiveData(stream, UnsafeBufferPointer(start: data, count: count))
  return 0
}

private func onFrame(_ raw: OpaquePointer?, _ frame: Frame?, _ user: UnsafeMutableRawPointer?) -> Int32 {
  guard let session = session(user), let frame else { return 0 }
  if isType(frame, NGHTTP2_HEADERS) || isType(frame, NGHTTP2_DATA) {
    guard let stream = stream(raw, frame.pointee.hd.stream_id) else { return 0 }
    session.receiveFrame(stream, endsStream: endsStream(frame))
  } else if isType(frame, NGHTTP2_PING) {
    let isAnswer = frame.pointee.hd.flags & UInt8(truncatingIfNeeded: NGHTTP2_FLAG_ACK.rawValue) != 0
    if isAnswer { session.events.append(.pong) }
  } else if isType(frame, NGHTTP2_SETTINGS) {
    session.hasBegun = true
  } else if isType(frame, NGHTTP2_GOAWAY) {
    session.events.append(.goAway)
  }
  return 0
}

private func onStreamClose(
  _ raw: OpaquePointer?, _ id: Int32, _ errorCode: UInt32, _ user: UnsafeMutableRawPointer?
) -> Int32 {
  guard let session = session(user), let stream = stream(raw, id) else { return 0 }
  session.closeStream(stream, errorCode: errorCode)
  return 0
}

/// Where nghttp2 takes the data of responses from.
func http2ReadOutput(
  _ raw: OpaquePointer?, _ id: Int32, _ buffer: UnsafeMutablePointer<UInt8>?, _ size: Int,
  _ flags: UnsafeMutablePointer<UInt32>?, _ source: UnsafeMutablePointer<nghttp2_data_source>?,
  _ user: UnsafeMutableRawPointer?
) -> Int {
  guard let session = session(user), let pointer = source?.pointee.ptr, let flags else {
    return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
  }
  let stream = Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
  let count = min(size, stream.outputCount)
  if count > 0, let buffer {
    stream.output.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return }
      memcpy(buffer, start + stream.outputOffset, count)
    }
    stream.outputOffset += count
    session.noteProgress(stream)
  }
  guard stream.outputCount == 0 else { return count }
  if stream.outputEnded {
    flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
    if let trailers = stream.outputTrailers {
      flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
      session.submitTrailers(stream, trailers)
    }
    return count
  }
  guard count == 0 else { return count }
  stream.isDeferred = true
  return Int(NGHTTP2_ERR_DEFERRED.rawValue)
}
