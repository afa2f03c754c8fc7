import JSON
import Telemetry
import Testing

@Suite("Answers of OTLP receivers") struct ExportResponseTests {
  @Test("Success is empty")
  func success() throws {
    #expect(ExportResponse(.traces).encoded() == [])
    #expect(ExportResponse(.traces).json() == [:])
    #expect(try ExportResponse(.traces, decoding: []) == ExportResponse(.traces))
  }

  @Test("Partial success survives the wire", arguments: Signal.allCases)
  func partialSuccess(signal: Signal) throws {
    let response = ExportResponse(signal, rejectedItems: 3, message: "too old")
    #expect(try ExportResponse(signal, decoding: response.encoded()) == response)
    #expect(response.encoded() == [0x0a, 11, 0x08, 3, 0x12, 7] + Array("too old".utf8))
  }

  @Test("Partial success in JSON")
  func json() {
    let response = ExportResponse(.metrics, rejectedItems: 3, message: "m")
    #expect(response.json() == ["partialSuccess": ["rejectedDataPoints": "3", "errorMessage": "m"]])
  }

  @Test("Failures carry google.rpc.Status")
  func failure() {
    let failure = ExportFailure(code: 14, "full")
    #expect(failure.encoded() == [0x08, 14, 0x12, 4] + Array("full".utf8))
    #expect(ExportFailure.message(decoding: failure.encoded()) == "full")
    #expect(ExportFailure.message(decoding: Array("<html>".utf8)) == nil)
    #expect(failure.json() == ["code": 14, "message": "full"])
  }
}
