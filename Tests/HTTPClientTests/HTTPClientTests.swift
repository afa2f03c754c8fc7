import HTTPClient
import JSON
import TestSupport
import Testing

/// One server for all tests that need no script: they ask for different paths.
private let shared = Result { () throws(LineProcess.Failure) in try ScriptedServer() }

func url(_ path: String) throws -> String { "http://127.0.0.1:\(try shared.get().port)\(path)" }

/// What the server saw of requests for a path with that query.
func logged(_ client: HTTPClient, _ path: String, query: String) async throws -> [JSONValue] {
  let log = try await client.send(HTTPClientRequest(method: "GET", url: url("/_log")))
  let requests = try JSONValue(parsing: log.body)["requests"]?.array ?? []
  return requests.filter { $0["path"]?.string == path && $0.at("query", query) != nil }
}

@Suite struct HTTPClientTests {
  private let client = HTTPClient()

  private func send(
    _ method: String, _ path: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
    timeout: Duration? = .seconds(30), limit: Int = 1 << 20
  ) async throws -> HTTPClientResponse {
    try await client.send(
      HTTPClientRequest(method: method, url: url(path), headers: headers, body: body, timeout: timeout), limit: limit)
  }

  @Test(arguments: ["GET", "POST", "PUT", "PATCH", "DELETE"])
  func sendsMethodFieldsAndBody(_ method: String) async throws {
    let response = try await send(
      method, "/echo?a=b", headers: [("X-One", "1"), ("X-Empty", ""), ("Content-Type", "application/x")],
      body: Array("héllo".utf8))
    #expect(response.status == 200)
    let seen = try JSONValue(parsing: response.body)
    #expect(seen["method"]?.string == method)
    #expect(seen["path"]?.string == "/echo?a=b")
    #expect(seen["body"]?.string == "héllo")
    #expect(seen.at("headers", "x-one")?.string == "1")
    #expect(seen.at("headers", "x-empty")?.string == "")
    #expect(seen.at("headers", "content-type")?.string == "application/x")
    #expect(seen.at("headers", "expect") == nil)
  }

  @Test(arguments: ["GET", "POST", "DELETE"])
  func sendsNoBodyAndNoMediaTypeOfItsOwn(_ method: String) async throws {
    let seen = try JSONValue(parsing: try await send(method, "/echo").body)
    #expect(seen["body"]?.string == "")
    #expect(seen.at("headers", "content-type") == nil)
  }

  @Test func sendsBodiesLargerThanABuffer() async throws {
    let body = [UInt8](repeating: 0x61, count: 3 << 20)
    let response = try await send("POST", "/echo", body: body, limit: 8 << 20)
    #expect(try JSONValue(parsing: response.body)["body"]?.string?.utf8.count == body.count)
  }

  @Test func capturesFieldsInLowerCase() async throws {
    let response = try await send("GET", "/echo")
    #expect(response.header("x-twice") == "a")
    #expect(response.header("x-empty") == "")
    #expect(response.header("content-type") == "application/json")
  }

  @Test(arguments: [204, 304, 404, 410, 500])
  func failuresOfHTTPAreAnswers(_ status: Int) async throws {
    let response = try await send("GET", "/status/\(status)")
    #expect(response.status == status)
    #expect(String(decoding: response.body, as: UTF8.self) == ([204, 304].contains(status) ? "" : "status \(status)"))
  }

  @Test func headHasNoBody() async throws {
    let response = try await send("HEAD", "/bytes/10")
    #expect(response.status == 200)
    #expect(response.header("content-length") == "10")
    #expect(response.body.isEmpty)
  }

  @Test func interimAnswersArePassedOver() async throws {
    let response = try await send("GET", "/interim")
    #expect(response.status == 200)
    #expect(response.header("x-final") == "yes")
    #expect(response.header("link") == nil)
  }

  @Test func theLimitIsExact() async throws {
    #expect(try await send("GET", "/bytes/1000", limit: 1000).body.count == 1000)
    let error = await #expect(throws: HTTPClientError.self) { try await send("GET", "/bytes/1001", limit: 1000) }
    #expect(error?.description.contains("larger than 1000 bytes") == true)
  }

  @Test func aCutAnswerIsAnError() async throws {
    let error = await #expect(throws: HTTPClientError.self) { try await send("GET", "/cut/1000") }
    #expect(error?.isBroken == true)
  }

