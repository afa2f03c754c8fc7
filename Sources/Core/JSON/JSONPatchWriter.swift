/// Writes a patch document (RFC 6902) as bytes, operation by operation.
public struct JSONPatchWriter: Sendable {
  private var bytes: [UInt8] = [UInt8(ascii: "[")]

  /// A patch without operations.
  public init() {}

  /// Whether there is no operation yet.
  public var isEmpty: Bool { bytes.count == 1 }

  /// The patch document; `[]` without operations.
  public var document: [UInt8] { bytes + [UInt8(ascii: "]")] }

  /// Adds a member or an element.
  public mutating func add(_ path: JSONPointer, _ value: JSONValue) { append("add", path, value) }
  /// Replaces what must be there.
  public mutating func replace(_ path: JSONPointer, _ value: JSONValue) { append("replace", path, value) }
  /// Removes what must be there.
  public mutating func remove(_ path: JSONPointer) { append("remove", path, nil) }
  /// Demands that a value is there.
  public mutating func test(_ path: JSONPointer, _ value: JSONValue) { append("test", path, value) }

  private mutating func append(_ operation: String, _ path: JSONPointer, _ value: JSONValue?) {
    if !isEmpty { bytes.append(UInt8(ascii: ",")) }
    bytes.append(contentsOf: #"{"op":""#.utf8)
    bytes.append(contentsOf: operation.utf8)
    bytes.append(contentsOf: #"","path":"#.utf8)
    JSONText.append(path.description, to: &bytes)
    if let value {
      bytes.append(contentsOf: #","value":"#.utf8)
      value.append(to: &bytes)
    }
    bytes.append(UInt8(ascii: "}"))
  }
}

extension JSONPatch {
  /// The patch document (RFC 6902).
  public func serialized() -> [UInt8] { json.serialized() }

  /// The patch document as a value.
  public var json: JSONValue {
    .array(
      operations.map { operation in
        switch operation {
        case .add(let path, let value): ["op": "add", "path": .string(path.description), "value": value]
        case .remove(let path): ["op": "remove", "path": .string(path.description)]
        case .replace(let path, let value): ["op": "replace", "path": .string(path.description), "value": value]
        case .move(let from, let to):
          ["op": "move", "from": .string(from.description), "path": .string(to.description)]
        case .copy(let from, let to):
          ["op": "copy", "from": .string(from.description), "path": .string(to.description)]
        case .test(let path, let value): ["op": "test", "path": .string(path.description), "value": value]
        }
      })
  }
}
