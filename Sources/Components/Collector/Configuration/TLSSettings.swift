/// The certificate of a listener: `tls: {cert_file, key_file}`.
struct ServerTLSSettings: Sendable, Equatable {
  var certificateFile: String
  var keyFile: String

  /// Reads `tls` of a listener's settings; nil without it.
  init?(_ listener: Settings) {
    guard let value = listener.raw("tls"), !value.isNull else { return nil }
    let settings = listener.section("tls")
    certificateFile = settings.string("cert_file") ?? ""
    keyFile = settings.string("key_file") ?? ""
    for (key, text) in [("cert_file", certificateFile), ("key_file", keyFile)] where text.isEmpty {
      settings.problem(key, "a file is needed")
    }
    settings.refuse("client_ca_file", "it does not ask senders for certificates; remove the key")
    settings.finish()
  }
}

/// Whom an exporter trusts and who it is.
struct ClientTLSSettings: Sendable, Equatable {
  /// A PEM text: given as it is, or the file that holds it.
  enum Source: Sendable, Equatable {
    case text(String)
    case file(String)
  }

  /// No TLS at all.
  var insecure: Bool
  var skipsVerification: Bool
  /// Nil trusts the system's authorities.
  var authority: Source?
  var certificate: Source?
  var key: Source?
  var serverName: String?

  /// Reads `tls` of an exporter's settings.
  init(_ exporter: Settings) {
    let settings = exporter.section("tls")
    insecure = settings.bool("insecure", default: false)
    skipsVerification = settings.bool("insecure_skip_verify", default: false)
    authority = Self.source("ca", settings)
    certificate = Self.source("cert", settings)
    key = Self.source("key", settings)
    serverName = settings.string("server_name_override")
    if (certificate == nil) != (key == nil) {
      settings.findings.problem(
        settings.path, "a client certificate needs both cert_file and key_file (or cert_pem and key_pem)")
    }
    settings.finish()
  }

  private static func source(_ name: String, _ settings: Settings) -> Source? {
    let (file, text) = (settings.string("\(name)_file"), settings.string("\(name)_pem"))
    if file != nil, text != nil { settings.problem("\(name)_file", "give either \(name)_file or \(name)_pem") }
    if let text, !text.isEmpty { return .text(text) }
    if let file, !file.isEmpty { return .file(file) }
    return nil
  }
}