  @Test func refusedConnectionsAndUnknownHostsAreToldApart() async throws {
    for url in ["http://127.0.0.1:1/", "http://no-such-host.invalid/"] {
      let error = await #expect(throws: HTTPClientError.self) {
        try await client.send(HTTPClientRequest(method: "GET", url: url))
      }
      #expect(error?.isConnectionFailure == true, "\(url)")
      #expect(error?.description.isEmpty == false)
    }
  }

  @Test(arguments: ["file:///etc/passwd", "ftp://127.0.0.1/", "nonsense://x", "http://bad host/", ""])
  func onlyHTTPAddressesAreFollowed(_ url: String) async throws {
    await #expect(throws: HTTPClientError.self) {
      try await client.send(HTTPClientRequest(method: "GET", url: url, timeout: .seconds(5)))
    }
  }

  @Test(arguments: [("X-A", "b\r\nX-C: d"), ("X-A\n", "b"), ("", "b"), ("X-A", "b\0")])
  func fieldsCannotSmuggleOthers(_ name: String, _ value: String) async throws {
    let error = await #expect(throws: HTTPClientError.self) { try await send("GET", "/echo", headers: [(name, value)]) }
    #expect(error?.description.contains("line end") == true)
  }

  @Test func theTimeoutEndsTheWait() async throws {
    let error = await #expect(throws: HTTPClientError.self) {
      try await send("GET", "/hang", timeout: .milliseconds(100))
    }
    #expect(error?.isTimeout == true)
  }

  @Test func anAnswerThatDoesNotComeKeepsNoOtherRequestWaiting() async throws {
    let client = HTTPClient()
    defer { client.shutdown() }
    let hanging = Task { [url = try url("/hang?alone=1")] in
      try await client.send(HTTPClientRequest(method: "GET", url: url, timeout: nil))
    }
    defer { hanging.cancel() }
    // Asked by another client: the first request must be alone on its own.
    try await eventually("the request arrives") { try await !logged(self.client, "/hang", query: "alone").isEmpty }
    let answer = try await client.send(HTTPClientRequest(method: "GET", url: url("/echo"), timeout: .seconds(20)))
    #expect(answer.status == 200)
  }

  @Test func cancellingTheTaskEndsTheTransfer() async throws {
    let task = Task { try await send("GET", "/hang?cancel=1", timeout: nil) }
    try await eventually("the request arrives") { try await !logged(client, "/hang", query: "cancel").isEmpty }
    task.cancel()
    let error = await #expect(throws: HTTPClientError.self) { try await task.value }
    #expect(error?.isCancellation == true)
    try await eventually("the connection is closed") {
      try await logged(client, "/hang", query: "cancel").first?["ended"]?.string == "closed by peer"
    }
  }

  @Test func aCancelledTaskSendsNothing() async throws {
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await send("GET", "/echo?unsent=1")
    }
    let error = await #expect(throws: HTTPClientError.self) { try await task.value }
    #expect(error?.isCancellation == true)
    #expect(try await logged(client, "/echo", query: "unsent").isEmpty)
  }

  @Test func manyRequestsAtOnceAllGetTheirOwnAnswer() async throws {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for index in 0..<100 {
        group.addTask {
          let response = try await send("GET", "/echo?index=\(index)")
          return try JSONValue(parsing: response.body)["path"]?.string == "/echo?index=\(index)"
        }
      }
      for try await isOwn in group { #expect(isOwn) }
    }
  }

  @Test func shutdownEndsWhatRunsAndRefusesTheRest() async throws {
    let client = HTTPClient()
    let running = Task { [url = try url("/hang?shutdown=1")] in
      try await client.send(HTTPClientRequest(method: "GET", url: url, timeout: nil))
    }
    try await eventually("the request arrives") {
      try await !logged(self.client, "/hang", query: "shutdown").isEmpty
    }
    client.shutdown()
    client.shutdown()
    let first = await #expect(throws: HTTPClientError.self) { try await running.value }
    #expect(first?.isCancellation == true)
    let second = await #expect(throws: HTTPClientError.self) {
      try await client.send(HTTPClientRequest(method: "GET", url: url("/echo")))
    }
    #expect(second?.isCancellation == true)
  }
}
