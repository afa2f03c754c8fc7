import COpenSSL
import CShims

/// What is certified.
struct CertificateRequest {
  enum Purpose {
    /// Signs certificates of servers, and none of other authorities.
    case authority
    /// Serves under these DNS names.
    case server(names: [String])
  }
  var commonName: String
  var purpose: Purpose
  var validity: CertificateValidity
}

extension Certificate {
  /// Makes a certificate for `key`. Without an issuer it signs itself.
  static func issue(
    _ request: CertificateRequest, for key: PrivateKey, issuer: (certificate: Certificate, key: PrivateKey)?
  ) throws(CertificateError) -> Certificate {
    func check(_ result: Int32, _ step: String) throws(CertificateError) {
      guard result == 1 else { throw CertificateError(during: step) }
    }
    guard let raw = X509_new() else { throw CertificateError(during: "making a certificate") }
    let certificate = Certificate(owning: raw)
    try check(X509_set_version(raw, 2), "setting the version")  // Counted from 0: this is version 3.
    try setRandomSerial(raw)
    try check(X509_set_pubkey(raw, key.raw), "setting the public key")
    try setValidity(raw, request.validity)
    let name = X509_get_subject_name(raw)
    let commonName = Array(request.commonName.utf8)
    try check(
      X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8, commonName, Int32(commonName.count), -1, 0),
      "setting the name")
    let issuerName = issuer.map { X509_get_subject_name($0.certificate.raw) } ?? name
    try check(X509_set_issuer_name(raw, issuerName), "setting the issuer")
    for (identifier, text) in request.extensions {
      try check(
        shim_x509_add_extension(raw, issuer?.certificate.raw ?? raw, identifier, text), "setting an extension")
    }
    guard X509_sign(raw, issuer?.key.raw ?? key.raw, EVP_sha256()) > 0 else {
      throw CertificateError(during: "signing a certificate")
    }
    return certificate
  }

  /// 127 random bits: unique without anybody keeping count (CA/Browser Forum baseline, section 7.1, asks for 64).
  private static func setRandomSerial(_ raw: OpaquePointer) throws(CertificateError) {
    var serial = [UInt8](repeating: 0, count: 16)
    guard RAND_bytes(&serial, Int32(serial.count)) == 1 else {
      throw CertificateError(during: "choosing a serial number")
    }
    serial[0] = serial[0] & 0x7f | 0x40
    guard let number = BN_bin2bn(serial, Int32(serial.count), nil) else {
      throw CertificateError(during: "choosing a serial number")
    }
    defer { BN_free(number) }
    guard BN_to_ASN1_INTEGER(number, X509_get_serialNumber(raw)) != nil else {
      throw CertificateError(during: "setting the serial number")
    }
  }

  private static func setValidity(_ raw: OpaquePointer, _ validity: CertificateValidity) throws(CertificateError) {
    guard let first = ASN1_TIME_set(nil, Int(validity.notBefore)) else {
      throw CertificateError(during: "setting a time")
    }
    defer { ASN1_TIME_free(first) }
    guard let last = ASN1_TIME_set(nil, Int(validity.notAfter)) else {
      throw CertificateError(during: "setting a time")
    }
    defer { ASN1_TIME_free(last) }
    guard X509_set1_notBefore(raw, first) == 1, X509_set1_notAfter(raw, last) == 1 else {
      throw CertificateError(during: "setting the validity")
    }
  }
}

extension CertificateRequest {
  /// The extensions in OpenSSL's words. The subject's key id comes before the issuer's, which may refer to it.
  fileprivate var extensions: [(identifier: Int32, text: String)] {
    switch purpose {
    case .authority:
      [
        (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"), (NID_key_usage, "critical,keyCertSign,cRLSign"),
        (NID_subject_key_identifier, "hash"),
      ]
    case .server(let names):
      [
        (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
        (NID_ext_key_usage, "serverAuth"), (NID_subject_key_identifier, "hash"),
        (NID_authority_key_identifier, "keyid"),
        (NID_subject_alt_name, names.map { "DNS:\($0)" }.joined(separator: ",")),
      ]
    }
  }
}
