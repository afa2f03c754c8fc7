import CCurl
import CShims
import Concurrency
import Glibc

/// The name of a transfer for whoever may want to cancel it, also before it has begun.
final class CurlTicket: Sendable {
  private let cancelled = Locked(false)
  var isCancelled: Bool { cancelled.withLock { $0 } }
  func cancel() { cancelled.withLock { $0 = true } }
}

/// Where the answer of a transfer goes. Called on the curl thread; `end` comes exactly once and last.
protocol TransferSink: AnyObject, Sendable {
  /// The final head, once.
  func head(status: Int, headers: [(name: String, value: String)])
  /// A part of the body; an error refuses it and ends the transfer.
  func body(_ bytes: UnsafeRawBufferPointer) -> HTTPClientError?
  /// Nothing more comes.
  func end(_ outcome: Result<Void, HTTPClientError>)
}

/// One easy handle and what it reads from and writes to.
final class CurlTransfer: @unchecked Sendable {
  // Unchecked: the `let`s are Sendable, and every `var` is touched on the curl thread only.
  let ticket: CurlTicket
  let sink: any TransferSink
  private(set) var handle: UnsafeMutableRawPointer?

  private let request: HTTPClientRequest
  private let tls: HTTPClientTLS
  private let idleTimeout: Duration?
  private var fields: UnsafeMutablePointer<curl_slist>?
  private var connectTo: UnsafeMutablePointer<curl_slist>?
  private var errorText: UnsafeMutablePointer<CChar>?
  private var refusal: HTTPClientError?
  private var headers: [(name: String, value: String)] = []
  private var headerSize = 0
  private var hasHead = false

  /// The most that the names and values of a head may take, in bytes.
  private static let maximumHeaderSize = 256 << 10
  private static let connectTimeout: Duration = .seconds(10)
  /// A whole answer without a deadline is given up when nothing comes for so long.
  private static let silence: Duration = .seconds(300)

  init(
    ticket: CurlTicket, request: HTTPClientRequest, tls: HTTPClientTLS, idleTimeout: Duration?, sink: any TransferSink
  ) {
    self.ticket = ticket
    self.request = request
    self.tls = tls
    self.idleTimeout = idleTimeout
    self.sink = sink
  }

