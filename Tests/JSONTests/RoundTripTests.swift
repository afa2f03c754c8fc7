import JSON
import TestSupport
import Testing

@Suite struct RoundTripTests {
  @Test(arguments: 1...40 as ClosedRange<UInt64>) func randomValuesSurvive(_ seed: UInt64) throws {
    var generator = SeededGenerator(state: seed)
    for _ in 0..<20 {
      let value = JSONValue.random(depth: 4, using: &generator)
      let bytes = value.serialized()
      #expect(try JSONValue(parsing: bytes) == value)
      #expect(try JSONValue(parsing: bytes).serialized() == bytes)
      #expect(try JSONDocument(parsing: bytes).root.rawBytes == bytes[...])
      #expect(try JSONValue(parsing: value.canonicallySerialized()) == value)
    }
  }

  @Test func writesWithoutWhiteSpaceInOrder() throws {
    let value = try JSONValue(parsing: #"{ "b" : [ 1 , 2.50, true ], "a" : { "z\u0001\u00e9\/" : null } }"#)
    #expect(String(decoding: value.serialized(), as: UTF8.self) == #"{"b":[1,2.50,true],"a":{"z\u0001é/":null}}"#)
    #expect(
      String(decoding: value.canonicallySerialized(), as: UTF8.self) == #"{"a":{"z\u0001é/":null},"b":[1,2.50,true]}"#)
  }

  @Test func equalValuesHaveEqualCanonicalBytes() {
    let one: JSONValue = ["b": 1, "a": ["y": 1, "x": [.null, "t"]]]
    let other: JSONValue = ["a": ["x": [.null, "t"], "y": 1], "b": 1]
    #expect(one == other)
    #expect(one.hashValue == other.hashValue)
    #expect(one.canonicallySerialized() == other.canonicallySerialized())
  }
}
