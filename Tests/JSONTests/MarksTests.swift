import CText
import TestSupport
import Testing

/// The marks that the parser goes by, of texts made of what matters, against a judge that reads byte by byte.
struct MarksTests {
  private static func marks(
    _ text: [UInt8],
    _ find: (UnsafeMutablePointer<ctext_state>?, UnsafePointer<UInt8>?, Int, Int, UnsafeMutablePointer<UInt32>?) -> Int
  ) -> (marks: [Int], isASCII: Bool) {
    var state = ctext_state()
    var found: [Int] = []
    var memory = [UInt32](repeating: 0, count: Int(CTEXT_CHUNK) + 16)
    for start in stride(from: 0, to: text.count, by: Int(CTEXT_CHUNK)) {
      let count = find(&state, text, start, text.count, &memory)
      found += memory[..<count].map(Int.init)
    }
    return (found, state.high == 0)
  }

  private static func expected(_ text: [UInt8]) -> [Int] {
    var found: [Int] = []
    var isInside = false
    var isEscaped = false
    for (offset, byte) in text.enumerated() {
      if isEscaped {
        isEscaped = false
        // A control character is none that may be escaped.
        if isInside, byte < 0x20 { found.append(offset) }
      } else if byte == UInt8(ascii: "\"") {
        isInside.toggle()
        found.append(offset)
      } else {
        isEscaped = byte == UInt8(ascii: "\\")
        if isInside, isEscaped || byte < 0x20 { found.append(offset) }
      }
    }
    return found
  }

  @Test(arguments: [1, 2, 63, 64, 65, 127, 2047, 2048, 2049, 5000])
  func areThoseOfReadingByteByByte(_ size: Int) {
    var generator = SeededGenerator(state: UInt64(size))
    let alphabets: [[UInt8]] = [
      Array("\"\\".utf8), Array("\"\\\\\\\\\\a\n".utf8), Array("\"abcdefghijklmnop\\ \u{1f}".utf8),
      Array("\"é日本\\x".utf8),
    ]
    for alphabet in alphabets {
      for _ in 0..<20 {
        let text = (0..<size).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
        let expected = Self.expected(text)
        for found in [Self.marks(text, ctext_find_marks), Self.marks(text, ctext_find_marks_anywhere)] {
          #expect(found.marks == expected)
          #expect(found.isASCII == text.allSatisfy { $0 < 0x80 })
        }
      }
    }
  }
}
