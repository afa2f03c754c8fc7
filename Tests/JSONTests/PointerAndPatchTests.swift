import JSON
import Testing

@Suite struct PointerAndPatchTests {
  // The examples of RFC 6901, section 5.
  static let document: JSONValue = [
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8,
  ]
  static let places: [(pointer: String, value: JSONValue)] = [
    ("", document), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
    ("/g|h", 4), ("/i\\j", 5), ("/k\"l", 6), ("/ ", 7), ("/m~0n", 8),
  ]

  @Test(arguments: places) func pointersFindValues(_ text: String, _ value: JSONValue) throws {
    let pointer = try #require(JSONPointer(parsing: text))
    #expect(Self.document.value(at: pointer) == value)
    #expect(pointer.description == text)
  }

  @Test(arguments: ["foo", "/a~", "/a~2"]) func malformedPointersAreNone(_ text: String) {
    #expect(JSONPointer(parsing: text) == nil)
  }

  @Test(arguments: ["/foo/2", "/foo/-", "/foo/01", "/foo/+1", "/foo/x", "/none", "/foo/0/x"])
  func pointersToNothing(_ text: String) throws {
    #expect(Self.document.value(at: try #require(JSONPointer(parsing: text))) == nil)
  }

  // The examples of RFC 6902, appendix A, and the edges of each operation.
  static let patches: [(value: String, patch: String, result: String?)] = [
    (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":"qux"}]"#, #"{"baz":"qux","foo":"bar"}"#),
    (#"{"foo":["a","c"]}"#, #"[{"op":"add","path":"/foo/1","value":"b"}]"#, #"{"foo":["a","b","c"]}"#),
    (#"{"baz":1,"foo":2}"#, #"[{"op":"remove","path":"/baz"}]"#, #"{"foo":2}"#),
    (#"{"foo":[1,2,3]}"#, #"[{"op":"remove","path":"/foo/1"}]"#, #"{"foo":[1,3]}"#),
    (#"{"baz":1,"foo":2}"#, #"[{"op":"replace","path":"/baz","value":"x"}]"#, #"{"baz":"x","foo":2}"#),
    (
      #"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
      #"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
      #"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#
    ),
    (#"{"foo":[1,2,3,4]}"#, #"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#, #"{"foo":[1,3,4,2]}"#),
    (#"{"a":[1]}"#, #"[{"op":"copy","from":"/a","path":"/b"}]"#, #"{"a":[1],"b":[1]}"#),
    (#"{"baz":"qux","foo":["a",2]}"#, #"[{"op":"test","path":"/foo/1","value":2}]"#, #"{"baz":"qux","foo":["a",2]}"#),
    (#"{"baz":"qux"}"#, #"[{"op":"test","path":"/baz","value":"bar"}]"#, nil),
    (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/child","value":{"g":{}}}]"#, #"{"foo":"bar","child":{"g":{}}}"#),
    (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz","value":1,"xyz":2}]"#, #"{"foo":"bar","baz":1}"#),
    (#"{"foo":"bar"}"#, #"[{"op":"add","path":"/baz/bat","value":"qux"}]"#, nil),
    (#"{"/":9,"~1":10}"#, #"[{"op":"test","path":"/~01","value":10}]"#, #"{"/":9,"~1":10}"#),
    (#"{"foo":["bar"]}"#, #"[{"op":"add","path":"/foo/-","value":["abc"]}]"#, #"{"foo":["bar",["abc"]]}"#),
    (#"{"a":1}"#, #"[{"op":"add","path":"","value":[]}]"#, "[]"),
    ("[1]", #"[{"op":"add","path":"/2","value":0}]"#, nil), ("[1]", #"[{"op":"replace","path":"/-","value":0}]"#, nil),
    ("{}", #"[{"op":"replace","path":"/a","value":0}]"#, nil), ("{}", #"[{"op":"remove","path":"/a"}]"#, nil),
    ("{}", #"[{"op":"copy","from":"/a","path":"/b"}]"#, nil),
    (#"{"a":{"b":1}}"#, #"[{"op":"move","from":"/a","path":"/a/c"}]"#, nil),
    ("{}", #"[{"op":"add","path":"/a","value":1},{"op":"test","path":"/a","value":2}]"#, nil),
    ("{}", #"{"op":"add"}"#, nil), ("{}", #"[{"op":"grow","path":""}]"#, nil), ("{}", #"[{"path":""}]"#, nil),
    ("{}", #"[{"op":"add","path":"x","value":1}]"#, nil), ("{}", #"[{"op":"add","path":"/x"}]"#, nil),
  ]

  @Test(arguments: patches) func applies(_ value: String, _ patch: String, _ result: String?) throws {
    let value = try JSONValue(parsing: value)
    let json = try JSONValue(parsing: patch)
    if let result {
      let patch = try JSONPatch(json: json)
      #expect(try patch.applied(to: value) == JSONValue(parsing: result))
      #expect(try JSONPatch(json: patch.json) == patch)
    } else {
      let error = #expect(throws: JSONPatchError.self) { try JSONPatch(json: json).applied(to: value) }
      #expect(error?.description.isEmpty == false)
    }
  }

  @Test func writesOperations() throws {
    var writer = JSONPatchWriter()
    #expect(writer.isEmpty)
    #expect(writer.document == Array("[]".utf8))
    let labels: JSONPointer = ["metadata", "labels"]
    writer.add(labels.appending("odigos.io/hash"), "1\"")
    writer.add(["spec", "volumes", "-"], ["name": "v"])
    writer.replace(["a"], 1)
    writer.remove(["b"])
    writer.test(["c"], .null)
    #expect(!writer.isEmpty)
    let expected = JSONPatch([
      .add(["metadata", "labels", "odigos.io/hash"], "1\""), .add(JSONPointer(["spec", "volumes"]).end, ["name": "v"]),
      .replace(["a"], 1), .remove(["b"]), .test(["c"], .null),
    ])
    #expect(try JSONPatch(json: JSONValue(parsing: writer.document)) == expected)
    #expect(writer.document == expected.serialized())
  }
}
