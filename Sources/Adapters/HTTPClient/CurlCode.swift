import CCurl

/// The codes of libcurl that the client tells apart, as integers.
enum CurlCode {
  static let malformedURL = Int(CURLE_URL_MALFORMAT.rawValue)
  static let proxyUnresolved = Int(CURLE_COULDNT_RESOLVE_PROXY.rawValue)
  static let unresolved = Int(CURLE_COULDNT_RESOLVE_HOST.rawValue)
  static let refused = Int(CURLE_COULDNT_CONNECT.rawValue)
  static let outOfMemory = Int(CURLE_OUT_OF_MEMORY.rawValue)
  static let writeRefused = Int(CURLE_WRITE_ERROR.rawValue)
  static let timedOut = Int(CURLE_OPERATION_TIMEDOUT.rawValue)
  static let aborted = Int(CURLE_ABORTED_BY_CALLBACK.rawValue)
  static let badArgument = Int(CURLE_BAD_FUNCTION_ARGUMENT.rawValue)
  static let tooLarge = Int(CURLE_FILESIZE_EXCEEDED.rawValue)
  static let broken = [
    CURLE_HTTP2, CURLE_PARTIAL_FILE, CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_HTTP2_STREAM,
  ].map { Int($0.rawValue) }
}
