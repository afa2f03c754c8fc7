import COpenSSL
import CShims

/// A certificate could not be made. What could not be read is no error but a reason to renew.
public struct CertificateError: Error, Sendable, CustomStringConvertible {
  /// Which step failed.
  public var description: String

  /// Takes the reason from OpenSSL's queue of errors.
  init(during step: String) {
    let code = ERR_peek_last_error()
    ERR_clear_error()
    let reason = ERR_reason_error_string(code).map { String(cString: $0) }
    description = "\(step) failed: \(reason ?? "no reason given")"
  }
}

/// A time as seconds since 1970.
public typealias UnixTime = Int64

/// When a certificate counts.
public struct CertificateValidity: Sendable, Equatable {
  /// The first second.
  public var notBefore: UnixTime
  /// The last second.
  public var notAfter: UnixTime
  /// Makes a validity.
  public init(notBefore: UnixTime, notAfter: UnixTime) {
    self.notBefore = notBefore
    self.notAfter = notAfter
  }
}

/// An X.509 certificate in OpenSSL's hands.
final class Certificate {
  let raw: OpaquePointer

  /// Takes over the reference.
  init(owning raw: OpaquePointer) { self.raw = raw }
  deinit { X509_free(raw) }

  /// The certificates in a PEM text, in order; nil where one of them cannot be read.
  static func all(in pem: [UInt8]) -> [Certificate]? {
    guard let input = MemoryBuffer(pem) else { return nil }
    var certificates: [Certificate] = []
    while let raw = PEM_read_bio_X509(input.raw, nil, nil, nil) { certificates.append(Certificate(owning: raw)) }
    let code = ERR_peek_last_error()
    ERR_clear_error()
    // The end of the text shows as "no start line"; everything else is a broken certificate.
    let isEnd = ERR_GET_REASON(code) == PEM_R_NO_START_LINE
    return isEnd && !certificates.isEmpty ? certificates : nil
  }

  var pem: [UInt8]? {
    guard let output = MemoryBuffer(), PEM_write_bio_X509(output.raw, raw) == 1 else { return nil }
    return output.bytes
  }

  var validity: CertificateValidity? {
    guard let first = Self.time(X509_get0_notBefore(raw)), let last = Self.time(X509_get0_notAfter(raw)) else {
      return nil
    }
    return CertificateValidity(notBefore: first, notAfter: last)
  }

  private static func time(_ time: UnsafePointer<ASN1_TIME>?) -> UnixTime? {
    var days: Int32 = 0
    var seconds: Int32 = 0
    guard let epoch = ASN1_TIME_set(nil, 0) else { return nil }
    defer { ASN1_TIME_free(epoch) }
    guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return nil }
    return UnixTime(days) * 86400 + UnixTime(seconds)
  }

  /// The SHA-256 of the whole certificate in hexadecimal digits, "" where it cannot be computed.
  var fingerprint: String {
    var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    guard X509_digest(raw, EVP_sha256(), &digest, &count) == 1 else { return "" }
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: digest[..<Int(count)].flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  var isAuthority: Bool { X509_check_ca(raw) == 1 }

  /// Whether it is valid for that host (the names of the subject alternative name).
  func covers(_ host: String) -> Bool { X509_check_host(raw, host, host.utf8.count, 0, nil) == 1 }

  /// Whether that authority signed it.
  func isSigned(by authority: Certificate) -> Bool {
    defer { ERR_clear_error() }
    guard X509_check_issued(authority.raw, raw) == X509_V_OK, let key = X509_get0_pubkey(authority.raw) else {
      return false
    }
    return X509_verify(raw, key) == 1
  }

  func hasKey(_ key: PrivateKey) -> Bool {
    defer { ERR_clear_error() }
    return X509_check_private_key(raw, key.raw) == 1
  }
}

/// A private key in OpenSSL's hands.
final class PrivateKey {
  let raw: OpaquePointer

  private init(owning raw: OpaquePointer) { self.raw = raw }
  deinit { EVP_PKEY_free(raw) }

  /// A new ECDSA key on P-256.
  static func generate() throws(CertificateError) -> PrivateKey {
    guard let raw = shim_x509_new_key() else { throw CertificateError(during: "generating a key") }
    return PrivateKey(owning: raw)
  }

  /// Reads a key that has no pass phrase; nil where it cannot be read.
  convenience init?(pem: [UInt8]) {
    defer { ERR_clear_error() }
    // A callback that answers nothing: without one OpenSSL would ask for a pass phrase on the terminal.
    let noPassPhrase: @convention(c) (UnsafeMutablePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = {
      @Sendable _, _, _, _ in 0
    }
    guard let input = MemoryBuffer(pem), let raw = PEM_read_bio_PrivateKey(input.raw, nil, noPassPhrase, nil) else {
      return nil
    }
    self.init(owning: raw)
  }

  var pem: [UInt8]? {
    guard let output = MemoryBuffer(), PEM_write_bio_PrivateKey(output.raw, raw, nil, nil, 0, nil, nil) == 1 else {
      return nil
    }
    return output.bytes
  }
}

/// Bytes as OpenSSL reads and writes them.
private final class MemoryBuffer {
  let raw: OpaquePointer

  init?() {
    guard let raw = BIO_new(BIO_s_mem()) else { return nil }
    self.raw = raw
  }

  convenience init?(_ bytes: [UInt8]) {
    self.init()
    guard bytes.isEmpty || BIO_write(raw, bytes, Int32(clamping: bytes.count)) == bytes.count else { return nil }
  }

  deinit { BIO_free(raw) }

  var bytes: [UInt8] {
    var start: UnsafePointer<CChar>?
    let count = shim_x509_memory(raw, &start)
    return Array(UnsafeRawBufferPointer(start: start, count: count))
  }
}
