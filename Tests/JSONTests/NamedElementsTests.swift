import JSON
import Testing

@Suite struct NamedElementsTests {
  private func elements(_ text: String) throws -> JSONNamedElements {
    JSONNamedElements(try JSONDocument(parsing: text).root["env"], by: "name")
  }

  @Test func findsTheLastElementOfAName() throws {
    let elements = try elements(
      #"{"env":[{"name":"A","value":"1"},{"value":"2","name":"LONGER_THAN_A_WORD"},{"name":"A","value":"3"},{"name":"\u0042"}]}"#
    )
    #expect(elements.count == 4)
    #expect(elements.lastIndex(of: "A") == 2)
    #expect(elements.lastIndex(of: "LONGER_THAN_A_WORD") == 1)
    #expect(elements.lastIndex(of: "LONGER_THAN_A_WORX") == nil)
    #expect(elements.lastIndex(of: "B") == 3)
    #expect(elements.lastIndex(of: "") == nil)
    #expect(elements[2]?["value"]?.string == "3")
  }

  @Test func countsElementsWithoutNames() throws {
    let elements = try elements(#"{"env":[7,{"name":7},{"value":"name"},["name","A"],{"name":"A"},null]}"#)
    #expect(elements.count == 6)
    #expect(elements.lastIndex(of: "A") == 4)
    #expect(elements[0]?.int == 7)
  }

  @Test func takesTheLastOfSeveralNames() throws {
    let elements = try elements(#"{"env":[{"name":"A","name":"B"}]}"#)
    #expect(elements.lastIndex(of: "A") == nil)
    #expect(elements.lastIndex(of: "B") == 0)
  }

  @Test(arguments: ["{}", #"{"env":{}}"#, #"{"env":null}"#, #"{"env":[]}"#]) func isEmptyWithoutAnArray(_ text: String)
    throws
  {
    let elements = try elements(text)
    #expect(elements.count == 0)
    #expect(elements.lastIndex(of: "A") == nil)
  }

  /// Every length, so that whole words and what is left over are compared.
  @Test func comparesNamesOfEveryLength() throws {
    for count in 0...40 {
      let name = String("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".prefix(count))
      let document = try JSONDocument(parsing: "{\"x\":0,\"\(name)\":1,\"y\":\"\(name)\"}")
      #expect(document.root[name]?.int == 1)
      #expect(document.root["y"]?.equals(name) == true)
      for place in name.indices {
        var other = name
        other.replaceSubrange(place...place, with: "-")
        #expect(document.root[other] == nil)
        #expect(document.root["y"]?.equals(other) == false)
      }
    }
  }

  /// A byte that ends plain text, at every place of a word and behind bytes that are not ASCII.
  @Test(arguments: [#"\""#, #"\\"#, #"\n"#, #"\u00e9"#, "é", "😀", "/"]) func readsTextAroundEveryPlace(
    _ special: String
  )
    throws
  {
    for before in 0...20 {
      for after in 0...9 {
        let text =
          "[\"" + String(repeating: "ü", count: before / 3) + String(repeating: "a", count: before) + special
          + String(repeating: "z", count: after) + "\",\"end\"]"
        let root = try JSONDocument(parsing: text).root
        #expect(root[1]?.string == "end")
        #expect(root[0]?.string?.unicodeScalars.count == before / 3 + before + 1 + after)
      }
    }
  }
}
