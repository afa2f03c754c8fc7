import JSON
import Testing

@Suite struct ParsingTests {
  static let accepted: [(text: String, value: JSONValue)] = [
    ("null", .null), (" \t\r\n true \n", true), ("false", false),
    ("0", 0), ("-1", -1), ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
    ("9223372036854775808", .number("9223372036854775808")), ("-0", .number("-0")), ("1.50", .number("1.50")),
    ("1e3", .number("1e3")), ("-0.5E-2", .number("-0.5E-2")),
    (#""""#, ""), (#""a b""#, "a b"), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
    (#""\u00e9\u20AC\ud83d\ude00""#, "é€😀"),
    (#""é€😀 and a text that is longer than a word""#, "é€😀 and a text that is longer than a word"),
    ("\"\u{7f}\"", "\u{7f}"),
    ("[]", []), ("[ ]", []), ("[1,[2, [ ]],3]", [1, [2, []], 3]),
    ("{}", [:]), ("{ }", [:]), (#"{"a":{"b":[{}]} , "c" : null}"#, ["a": ["b": [[:]]], "c": .null]),
    (#"{"a":1,"b":2,"a":3}"#, ["a": 3, "b": 2]), (#"{"\u0061":1}"#, ["a": 1]), (#"{"":0}"#, ["": 0]),
  ]

  @Test(arguments: accepted) func accepts(_ text: String, _ value: JSONValue) throws {
    #expect(try JSONValue(parsing: text) == value)
  }

  static let rejected: [(text: String, error: JSONError)] = [
    ("", JSONError(.unexpectedEnd, at: 0)), ("  ", JSONError(.unexpectedEnd, at: 2)),
    ("nul", JSONError(.unexpectedEnd, at: 3)), ("nulL", JSONError(.unexpectedByte, at: 3)),
    ("True", JSONError(.unexpectedByte, at: 0)), ("1 2", JSONError(.trailingBytes, at: 2)),
    ("{} x", JSONError(.trailingBytes, at: 3)), ("\u{feff}1", JSONError(.unexpectedByte, at: 0)),
    ("01", JSONError(.invalidNumber, at: 0)), ("-", JSONError(.invalidNumber, at: 0)),
    ("-a", JSONError(.invalidNumber, at: 0)), ("1.", JSONError(.invalidNumber, at: 0)),
    ("1e", JSONError(.invalidNumber, at: 0)), ("1e+", JSONError(.invalidNumber, at: 0)),
    ("+1", JSONError(.unexpectedByte, at: 0)), (".5", JSONError(.unexpectedByte, at: 0)),
    ("NaN", JSONError(.unexpectedByte, at: 0)), ("0x10", JSONError(.trailingBytes, at: 1)),
    ("\"", JSONError(.unexpectedEnd, at: 1)), ("\"abcdefghijk", JSONError(.unexpectedEnd, at: 12)),
    ("\"\\", JSONError(.unexpectedEnd, at: 2)), ("\"a\nb\"", JSONError(.unexpectedByte, at: 2)),
    ("\"0123456789\u{1f}\"", JSONError(.unexpectedByte, at: 11)),
    (#""\x41""#, JSONError(.invalidEscape, at: 1)), (#""\u12g4""#, JSONError(.invalidEscape, at: 5)),
    (#""\u12"#, JSONError(.unexpectedEnd, at: 5)), (#""\ud800""#, JSONError(.invalidEscape, at: 1)),
    (#""\ude00\ud83d""#, JSONError(.invalidEscape, at: 1)), (#""\ud83d\u0041""#, JSONError(.invalidEscape, at: 1)),
    ("[", JSONError(.unexpectedEnd, at: 1)), ("[1", JSONError(.unexpectedEnd, at: 2)),
    ("[1,]", JSONError(.unexpectedByte, at: 3)), ("[,1]", JSONError(.unexpectedByte, at: 1)),
    ("[1 2]", JSONError(.unexpectedByte, at: 3)), ("[1}", JSONError(.unexpectedByte, at: 2)),
    ("]", JSONError(.unexpectedByte, at: 0)), ("{", JSONError(.unexpectedEnd, at: 1)),
    (#"{"a"}"#, JSONError(.unexpectedByte, at: 4)), (#"{"a":}"#, JSONError(.unexpectedByte, at: 5)),
    (#"{"a":1,}"#, JSONError(.unexpectedByte, at: 7)), (#"{a:1}"#, JSONError(.unexpectedByte, at: 1)),
    (#"{"a":1]"#, JSONError(.unexpectedByte, at: 6)), (#"{"a"#, JSONError(.unexpectedEnd, at: 3)),
    (#"{"a""#, JSONError(.unexpectedEnd, at: 4)), ("{1:2}", JSONError(.unexpectedByte, at: 1)),
    ("[1] // no comments", JSONError(.trailingBytes, at: 4)),
  ]

  @Test(arguments: rejected) func rejects(_ text: String, _ error: JSONError) {
    #expect(throws: error) { try JSONValue(parsing: text) }
    #expect(!error.description.isEmpty)
  }

  static let notUTF8: [[UInt8]] = [
    [0x80], [0xc0, 0x80], [0xc1, 0xbf], [0xc3], [0xc3, 0x28], [0xe0, 0x9f, 0xbf], [0xe2, 0x82], [0xe2, 0x28, 0xa1],
    [0xed, 0xa0, 0x80], [0xf0, 0x8f, 0xbf, 0xbf], [0xf0, 0x9f, 0x98], [0xf4, 0x90, 0x80, 0x80],
    [0xf5, 0x80, 0x80, 0x80],
    [0xff], Array("01234567".utf8) + [0xe2, 0x82, 0x28], Array("012345".utf8) + [0xf0, 0x9f, 0x98, 0x80, 0x80],
  ]

  @Test(arguments: notUTF8) func rejectsWhatIsNotUTF8(_ content: [UInt8]) {
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22] + content + [0x22]) }
    #expect(error?.reason == .invalidUTF8)
  }

  @Test func limitsDepth() throws {
    func nested(_ depth: Int) -> [UInt8] { Array(repeating: 0x5b, count: depth) + Array(repeating: 0x5d, count: depth) }
    _ = try JSONValue(parsing: nested(256))
    #expect(throws: JSONError(.tooDeep, at: 256)) { try JSONValue(parsing: nested(257)) }
    #expect(throws: JSONError(.tooDeep, at: 2)) { try JSONDocument(parsing: nested(3), maximumDepth: 2) }
  }

  @Test func limitsSize() throws {
    _ = try JSONDocument(parsing: Array("[1]".utf8), maximumSize: 3)
    #expect(throws: JSONError(.tooLarge, at: 2)) { try JSONDocument(parsing: Array("[1]".utf8), maximumSize: 2) }
  }

  @Test func keepsTheLastOfManyEqualNames() throws {
    let text = "{" + (0..<100).map { #""k\#($0 % 20)":\#($0)"# }.joined(separator: ",") + "}"
    let value = try JSONValue(parsing: text)
    #expect(value.object?.keys == (0..<20).map { "k\($0)" })
    #expect((0..<20).allSatisfy { value["k\($0)"]?.int == 80 + $0 })
  }

  @Test func neverCrashesOnBrokenTexts() {
    let text = Array(#"{"kind":"Pod","a":[1,-2.5e3,"\ud83d\ude00é",{"x":null,"y":[true,false]}]}"#.utf8)
    for end in 0..<text.count { #expect(throws: JSONError.self) { try JSONValue(parsing: Array(text[..<end])) } }
    for position in text.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = text
        changed[position] = byte
        // Whatever is accepted is written so that it reads as the same value.
        guard let value = try? JSONValue(parsing: changed) else { continue }
        #expect((try? JSONValue(parsing: value.serialized())) == value)
      }
    }
  }
}
