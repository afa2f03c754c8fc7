import JSON
import Testing
import YAML

@Suite("Reading YAML") struct ReadingTests {
  @Test(
    "Scalars follow the core schema",
    arguments: [
      ("", JSONValue.null), ("~", .null), ("Null", .null), ("null", .null), ("true", true), ("False", false),
      ("0", 0), ("-17", -17), ("+5", 5), ("0x1F", 31), ("0o17", 15), ("0644", 420), ("089", 89),
      ("9223372036854775807", .int(.max)), ("9223372036854775808", .number("9223372036854775808")),
      ("1.50", .number("1.50")), (".5", .number("0.5")), ("1.", .number("1")), ("-1e3", .number("-1e3")),
      ("+1.5E-3", .number("1.5e-3")), ("yes", "yes"), ("on", "on"), ("1.2.3", "1.2.3"), ("12:30", "12:30"),
      ("2001-01-01", "2001-01-01"), ("0x", "0x"), ("+", "+"), ("-", [.null]), ("1e", "1e"), ("e5", "e5"), (".", "."),
      ("'true'", "true"), ("\"1\"", "1"), ("''", ""), ("!!str 12", "12"), ("! 12", "12"), ("!!int \"12\"", 12),
      ("!!float 1", 1), ("!!bool \"true\"", true), ("!!null ''", .null), ("1_000", "1_000"), ("0x-1", "0x-1"),
      ("\"\\u00e9\\n\"", "é\n"), ("'it''s'", "it's"), ("a: b # note", ["a": "b"]), ("http://x:4317", "http://x:4317"),
    ] as [(String, JSONValue)])
  func scalar(text: String, value: JSONValue) throws {
    #expect(try YAML.parse(Array(text.utf8)) == value)
  }

  @Test("Block and flow collections keep their order")
  func collections() throws {
    let value = try YAML.parse(
      Array(
        """
        receivers:
          otlp: {protocols: {grpc: , http: {endpoint: "0.0.0.0:4318"}}}
        list:
        - a
        - b: 1
          c: [x, 'y', 2]
        text: |
          one
          two
        folded: >-
          three
          four
        1: number
        true: truth
        """.utf8))
    #expect(value.object?.keys == ["receivers", "list", "text", "folded", "1", "true"])
    #expect(value.at("receivers", "otlp", "protocols") == ["grpc": .null, "http": ["endpoint": "0.0.0.0:4318"]])
    #expect(value["list"] == ["a", ["b": 1, "c": ["x", "y", 2]]])
    #expect(value["text"] == "one\ntwo\n")
    #expect(value["folded"] == "three four")
  }

  @Test("Anchors, aliases and merges")
  func aliases() throws {
    let value = try YAML.parse(
      Array("base: &b {a: 1, b: 2}\nother: *b\nmerged:\n  <<: *b\n  b: 3\nboth: {<<: [{x: 1}, {x: 2, y: 2}]}".utf8))
    #expect(value["other"] == ["a": 1, "b": 2])
    #expect(value["merged"] == ["b": 3, "a": 1])
    #expect(value["both"] == ["x": 1, "y": 2])
  }

  @Test("Several documents")
  func documents() throws {
    #expect(try YAML.documents([]) == [])
    #expect(try YAML.documents(Array("# nothing\n".utf8)) == [])
    #expect(try YAML.documents(Array("a: 1\n---\nb: 2\n---\n".utf8)) == [["a": 1], ["b": 2], .null])
    #expect(try YAML.parse([]) == .null)
    #expect(throws: YAMLError("the text holds 2 documents where one is expected")) {
      try YAML.parse(Array("a\n---\nb".utf8))
    }
  }

  @Test(
    "Errors name the place",
    arguments: [
      ("a: 1\nb: 2\na: 3\n", "line 3, column 1: the key \"a\" stands twice in this mapping"),
      ("a:\n  - b\n c: d\n", "line 3, column 2: did not find expected key while parsing a block mapping"),
      ("a: *x", "line 1, column 4: no anchor &x precedes the alias *x"),
      ("a: &x [*x]", "line 1, column 8: no anchor &x precedes the alias *x"),
      ("a: .inf", "line 1, column 4: .inf has no JSON value"), ("a: !!int x", "line 1, column 4: \"x\" is no int"),
      ("a: !secret x", "line 1, column 4: the tag !secret is not supported"),
      ("a: !!set {x}", "line 1, column 4: the tag tag:yaml.org,2002:set is not supported"),
      ("[a]: b", "line 1, column 1: a key must be a scalar"),
      ("~: b", "line 1, column 1: a key must be text, a number or a truth value"),
      ("<<: 1", "line 1, column 5: << needs a mapping or a list of mappings"),
      ("a: \"b", "line 1, column 6: found unexpected end of stream while scanning a quoted scalar"),
      ("a:\n\tb: 1", "line 2, column 1: found character that cannot start any token"),
      ("a: b\n@", "line 2, column 1: "), ("x: 1\ny: \u{7}", "line 2, column 4: control characters are not allowed"),
    ])
  func errors(text: String, message: String) throws {
    let error = #expect(throws: YAMLError.self) { try YAML.parse(Array(text.utf8)) }
    #expect(error?.description.hasPrefix(message) == true, "\(error?.description ?? "none")")
  }

  @Test("Bytes that are no UTF-8 are an error")
  func invalidUTF8() {
    #expect(throws: YAMLError("line 2, column 4: invalid leading UTF-8 octet")) {
      try YAML.parse(Array("a: b\nc: ".utf8) + [0xff])
    }
  }

  @Test("Depth, size and alias expansion are bounded")
  func bounds() throws {
    let deep = [UInt8](repeating: UInt8(ascii: "["), count: 200_000)
    #expect(throws: YAMLError("line 1, column 101: more than 100 mappings and sequences inside one another")) {
      try YAML.parse(deep)
    }
    #expect(throws: YAMLError.self) { try YAML.parse([UInt8](repeating: UInt8(ascii: " "), count: (16 << 20) + 1)) }
    var laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      laughs += "a\(level): &a\(level) [" + Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ",") + "]\n"
    }
    let error = #expect(throws: YAMLError.self) { try YAML.parse(Array(laughs.utf8)) }
    #expect(error?.description.contains("aliases stand for more than 100000 values") == true)
  }
}
