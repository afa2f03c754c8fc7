/// Why a text is not the address that a destination needs. It says what to write instead.
public struct EndpointError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong.
  public var description: String
  /// Makes the error.
  public init(_ description: String) { self.description = description }
}

/// The address of a destination as a user wrote it, brought into the form that exporters take.
public struct Endpoint: Sendable, Equatable {
  /// The scheme, lower case, such as "https".
  public var scheme: String
  /// The host name or address; IPv6 in brackets.
  public var host: String
  /// The port, if one was written.
  public var port: Int?
  /// What follows: path and query, "" for none. Never a lone "/".
  public var path: String

  /// `host:port` for a gRPC exporter. The scheme may be left out; `tls` tells whether the connection is encrypted, and
  /// a scheme that says otherwise is an error, as are a path, a query, a fragment and user information.
  public static func grpc(_ text: String, tls: Bool, defaultPort: Int = CollectorPort.otlpGRPC)
    throws(EndpointError) -> String
  {
    let endpoint = try Endpoint(text, defaultScheme: tls ? "grpcs" : "grpc")
    let encrypted: Bool
    switch endpoint.scheme {
    case "grpc", "http": encrypted = false
    case "grpcs", "https": encrypted = true
    default:
      throw EndpointError("scheme \"\(endpoint.scheme)\" is not one of grpc, grpcs, http, https")
    }
    guard encrypted == tls else {
      throw EndpointError(
        tls
          ? "scheme \"\(endpoint.scheme)\" is without TLS, but TLS is enabled; write grpcs://, https:// or no scheme"
          : "scheme \"\(endpoint.scheme)\" means TLS, but TLS is not enabled; write grpc://, http:// or no scheme")
    }
    guard endpoint.path.isEmpty else {
      throw EndpointError("a gRPC address has no path or query, found \"\(endpoint.path)\"; write host:port")
    }
    return "\(endpoint.host):\(endpoint.port ?? defaultPort)"
  }

  /// The base URL for an HTTP exporter, without a slash at the end; `http://` is added where the scheme is missing.
  /// The exporter appends the path of the signal, so that a query is an error, and so is a path that ends with one.
  public static func http(_ text: String) throws(EndpointError) -> String {
    let endpoint = try httpEndpoint(text)
    guard !endpoint.path.contains("?") else {
      throw EndpointError("a base URL has no query, found \"\(endpoint.path)\"")
    }
    var path = endpoint.path[...]
    while path.hasSuffix("/") { path.removeLast() }
    for signal in Signal.collectable where path.hasSuffix("/v1/\(signal.pipelineName)") {
      throw EndpointError("the exporter adds /v1/\(signal.pipelineName) itself; write the URL without it")
    }
    return endpoint.authority + path
  }

  /// The full URL for one signal of an HTTP exporter, used as it is.
  public static func httpSignal(_ text: String) throws(EndpointError) -> String {
    let endpoint = try httpEndpoint(text)
    return endpoint.authority + endpoint.path
  }

  /// Takes an address apart.
  public init(_ text: String, defaultScheme: String) throws(EndpointError) {
    let text = text.trimmed
    guard !text.isEmpty else { throw EndpointError("it is empty") }
    var rest = text[...]
    if let colon = text.firstRange(ofText: "://") {
      scheme = text[..<colon.lowerBound].lowercased()
      rest = text[colon.upperBound...]
    } else {
      scheme = defaultScheme
    }
    guard let first = scheme.utf8.first, Self.isLetter(first), scheme.utf8.allSatisfy(Self.isSchemeByte) else {
      throw EndpointError("\"\(scheme)\" is no scheme; write for example \(defaultScheme)://host")
    }
    guard !rest.contains("#") else { throw EndpointError("it has a fragment (#); remove it") }
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    let path = String(rest[end...])
    self.path = path == "/" ? "" : path
    guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x22 && $0 != 0x5c }) else {
      throw EndpointError("its path has characters that must be percent-encoded")
    }
    (host, port) = try Self.authority(rest[..<end])
  }

  private var authority: String { "\(scheme)://\(host)" + (port.map { ":\($0)" } ?? "") }

  private static func httpEndpoint(_ text: String) throws(EndpointError) -> Endpoint {
    let endpoint = try Endpoint(text, defaultScheme: "http")
    guard ["http", "https"].contains(endpoint.scheme) else {
      throw EndpointError("scheme \"\(endpoint.scheme)\" is not one of http, https")
    }
    return endpoint
  }

  private static func authority(_ text: Substring) throws(EndpointError) -> (String, Int?) {
    guard !text.contains("@") else {
      throw EndpointError("it has user information (user@host); give credentials in headers or in the Secret")
    }
    let host: Substring
    var portText: Substring?
    if text.hasPrefix("[") {
      guard let close = text.firstIndex(of: "]") else { throw EndpointError("\"\(text)\" lacks the closing ]") }
      let address = text[text.index(after: text.startIndex)..<close]
      guard address.contains(":"), address.utf8.allSatisfy({ isHex($0) || $0 == 0x3a || $0 == 0x2e }) else {
        throw EndpointError("\"\(address)\" is no IPv6 address")
      }
      host = text[...close]
      let rest = text[text.index(after: close)...]
      guard rest.isEmpty || rest.hasPrefix(":") else { throw EndpointError("\"\(rest)\" follows the address") }
      if !rest.isEmpty { portText = rest.dropFirst() }
    } else {
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2 else {
        throw EndpointError("\"\(text)\" has more than one colon; write an IPv6 address in brackets, [address]:port")
      }
      host = parts.first ?? ""
      if parts.count == 2 { portText = parts[1] }
      guard host.utf8.allSatisfy({ isLetter($0) || isDigit($0) || $0 == 0x2d || $0 == 0x2e || $0 == 0x5f }) else {
        throw EndpointError("\"\(host)\" is no host name")
      }
    }
    guard !host.isEmpty else { throw EndpointError("it has no host") }
    guard let portText else { return (String(host), nil) }
    guard portText.utf8.allSatisfy(isDigit), let port = Int(portText), (1...65535).contains(port) else {
      throw EndpointError("\"\(portText)\" is no port; ports are 1 to 65535")
    }
    return (String(host), port)
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  private static func isHex(_ byte: UInt8) -> Bool { isDigit(byte) || (0x61...0x66).contains(byte | 0x20) }
  private static func isSchemeByte(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || byte == 0x2b || byte == 0x2d || byte == 0x2e
  }
}

extension String {
  /// Without white space at both ends.
  var trimmed: String {
    guard let start = firstIndex(where: { !$0.isWhitespace }), let end = lastIndex(where: { !$0.isWhitespace }) else {
      return ""
    }
    return String(self[start...end])
  }

  /// Where `text` is first found.
  func firstRange(ofText text: String) -> Range<String.Index>? {
    var index = startIndex
    while index < endIndex {
      if self[index...].hasPrefix(text) { return index..<self.index(index, offsetBy: text.count) }
      index = self.index(after: index)
    }
    return nil
  }
}
