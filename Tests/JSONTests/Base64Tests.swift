import JSON
import Testing

@Suite struct Base64Tests {
  // RFC 4648, section 10, and bytes that use all of the alphabet.
  static let vectors: [(bytes: [UInt8], text: String)] = [
    ([], ""), (Array("f".utf8), "Zg=="), (Array("fo".utf8), "Zm8="), (Array("foo".utf8), "Zm9v"),
    (Array("foob".utf8), "Zm9vYg=="), (Array("fooba".utf8), "Zm9vYmE="), (Array("foobar".utf8), "Zm9vYmFy"),
    ([0xfb, 0xff, 0xfe], "+//+"), ([0, 0, 0, 0], "AAAAAA=="),
  ]

  @Test(arguments: vectors) func encodesAndDecodes(_ bytes: [UInt8], _ text: String) {
    #expect(Base64.encode(bytes) == text)
    #expect(Base64.decode(text) == bytes)
  }

  @Test(arguments: ["Z", "Zg", "Zg=", "Zg===", "=", "Z===", "Zg==Zg==", "Zm9v!", "Zm-_", "Z=g="])
  func rejects(_ text: String) { #expect(Base64.decode(text) == nil) }

  @Test func skipsLineBreaks() { #expect(Base64.decode("Zm9v\r\nYmFy\n") == Array("foobar".utf8)) }

  @Test func everyByteSurvives() {
    for count in 0...300 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }
  }
}
