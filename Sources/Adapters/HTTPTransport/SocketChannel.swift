import COpenSSL
import CShims
import Glibc

/// What came of an attempt to read or to write.
enum ChannelResult: Equatable {
  /// So many bytes were moved.
  case bytes(Int)
  /// Nothing can be moved before the socket is ready again.
  case blocked
  /// The peer has said that it sends no more.
  case ended
  /// The connection is broken.
  case failed
}

/// What came of a step of the TLS handshake.
enum HandshakeResult: Equatable {
  case done
  case blocked(wantsWrite: Bool)
  /// The peer speaks HTTP in the clear on a TLS port.
  case plaintext
  case failed(String)
}

/// A non-blocking socket, with TLS on it or without.
final class SocketChannel {
  let fd: Int32
  private let ssl: OpaquePointer?
  private let state: UnsafeMutablePointer<SocketState>

  /// The largest useful write: what is answered at once in one packet or two, and kept for a peer that is slow.
  let writeSize: Int

  /// The most that one TLS record carries (RFC 8446 section 5.1).
  private static let recordSize = 16 << 10

  var isTLS: Bool { ssl != nil }

  /// A server's channel on an accepted socket, or a client's when `serverName` is given. Takes the descriptor over.
  init?(fd: Int32, tls: TLSContext?, asClientOf serverName: String? = nil) {
    self.fd = fd
    state = .allocate(capacity: 1)
    state.initialize(to: SocketState(fd: fd))
    writeSize = tls == nil ? 64 << 10 : 2 * Self.recordSize
    ssl = tls.flatMap { SSL_new($0.raw) }
    guard tls != nil else { return }
    guard let ssl, let method = socketMethod, let bio = BIO_new(method) else { return nil }
    BIO_set_data(bio, state)
    BIO_set_init(bio, 1)
    SSL_set_bio(ssl, bio, bio)
    // One read takes header and body of a record, and of more records when they are there.
    SSL_set_read_ahead(ssl, 1)
    SSL_set_default_read_buffer_len(ssl, 64 << 10)
    if let serverName {
      SSL_set_connect_state(ssl)
      guard Self.expect(serverName, ssl) else { return nil }
    } else {
      SSL_set_accept_state(ssl)
    }
  }

  deinit {
    SSL_free(ssl)
    close(fd)
    state.deallocate()
  }

  private static func expect(_ name: String, _ ssl: OpaquePointer) -> Bool {
    let parameters = SSL_get0_param(ssl)
    if X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 { return true }
    ERR_clear_error()
    return X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1 && shim_SSL_set_tlsext_host_name(ssl, name) == 1
  }

  /// The socket has been reported readable: reading may reach the kernel again.
  func becameReadable() { state.pointee.drained = false }

