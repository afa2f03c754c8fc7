import Testing

@testable import HTTPTransport

struct HTTP1OutputTests {
  /// Everything that comes out, in buffers of that size.
  private func drain(_ output: inout HTTP1Output, size: Int) -> [UInt8] {
    var result: [UInt8] = []
    withUnsafeTemporaryAllocation(byteCount: size, alignment: 1) { buffer in
      while true {
        let count = output.take(into: buffer)
        if count == 0 { break }
        result += buffer[..<count]
      }
    }
    return result
  }

  @Test(arguments: [0, 5, 65_535, 65_536, 300_000], [1000, 100_000])
  func whatIsAppendedComesOutWhole(bodySize: Int, bufferSize: Int) {
    let response = HTTPResponse(status: 200, contentType: "a/b", body: [UInt8](repeating: 120, count: bodySize))
    var expected: [UInt8] = []
    HTTP1Response.append(
      response, to: &expected, keepsAlive: true, isHTTP10: false, isHead: false, date: "today")
    var output = HTTP1Output()
    output.append(response, keepsAlive: true, isHTTP10: false, isHead: false, date: "today")
    #expect(output.count == expected.count)
    #expect(output.takesMore == (bodySize < 65_536))
    #expect(drain(&output, size: bufferSize) == expected)
    #expect(output.count == 0)
    #expect(output.takesMore)
  }

  @Test func theOrderOfResponsesIsKept() {
    var output = HTTP1Output()
    for size in [3, 70_000, 80_000, 2] {
      let response = HTTPResponse(status: 200, body: [UInt8](repeating: UInt8(size % 251), count: size))
      output.append(response, keepsAlive: true, isHTTP10: false, isHead: false, date: "today")
    }
    let text = String(decoding: drain(&output, size: 10_000), as: UTF8.self)
    let lengths = text.split(separator: "content-length: ").dropFirst().map { $0.prefix { $0.isNumber } }
    #expect(lengths == ["3", "70000", "80000", "2"])
  }

  @Test(arguments: [(200, true), (204, false)])
  func headAndEmptyStatusesLeaveLargeBodiesOut(status: Int, isHead: Bool) {
    let response = HTTPResponse(status: status, body: [UInt8](repeating: 120, count: 100_000))
    var output = HTTP1Output()
    output.append(response, keepsAlive: true, isHTTP10: false, isHead: isHead, date: "today")
    let text = String(decoding: drain(&output, size: 4096), as: UTF8.self)
    #expect(text.hasSuffix("\r\n\r\n"))
    #expect(text.contains("content-length: 100000") == isHead)
  }
}
