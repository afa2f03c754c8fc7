import JSON
import Testing

@Suite struct ViewTests {
  private func view(_ text: String) throws -> JSONView { try JSONDocument(parsing: text).root }

  @Test func readsScalars() throws {
    let root = try view(#"{"s":"a\nb","i":-42,"d":1.5,"z":-0,"big":9223372036854775808,"t":true,"f":false,"n":null}"#)
    #expect(root["s"]?.string == "a\nb")
    #expect(root["i"]?.int == -42)
    #expect(root["d"]?.int == nil)
    #expect(root["d"]?.value == .number("1.5"))
    #expect(root["z"]?.value == .number("-0"))
    #expect(root["big"]?.int == nil)
    #expect(root["t"]?.bool == true)
    #expect(root["f"]?.bool == false)
    #expect(root["n"]?.isNull == true)
    #expect(root["n"]?.bool == nil)
    #expect(root["s"]?.int == nil)
    #expect(root["i"]?.string == nil)
    #expect(root["missing"] == nil)
    #expect(root["s"]?["x"] == nil)
  }

  @Test func walksContainers() throws {
    let root = try view(#"{"list":[1,[2,3],{"a":4},"x"],"empty":[],"o":{"k":{"deep":[1,2]},"l":2}}"#)
    #expect(root["list"]?.elements.map(\.kind) == [.number, .array, .object, .string])
    #expect(root["list"]?[2]?["a"]?.int == 4)
    #expect(root["list"]?[3]?.string == "x")
    #expect(root["list"]?[4] == nil)
    #expect(root["list"]?[-1] == nil)
    #expect(root["empty"]?.elements.map(\.kind) == [])
    #expect(root["o"]?.members.map(\.name) == ["k", "l"])
    #expect(root["o"]?.members.first { $0.isNamed("l") }?.value.int == 2)
    #expect(root["o"]?.elements.map(\.kind) == [])
    #expect(root["list"]?.members.map(\.name) == [])
    #expect(root.value == (try JSONValue(parsing: Array(root.rawBytes))))
  }

  @Test func comparesStringsWithAndWithoutEscapes() throws {
    let root = try view(#"["plain","pl\u0061in","plaim","é",""]"#)
    #expect(root.elements.map { $0.equals("plain") } == [true, true, false, false, false])
    #expect(root[3]?.equals("é") == true)
    #expect(root[4]?.equals("") == true)
    #expect(try view("1").equals("1") == false)
  }

  @Test func takesTheLastOfEqualNames() throws {
    let root = try view(#"{"a":1,"\u0061":{"b":2},"c":3}"#)
    #expect(root["a"]?["b"]?.int == 2)
    #expect(root["c"]?.int == 3)
  }

  @Test func showsTheTextOfAValue() throws {
    let root = try view(#"{"a": [1, "x\n"], "s" : "q"}"#)
    #expect(root["a"].map { Array($0.rawBytes) } == Array(#"[1, "x\n"]"#.utf8))
    #expect(root["s"].map { Array($0.rawBytes) } == Array(#""q""#.utf8))
  }
}
