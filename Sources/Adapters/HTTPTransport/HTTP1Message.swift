/// One HTTP/1 request and what its response must heed.
struct HTTP1Message {
  var request: HTTPRequest
  var keepsAlive: Bool
  var isHTTP10: Bool
}
