import Testing

@testable import HTTPClient

@Suite struct StreamedBodyTests {
  private func feed(_ body: StreamedBody, _ bytes: [UInt8]) -> HTTPClientError? {
    bytes.withUnsafeBytes { body.body($0) }
  }

  @Test func aReaderThatFallsBehindLosesTheStream() async throws {
    let body = StreamedBody(maximumBacklog: 10)
    body.head(status: 200, headers: [])
    #expect(feed(body, [1, 2, 3, 4, 5, 6]) == nil)
    #expect(feed(body, [7, 8, 9, 10]) == nil)
    let refusal = feed(body, [11])
    #expect(refusal?.description.contains("behind") == true)
    #expect(try await body.next().get() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  }

  @Test func whatCameIsReadBeforeTheEnd() async throws {
    let body = StreamedBody(maximumBacklog: 10)
    body.head(status: 200, headers: [])
    #expect(feed(body, [1]) == nil)
    body.end(.failure(HTTPClientError(code: 56, "cut")))
    #expect(try await body.next().get() == [1])
    let error = await #expect(throws: HTTPClientError.self) { try await body.next().get() }
    #expect(error?.description == "cut")
  }
}
