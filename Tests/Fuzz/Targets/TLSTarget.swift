import COpenSSL
import CShims
import Glibc

@testable import HTTPTransport

/// TLS on a socket pair: the server's side is the channel that connections use.
///
/// The first byte chooses: the fuzzer's bytes as they are, in place of a ClientHello; a real handshake of which the
/// fuzzer's bytes change single bytes; or records behind a real handshake.
enum TLSTarget {
  static func run(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    let choice = input.byte()
    guard let context, let pair = SocketPair() else { return require(false, "no TLS context or no sockets") }
    guard let channel = SocketChannel(fd: pair.server, tls: context) else { return require(false, "no channel") }
    defer { close(pair.client) }
    if choice % 8 != 0 {
      // The common case costs no handshake.
      pair.send(Array(input.rest))
      drive(channel)
    } else {
      handshake(channel, pair, &input)
    }
    channel.finishWriting()
  }

  private static let context = { () -> TLSContext? in
    guard let identity = makeIdentity() else { return nil }
    return try? TLSContext.server(identity)
  }()

  /// Lets the server take what has come.
  private static func drive(_ channel: SocketChannel) {
    channel.becameReadable()
    guard channel.handshake() == .done else { return }
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { buffer in
      for _ in 0..<64 {
        guard case .bytes(let count) = channel.read(into: buffer) else { return }
        require(count <= buffer.count, "more was read than there is room for")
        _ = channel.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
    }
  }

  /// A client's handshake through the fuzzer's hands.
  private static func handshake(_ channel: SocketChannel, _ pair: SocketPair, _ input: inout FuzzInput) {
    guard let client = TLSClientSide() else { return require(false, "no TLS client") }
    for _ in 0..<3 {
      var flight = client.step(receiving: pair.receive())
      let changes = input.byte() % 4
      for _ in 0..<changes where !flight.isEmpty {
        let place = Int(input.byte()) << 8 | Int(input.byte())
        flight[place % flight.count] ^= input.byte()
      }
      pair.send(flight)
      drive(channel)
    }
    pair.send(Array(input.rest))
    drive(channel)
  }

  private static func makeIdentity() -> TLSIdentity? {
    guard let key = shim_EVP_EC_gen("P-256"), let certificate = X509_new() else { return nil }
    defer {
      EVP_PKEY_free(key)
      X509_free(certificate)
    }
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60)
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400)
    X509_set_pubkey(certificate, key)
    X509_sign(certificate, key, EVP_sha256())
    guard let certificatePEM = pem({ PEM_write_bio_X509($0, certificate) }),
      let keyPEM = pem({ PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) })
    else { return nil }
    return TLSIdentity(certificateChainPEM: certificatePEM, privateKeyPEM: keyPEM)
  }

  private static func pem(_ write: (OpaquePointer?) -> Int32) -> [UInt8]? {
    let bio = BIO_new(BIO_s_mem())
    defer { BIO_free(bio) }
    guard write(bio) == 1 else { return nil }
    var start: UnsafeMutablePointer<CChar>?
    let count = shim_BIO_get_mem_data(bio, &start)
    return Array(UnsafeRawBufferPointer(start: start, count: count))
  }
}

/// Two connected sockets; the server's end belongs to whoever takes it.
private struct SocketPair {
  let client: Int32
  let server: Int32

  init?() {
    var ends: [Int32] = [0, 0]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return nil }
    (client, server) = (ends[0], ends[1])
  }

  func send(_ bytes: [UInt8]) {
    _ = Glibc.send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  func receive() -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 16384)
    let count = recv(client, &buffer, buffer.count, 0)
    return count > 0 ? Array(buffer[..<count]) : []
  }
}

/// A TLS client between two buffers.
private final class TLSClientSide {
  private static nonisolated(unsafe) let context = SSL_CTX_new(TLS_client_method())  // Unsafe: never changed.
  private let ssl: OpaquePointer
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer

  init?() {
    guard let ssl = SSL_new(Self.context), let incoming = BIO_new(BIO_s_mem()), let outgoing = BIO_new(BIO_s_mem())
    else { return nil }
    (self.ssl, self.incoming, self.outgoing) = (ssl, incoming, outgoing)
    SSL_set_bio(ssl, incoming, outgoing)
    SSL_set_connect_state(ssl)
  }

  deinit { SSL_free(ssl) }

  /// Takes what the server said; gives what the client says then, with a greeting once it may.
  func step(receiving bytes: [UInt8]) -> [UInt8] {
    if !bytes.isEmpty { BIO_write(incoming, bytes, Int32(bytes.count)) }
    if SSL_do_handshake(ssl) == 1 { SSL_write(ssl, "hello", 5) }
    ERR_clear_error()
    var buffer = [UInt8](repeating: 0, count: 16384)
    let count = BIO_read(outgoing, &buffer, Int32(buffer.count))
    return Array(buffer.prefix(Int(max(count, 0))))
  }
}