  /// Makes the easy handle. `release` undoes it, also after a failure.
  func prepare() throws(HTTPClientError) -> UnsafeMutableRawPointer {
    guard let handle = curl_easy_init() else {
      throw HTTPClientError(code: CurlCode.outOfMemory, "libcurl has no memory for a transfer")
    }
    self.handle = handle
    let text = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    text.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    errorText = text
    odigos_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, text)
    let context = Unmanaged.passUnretained(self).toOpaque()
    odigos_curl_set_pointer(handle, CURLOPT_PRIVATE, context)
    odigos_curl_set_header_callback(handle, takeHeaderLine, context)
    odigos_curl_set_body_callback(handle, takeBodyPart, context)
    try setConnection(handle)
    try setTLS(handle)
    try setRequest(handle)
    return handle
  }

  func release() {
    if let handle { curl_easy_cleanup(handle) }
    handle = nil
    curl_slist_free_all(fields)
    fields = nil
    curl_slist_free_all(connectTo)
    connectTo = nil
    errorText?.deallocate()
    errorText = nil
  }

  private func setConnection(_ handle: UnsafeMutableRawPointer) throws(HTTPClientError) {
    try check(odigos_curl_set_string(handle, CURLOPT_PROTOCOLS_STR, "http,https"), "protocols")
    odigos_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    // Without TLS nothing tells libcurl that a connection will not carry several requests until its first answer is
    // in: made to wait, every other request would hang as long as that answer does.
    let isSecure = request.url.prefix(6).lowercased() == "https:"
    odigos_curl_set_long(
      handle, CURLOPT_HTTP_VERSION, Int(isSecure ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1))
    // Without it the first burst of requests opens a connection each instead of sharing the one in the making.
    odigos_curl_set_long(handle, CURLOPT_PIPEWAIT, isSecure ? 1 : 0)
    odigos_curl_set_long(handle, CURLOPT_PATH_AS_IS, 1)
    odigos_curl_set_long(handle, CURLOPT_TCP_KEEPALIVE, 1)
    odigos_curl_set_long(handle, CURLOPT_TCP_KEEPIDLE, 30)
    odigos_curl_set_long(handle, CURLOPT_TCP_KEEPINTVL, 10)
    odigos_curl_tune_sockets(handle)
    let connect = min(Self.connectTimeout, request.timeout ?? Self.connectTimeout)
    odigos_curl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, connect.wholeMilliseconds)
    if let timeout = request.timeout {
      odigos_curl_set_long(handle, CURLOPT_TIMEOUT_MS, timeout.wholeMilliseconds)
    }
    if idleTimeout != nil || request.timeout == nil {
      let seconds = max(1, (idleTimeout ?? Self.silence).wholeMilliseconds / 1000)
      odigos_curl_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
      odigos_curl_set_long(handle, CURLOPT_LOW_SPEED_TIME, seconds)
    }
  }

  private func setTLS(_ handle: UnsafeMutableRawPointer) throws(HTTPClientError) {
    odigos_curl_set_long(handle, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    if tls.skipsVerification {
      odigos_curl_set_long(handle, CURLOPT_SSL_VERIFYPEER, 0)
      odigos_curl_set_long(handle, CURLOPT_SSL_VERIFYHOST, 0)
    }
    try setBlob(handle, CURLOPT_CAINFO_BLOB, tls.certificateAuthorityPEM, "certificate authorities")
    try setBlob(handle, CURLOPT_SSLCERT_BLOB, tls.clientCertificatePEM, "client certificate")
    try setBlob(handle, CURLOPT_SSLKEY_BLOB, tls.clientKeyPEM, "client key")
  }

  private func setBlob(
    _ handle: UnsafeMutableRawPointer, _ option: CURLoption, _ bytes: [UInt8]?, _ what: String
  ) throws(HTTPClientError) {
    guard let bytes else { return }
    let code = bytes.withUnsafeBytes { odigos_curl_set_blob(handle, option, $0.baseAddress, $0.count) }
    try check(code, what)
  }

  private func setRequest(_ handle: UnsafeMutableRawPointer) throws(HTTPClientError) {
    try setURL(handle)
    if let body = request.body ?? (["POST", "PUT", "PATCH"].contains(request.method) ? [] : nil) {
      odigos_curl_set_long(handle, CURLOPT_POST, 1)
      // The size first: libcurl copies that many bytes.
      odigos_curl_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, Int64(body.count))
      // Also for no bytes the field must be set, or libcurl reads a body from the standard input.
      let code = (body.isEmpty ? [0] : body).withUnsafeBytes { bytes in
        odigos_curl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
      }
      try check(code, "body")
    } else if request.method == "HEAD" {
      odigos_curl_set_long(handle, CURLOPT_NOBODY, 1)
    }
    try check(odigos_curl_set_string(handle, CURLOPT_CUSTOMREQUEST, request.method), "method")
    // libcurl's own additions: a form's media type, and the wait for "100 Continue".
    if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) { try addField("Content-Type:") }
    try addField("Expect:")
    for (name, value) in request.headers { try addField(value.isEmpty ? "\(name);" : "\(name): \(value)") }
    odigos_curl_set_list(handle, CURLOPT_HTTPHEADER, fields)
  }

  /// libcurl checks the certificate for the URL's host: for another name, that one becomes the URL's host and the
  /// connection is told where to go.
  private func setURL(_ handle: UnsafeMutableRawPointer) throws(HTTPClientError) {
    guard let name = tls.serverName else {
      return try check(odigos_curl_set_string(handle, CURLOPT_URL, request.url), "URL")
    }
    let url = curl_url()
    defer { curl_url_cleanup(url) }
    var parts: [UnsafeMutablePointer<CChar>?] = [nil, nil, nil]
    defer { parts.forEach { curl_free($0) } }
    let isValid =
      curl_url_set(url, CURLUPART_URL, request.url, 0) == CURLUE_OK
      && curl_url_get(url, CURLUPART_HOST, &parts[0], 0) == CURLUE_OK
      && curl_url_get(url, CURLUPART_PORT, &parts[1], UInt32(CURLU_DEFAULT_PORT)) == CURLUE_OK
      && curl_url_set(url, CURLUPART_HOST, name, 0) == CURLUE_OK
      && curl_url_get(url, CURLUPART_URL, &parts[2], 0) == CURLUE_OK
    guard isValid, let host = parts[0], let port = parts[1], let whole = parts[2] else {
      throw HTTPClientError(code: CurlCode.malformedURL, "the URL \"\(request.url)\" or server name \"\(name)\"")
    }
    connectTo = curl_slist_append(nil, "::\(String(cString: host)):\(String(cString: port))")
    odigos_curl_set_list(handle, CURLOPT_CONNECT_TO, connectTo)
    try check(odigos_curl_set_string(handle, CURLOPT_URL, whole), "URL")
  }

  private func addField(_ line: String) throws(HTTPClientError) {
    guard let grown = curl_slist_append(fields, line) else {
      throw HTTPClientError(code: CurlCode.outOfMemory, "libcurl has no memory for the header fields")
    }
    fields = grown
  }

  private func check(_ code: CURLcode, _ what: String) throws(HTTPClientError) {
    if code != CURLE_OK {
      throw HTTPClientError(code: Int(code.rawValue), "\(what): \(String(cString: curl_easy_strerror(code)))")
    }
  }

  /// What libcurl's final code means, with its own words where it left any.
  func outcome(_ code: CURLcode) -> Result<Void, HTTPClientError> {
    if code == CURLE_OK {
      finishHead()
      return .success(())
    }
    if let refusal { return .failure(refusal) }
    let detail = errorText.map { String(cString: $0) } ?? ""
    var text = detail.isEmpty ? String(cString: curl_easy_strerror(code)) : detail
    if Int(code.rawValue) == CurlCode.refused, let handle {
      // libcurl keeps the reason ("Connection refused") to itself.
      let reason = odigos_curl_os_error(handle)
      if reason != 0 { text += ": \(String(cString: strerror(Int32(clamping: reason))))" }
    }
    return .failure(HTTPClientError(code: Int(code.rawValue), text))
  }

  /// A line of the head with its line end. False ends the transfer.
  fileprivate func headerLine(_ bytes: UnsafeRawBufferPointer) -> Bool {
    // What comes after the head is trailers.
    if hasHead { return true }
    var line = bytes[...]
    while let last = line.last, last == 0x0A || last == 0x0D || last == 0x20 { line = line.dropLast() }
    if line.isEmpty {
      if let handle, odigos_curl_status(handle) >= 200 { finishHead() }
      return true
    }
    guard let colon = line.firstIndex(of: 0x3A) else {
      // A status line: of the final response, or of an interim one before it.
      headers = []
      return true
    }
    headerSize += line.count
    guard headerSize <= Self.maximumHeaderSize else {
      refusal = HTTPClientError(code: CurlCode.tooLarge, "the answer's head is over \(Self.maximumHeaderSize) bytes")
      return false
    }
    let value = line[(colon + 1)...].drop { $0 == 0x20 || $0 == 0x09 }
    let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
    headers.append((name, String(decoding: value, as: UTF8.self)))
    return true
  }

  fileprivate func bodyPart(_ bytes: UnsafeRawBufferPointer) -> Bool {
    finishHead()
    refusal = sink.body(bytes)
    return refusal == nil
  }

  private func finishHead() {
    guard !hasHead, let handle else { return }
    hasHead = true
    sink.head(status: odigos_curl_status(handle), headers: headers)
    headers = []
  }
}

private func takeHeaderLine(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let context else { return 0 }
  let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
  return transfer.headerLine(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

// Never CURL_WRITEFUNC_PAUSE: libcurl 7.88 can hang on resuming an HTTP/2 stream.
private func takeBodyPart(
  _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ context: UnsafeMutableRawPointer?
) -> Int {
  guard let context, size * count > 0 else { return 0 }
  let transfer = Unmanaged<CurlTransfer>.fromOpaque(context).takeUnretainedValue()
  return transfer.bodyPart(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
}

extension Duration {
  /// At least 1, because libcurl takes 0 for "no limit".
  fileprivate var wholeMilliseconds: Int {
    let (seconds, attoseconds) = components
    return max(1, Int(clamping: seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000))
  }
}
