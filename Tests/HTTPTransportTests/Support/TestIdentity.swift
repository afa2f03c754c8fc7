import COpenSSL
import CShims
import Glibc
import HTTPTransport
import Testing

/// A self-signed certificate for localhost and 127.0.0.1, made in the process.
enum TestIdentity {
  static func make(commonName: String) throws -> TLSIdentity {
    let key = try #require(shim_EVP_EC_gen("P-256"))
    defer { EVP_PKEY_free(key) }
    let certificate = try #require(X509_new())
    defer { X509_free(certificate) }
    X509_set_version(certificate, 2)
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), Int.random(in: 1...Int(Int32.max)))
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60)
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600)
    X509_set_pubkey(certificate, key)
    let name = X509_get_subject_name(certificate)
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, commonName, -1, -1, 0)
    X509_set_issuer_name(certificate, name)
    let names = X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1")
    X509_add_ext(certificate, names, -1)
    X509_EXTENSION_free(names)
    X509_sign(certificate, key, EVP_sha256())
    return TLSIdentity(
      certificateChainPEM: try pem { PEM_write_bio_X509($0, certificate) },
      privateKeyPEM: try pem { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) })
  }

  private static func pem(_ write: (OpaquePointer?) -> Int32) throws -> [UInt8] {
    let bio = try #require(BIO_new(BIO_s_mem()))
    defer { BIO_free(bio) }
    try #require(write(bio) == 1)
    var start: UnsafeMutablePointer<CChar>?
    let count = shim_BIO_get_mem_data(bio, &start)
    return Array(UnsafeRawBufferPointer(start: start, count: count))
  }
}
