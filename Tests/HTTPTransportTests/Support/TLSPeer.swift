import COpenSSL
import CShims
import Glibc
import HTTPTransport

/// A client that says byte for byte what a test wants, in the clear or under TLS. Its functions wait; call them by
/// `BlockingThread`.
protocol WirePeer: Sendable {
  /// Sends as much as the server takes.
  func send(_ bytes: [UInt8])
  /// Waits for some bytes; empty at the end of the connection.
  func receiveSome() -> [UInt8]
}

extension WirePeer {
  func send(_ text: String) { send(Array(text.utf8)) }

  /// What comes until the end of the connection.
  func receiveAll() -> [UInt8] {
    var result: [UInt8] = []
    while true {
      let part = receiveSome()
      if part.isEmpty { return result }
      result += part
    }
  }
}

extension RawPeer: WirePeer {
  func receiveSome() -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 65536)
    let count = recv(fd, &buffer, buffer.count, 0)
    return count > 0 ? Array(buffer[..<count]) : []
  }
}

/// TLS on a raw peer. Certificates are not checked, they are looked at.
final class TLSPeer: WirePeer, @unchecked Sendable {
  // Unchecked: one thread at a time uses a peer.
  let raw: RawPeer
  private let context: OpaquePointer
  private let ssl: OpaquePointer

  /// Connects and shakes hands.
  init(_ address: SocketAddress, alpn: String = "h2") throws {
    raw = try RawPeer(address)
    guard let context = SSL_CTX_new(TLS_client_method()), let ssl = SSL_new(context) else { throw PeerFailure.connect }
    self.context = context
    self.ssl = ssl
    let name = [UInt8(alpn.utf8.count)] + Array(alpn.utf8)
    SSL_set_alpn_protos(ssl, name, UInt32(name.count))
    SSL_set_fd(ssl, raw.fd)
    guard SSL_connect(ssl) == 1 else { throw PeerFailure.connect }
  }

  deinit {
    SSL_free(ssl)
    SSL_CTX_free(context)
  }

  /// The common name of the certificate that the server showed.
  var serverName: String {
    guard let certificate = SSL_get1_peer_certificate(ssl) else { return "" }
    defer { X509_free(certificate) }
    var name = [CChar](repeating: 0, count: 256)
    let count = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, &name, 256)
    return String(decoding: name.prefix(Int(max(count, 0))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  func send(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    SSL_write(ssl, bytes, Int32(bytes.count))
    ERR_clear_error()
  }

  func receiveSome() -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: 16384)
    let count = SSL_read(ssl, &buffer, Int32(buffer.count))
    ERR_clear_error()
    return count > 0 ? Array(buffer[..<Int(count)]) : []
  }
}