  func handshake() -> HandshakeResult {
    guard let ssl else { return .done }
    ERR_clear_error()
    let result = SSL_do_handshake(ssl)
    if result == 1 { return .done }
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ: return .blocked(wantsWrite: false)
    case SSL_ERROR_WANT_WRITE: return .blocked(wantsWrite: true)
    default:
      let code = ERR_peek_error()
      if Int32(code & 0x7f_ffff) == SSL_R_HTTP_REQUEST { return .plaintext }
      let verification = SSL_get_verify_result(ssl)
      let reason =
        verification == Int(X509_V_OK)
        ? "TLS handshake failed"
        : "TLS handshake failed: \(String(cString: X509_verify_cert_error_string(verification)))"
      return .failed(TLSError(reason).description)
    }
  }

  /// Whether the peers agreed on HTTP/2 by ALPN.
  var negotiatedHTTP2: Bool {
    guard let ssl else { return false }
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    SSL_get0_alpn_selected(ssl, &name, &count)
    return count == 2
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> ChannelResult {
    guard let ssl else { return readPlain(buffer) }
    let count = SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
    if count > 0 { return .bytes(Int(count)) }
    switch SSL_get_error(ssl, count) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .blocked
    case SSL_ERROR_ZERO_RETURN: return .ended
    default:
      ERR_clear_error()
      return .failed
    }
  }

  private func readPlain(_ buffer: UnsafeMutableRawBufferPointer) -> ChannelResult {
    guard !state.pointee.drained else { return .blocked }
    let count = state.pointee.receive(buffer.baseAddress, buffer.count)
    if count > 0 { return .bytes(count) }
    if count == 0 { return .ended }
    return errno == EAGAIN ? .blocked : .failed
  }

  func write(_ bytes: UnsafeRawBufferPointer) -> ChannelResult {
    guard let ssl else {
      let count = state.pointee.send(bytes.baseAddress, bytes.count)
      if count >= 0 { return .bytes(count) }
      return errno == EAGAIN ? .blocked : .failed
    }
    // OpenSSL writes one record each time. The kernel holds those back that another one follows, so that the peer is
    // woken once.
    state.pointee.isFollowed = bytes.count > Self.recordSize
    let count = SSL_write(ssl, bytes.baseAddress, Int32(clamping: bytes.count))
    if count > 0 { return .bytes(Int(count)) }
    switch SSL_get_error(ssl, count) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .blocked
    default:
      ERR_clear_error()
      return .failed
    }
  }

  /// Says that nothing more will be sent; what the peer still sends can be read.
  func finishWriting() {
    if let ssl, SSL_is_init_finished(ssl) == 1 {
      state.pointee.isFollowed = false
      ERR_clear_error()
      SSL_shutdown(ssl)
      ERR_clear_error()
    }
    shutdown(fd, Int32(SHUT_WR))
  }

  /// Closing will throw away what the peer has not taken, and tell it so by a reset.
  func resetsOnClose() {
    var atOnce = linger(l_onoff: 1, l_linger: 0)
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &atOnce, socklen_t(MemoryLayout<linger>.size))
  }

  /// Sends bytes in the clear, past TLS: only for telling a peer that it should have spoken TLS.
  func writeUnprotected(_ text: String) {
    state.pointee.isFollowed = false
    var text = text
    text.withUTF8 { _ = state.pointee.send($0.baseAddress, $0.count) }
  }
}

/// The socket under a TLS connection, as its BIO sees it.
private struct SocketState {
  let fd: Int32
  /// The last read took all that was there: the next would only cost a system call to say so.
  var drained = false
  /// More will be sent right after what is sent now.
  var isFollowed = false

  mutating func receive(_ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    while true {
      let received = recv(fd, buffer, count, 0)
      if received < 0, errno == EINTR { continue }
      drained = received > 0 && received < count
      return received
    }
  }

  private static let more = Int32(MSG_MORE)

  func send(_ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    while true {
      let sent = Glibc.send(fd, bytes, count, isFollowed ? Int32(MSG_NOSIGNAL) | Self.more : Int32(MSG_NOSIGNAL))
      if sent < 0, errno == EINTR { continue }
      return sent
    }
  }
}

/// BIO's own socket method reads until the kernel says EAGAIN; this one does without that call.
private nonisolated(unsafe) let socketMethod: OpaquePointer? = {
  // Unsafe: made once, read only from then on.
  let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket")
  BIO_meth_set_read(method, bioRead)
  BIO_meth_set_write(method, bioWrite)
  BIO_meth_set_ctrl(method, bioControl)
  return method
}()

private func socketState(_ bio: OpaquePointer?) -> UnsafeMutablePointer<SocketState>? {
  BIO_get_data(bio)?.assumingMemoryBound(to: SocketState.self)
}

private func bioRead(_ bio: OpaquePointer?, _ buffer: UnsafeMutablePointer<CChar>?, _ count: Int32) -> Int32 {
  guard let state = socketState(bio), count > 0 else { return -1 }
  shim_BIO_clear_retry_flags(bio)
  if state.pointee.drained {
    shim_BIO_set_retry_read(bio)
    return -1
  }
  let received = state.pointee.receive(buffer, Int(count))
  if received < 0, errno == EAGAIN { shim_BIO_set_retry_read(bio) }
  return Int32(truncatingIfNeeded: received)
}

private func bioWrite(_ bio: OpaquePointer?, _ bytes: UnsafePointer<CChar>?, _ count: Int32) -> Int32 {
  guard let state = socketState(bio), count > 0 else { return -1 }
  shim_BIO_clear_retry_flags(bio)
  let sent = state.pointee.send(bytes, Int(count))
  if sent < 0, errno == EAGAIN { shim_BIO_set_retry_write(bio) }
  return Int32(truncatingIfNeeded: sent)
}

private func bioControl(_ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ pointer: UnsafeMutableRawPointer?)
  -> Int
{
  // Nothing is buffered, so flushing always succeeds; the rest of the controls mean nothing here.
  command == BIO_CTRL_FLUSH ? 1 : 0
}
