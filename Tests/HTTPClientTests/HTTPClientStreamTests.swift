import HTTPClient
import JSON
import TestSupport
import Testing

@Suite struct HTTPClientStreamTests {
  private let client = HTTPClient()

  private func stream(_ path: String, idle: Duration = .seconds(60)) async throws -> HTTPClientStream {
    try await client.stream(HTTPClientRequest(method: "GET", url: url(path), timeout: nil), idleTimeout: idle)
  }

  private func isClosed(_ query: String) async throws -> Bool {
    try await logged(client, "/open", query: query).first?["ended"]?.string == "closed by peer"
  }

  @Test func theHeadComesBeforeTheEndOfTheBody() async throws {
    let stream = try await stream("/open?head=1")
    #expect(stream.status == 200)
    #expect(stream.headers.contains { $0 == ("x-open", "yes") })
    #expect(try await stream.next() == Array("open\n".utf8))
    stream.cancel()
    let error = await #expect(throws: HTTPClientError.self) { try await stream.next() }
    #expect(error?.isCancellation == true)
  }

  @Test func chunksJoinToTheBody() async throws {
    var text = ""
    for try await chunk in try await stream("/drip/200").chunks { text += String(decoding: chunk, as: UTF8.self) }
    #expect(text == (0..<200).map { "chunk \($0)\n" }.joined())
  }

  @Test func theBodyOfAFailureIsItsText() async throws {
    let stream = try await stream("/status/410")
    #expect(stream.status == 410)
    #expect(try await stream.next() == Array("status 410".utf8))
    #expect(try await stream.next() == nil)
  }

  @Test func anEmptyBodyEndsAtOnce() async throws {
    let stream = try await stream("/status/204")
    #expect(stream.status == 204)
    #expect(try await stream.next() == nil)
  }

  @Test func aCutBodyFails() async throws {
    let stream = try await stream("/cut/1000")
    let error = await #expect(throws: HTTPClientError.self) {
      while try await stream.next() != nil {}
    }
    #expect(error?.isBroken == true)
  }

  @Test func silenceIsFound() async throws {
    let stream = try await stream("/open?silence=1", idle: .seconds(1))
    _ = try await stream.next()
    let error = await #expect(throws: HTTPClientError.self) { try await stream.next() }
    #expect(error?.isTimeout == true)
  }

  @Test func aFailureBeforeTheHeadIsThrown() async throws {
    let error = await #expect(throws: HTTPClientError.self) {
      try await client.stream(
        HTTPClientRequest(method: "GET", url: "http://127.0.0.1:1/", timeout: nil), idleTimeout: .seconds(5))
    }
    #expect(error?.isConnectionFailure == true)
  }

  @Test func droppingTheStreamClosesIt() async throws {
    do { _ = try await stream("/open?dropped=1").next() }
    try await eventually("the stream is closed") { try await isClosed("dropped") }
  }

  @Test func cancellingTheReaderClosesIt() async throws {
    let reader = Task {
      var count = 0
      for try await _ in try await stream("/open?cancelled=1").chunks { count += 1 }
      return count
    }
    try await eventually("the stream is open") { try await !logged(client, "/open", query: "cancelled").isEmpty }
    reader.cancel()
    _ = try? await reader.value
    try await eventually("the stream is closed") { try await isClosed("cancelled") }
  }
}
