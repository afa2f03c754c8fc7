import JSON

/// Writes a patch (RFC 6902) from values that are JSON text already. The paths that are used here need no escaping.
struct PatchBytes: Sendable {
  private(set) var bytes: [UInt8] = []

  var isEmpty: Bool { bytes.isEmpty }
  /// The patch document.
  var document: [UInt8] { isEmpty ? [] : bytes + [UInt8(ascii: "]")] }

  mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

  /// Adds a member or an element.
  mutating func add(_ path: String, _ value: [UInt8]) {
    begin("add", path)
    bytes.append(contentsOf: value)
    bytes.append(UInt8(ascii: "}"))
  }
  /// Adds a member or an element.
  mutating func add(_ path: String, _ value: String) {
    begin("add", path)
    bytes.append(contentsOf: value.utf8)
    bytes.append(UInt8(ascii: "}"))
  }
  /// Replaces a member by a text.
  mutating func replace(_ path: String, text: String) {
    begin("replace", path)
    bytes.append(contentsOf: JSONValue.string(text).serialized())
    bytes.append(UInt8(ascii: "}"))
  }

  private mutating func begin(_ operation: StaticString, _ path: String) {
    bytes.append(UInt8(ascii: bytes.isEmpty ? "[" : ","))
    bytes.append(contentsOf: #"{"op":""#.utf8)
    operation.withUTF8Buffer { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: #"","path":""#.utf8)
    bytes.append(contentsOf: path.utf8)
    bytes.append(contentsOf: #"","value":"#.utf8)
  }

  /// Writes elements at the end of an array, which is made where there is none.
  mutating func append(to path: String, exists: Bool, _ elements: [[UInt8]]) {
    if elements.isEmpty { return }
    if exists {
      let end = path + "/-"
      for element in elements { add(end, element) }
      return
    }
    begin("add", path)
    for (index, element) in elements.enumerated() {
      bytes.append(UInt8(ascii: index == 0 ? "[" : ","))
      bytes.append(contentsOf: element)
    }
    bytes.append(contentsOf: "]}".utf8)
  }
}
