import JSON
import Testing
import YAML

@Suite("Writing YAML") struct WritingTests {
  @Test("Block style, members in order")
  func blockStyle() {
    let value: JSONValue = [
      "receivers": ["otlp": ["endpoint": "0.0.0.0:4317", "empty": [:], "none": .null]],
      "list": ["a", 1, .number("1.5"), true, ["x": 1, "y": []]],
      "text": "one\ntwo\n", "truth": "true", "number": "12", "word": "no", "url": "dns:///gateway:4317",
    ]
    #expect(
      YAML.serialize(value) == """
        receivers:
          otlp:
            endpoint: "0.0.0.0:4317"
            empty: {}
            none: null
        list:
        - a
        - 1
        - 1.5
        - true
        - x: 1
          "y": []
        text: |
          one
          two
        truth: "true"
        number: "12"
        word: "no"
        url: dns:///gateway:4317

        """)
  }

  @Test(
    "Strings come back as they were",
    arguments: [
      "", " ", "a b", " a", "a ", "a: b", "a #b", "#", "- a", "-", "--", "---", "...", "-a", ".a", ".inf", "-.inf",
      ".NaN",
      "? x", "[", "{}", "&a", "*a", "!a", "|", ">", "%", "@", "`", "'", "\"", "it's", "\\", "\t", "a\tb", "\n", "\n\n",
      "a\n", "a\n\n", "\na", " a\n", "a \n", "a\r\n", "a\n b\n", "\u{0}", "\u{7f}", "\u{85}", "\u{2028}", "\u{feff}",
      "é",
      "日本", "🙂", "null", "Null", "~", "yes", "No", "ON", "y", "true", "0", "-1", "+1", "0x1", "0o7", "07", "1e3", "1_0",
      "1:30", "2001-01-01", "<<", "=", "1.2.3", "v1", "e5", "${env:NODE_NAME}", "a:b", "a:", ":a", ",", "a,b", "a]",
      String(repeating: "long ", count: 100), "key\nwith: yaml\n  - inside\n",
    ])
  func roundTrip(text: String) throws {
    let value: JSONValue = ["k": .string(text), "l": [.string(text)], "m": ["deep": .string(text)]]
    let written = YAML.serialize(value)
    #expect(try YAML.parse(Array(written.utf8)) == value, "\(written)")
    let asKey: JSONValue = .object([text: 1])
    #expect(try YAML.parse(Array(YAML.serialize(asKey).utf8)) == asKey)
    #expect(try YAML.parse(Array(YAML.serialize(.string(text)).utf8)) == .string(text))
  }

  @Test("Random values come back as they were")
  func randomValues() throws {
    var generator = SystemRandomNumberGenerator()
    let alphabet = Array("ab 01:-#\n\t'\"[]{}.,!&*?|>%@\\é~=<_+").map(String.init)
    func value(_ depth: Int) -> JSONValue {
      switch Int.random(in: 0..<(depth > 4 ? 5 : 7), using: &generator) {
      case 0: return .null
      case 1: return .bool(.random(using: &generator))
      case 2: return .int(.random(in: .min ... .max, using: &generator))
      case 3, 4:
        return .string(
          (0..<Int.random(in: 0..<9)).map { _ in alphabet.randomElement(using: &generator) ?? "" }.joined())
      case 5: return .array((0..<Int.random(in: 0..<4)).map { _ in value(depth + 1) })
      default:
        var object = JSONObject()
        for index in 0..<Int.random(in: 0..<4) { object["k\(index)"] = value(depth + 1) }
        return .object(object)
      }
    }
    for _ in 0..<2000 {
      let value = value(0)
      let written = YAML.serialize(value)
      try #require(try YAML.parse(Array(written.utf8)) == value, "\(value)\n\(written)")
    }
  }
}
