import JSON
import Testing

@testable import KubeClient

private let text =
  #"{"type":"ADDED","object":{"metadata":{"name":"a"}}}"# + "\n\n"
  + #"{"type":"MODIFIED","object":{"metadata":{"name":"é"}}}"# + "\r\n"
  + #"{"type":"NEWER","object":{}}"# + "\n"
  + #"{"type":"DELETED","object":{"metadata":{"name":"a"}}}"# + "\n"
  + #"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"# + "\n"
  + #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}"# + "\n"

private let events: [WatchEvent] = [
  .added(["metadata": ["name": "a"]]),
  .modified(["metadata": ["name": "é"]]),
  .deleted(["metadata": ["name": "a"]]),
  .bookmark(resourceVersion: "9"),
  .error(KubeError(status: 410, reason: "Expired", message: "too old")),
]

@Suite struct WatchDecoderTests {
  @Test(arguments: [1, 2, 3, 7, 50, 64, 10_000])
  func aChunkIsNotALine(_ size: Int) throws {
    var decoder = WatchDecoder()
    var found: [WatchEvent] = []
    let bytes = Array(text.utf8)
    for start in stride(from: 0, to: bytes.count, by: size) {
      decoder.feed(Array(bytes[start..<min(start + size, bytes.count)]))
      while let event = try decoder.next() { found.append(event) }
    }
    #expect(found == events)
  }

  @Test func chunksMayPileUpBeforeTheyAreRead() throws {
    var decoder = WatchDecoder()
    let bytes = Array(text.utf8)
    decoder.feed(Array(bytes[..<100]))
    #expect(try decoder.next() == events[0])
    decoder.feed(Array(bytes[100..<130]))
    decoder.feed(Array(bytes[130...]))
    var found: [WatchEvent] = [events[0]]
    while let event = try decoder.next() { found.append(event) }
    #expect(found == events)
  }

  @Test(arguments: ["{", "null", "{}", #"{"type":"ADDED"}"#, #"{"type":"BOOKMARK","object":{}}"#])
  func anythingElseIsAnError(_ line: String) {
    var decoder = WatchDecoder()
    decoder.feed(Array("\(line)\n".utf8))
    let error = #expect(throws: KubeError.self) { try decoder.next() }
    #expect(error?.reason == KubeError.LocalReason.invalidAnswer)
  }

  @Test func aLineWithoutEndIsBounded() {
    var decoder = WatchDecoder()
    decoder.feed([UInt8](repeating: 0x61, count: WatchDecoder.maximumLineSize + 1))
    #expect(throws: KubeError.self) { try decoder.next() }
  }
}
