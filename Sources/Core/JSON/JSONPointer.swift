/// A place in a JSON value (RFC 6901).
public struct JSONPointer: Sendable, Hashable, CustomStringConvertible, ExpressibleByArrayLiteral {
  /// The names and indices from the root down, unescaped.
  public var tokens: [String]

  /// A pointer to the place below these names and indices; none is the whole value.
  public init(_ tokens: [String] = []) { self.tokens = tokens }
  /// A pointer to the place below these names and indices.
  public init(arrayLiteral elements: String...) { tokens = elements }

  /// Reads the text form, such as `/spec/containers/0` or `/metadata/labels/a~1b`; nil where it is none.
  public init?(parsing text: String) {
    guard !text.isEmpty else {
      tokens = []
      return
    }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.first == "" else { return nil }
    tokens = []
    for part in parts.dropFirst() {
      guard let token = Self.unescaped(part) else { return nil }
      tokens.append(token)
    }
  }

  private static func unescaped(_ part: Substring) -> String? {
    guard part.utf8.contains(UInt8(ascii: "~")) else { return String(part) }
    var result: [UInt8] = []
    var bytes = part.utf8.makeIterator()
    while let byte = bytes.next() {
      guard byte == UInt8(ascii: "~") else {
        result.append(byte)
        continue
      }
      switch bytes.next() {
      case UInt8(ascii: "0"): result.append(UInt8(ascii: "~"))
      case UInt8(ascii: "1"): result.append(UInt8(ascii: "/"))
      default: return nil
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// The text form: `~` and `/` inside of names are written `~0` and `~1`.
  public var description: String {
    var bytes: [UInt8] = []
    for token in tokens {
      bytes.append(UInt8(ascii: "/"))
      for byte in token.utf8 {
        switch byte {
        case UInt8(ascii: "~"): bytes.append(contentsOf: "~0".utf8)
        case UInt8(ascii: "/"): bytes.append(contentsOf: "~1".utf8)
        default: bytes.append(byte)
        }
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The place of a member below this one.
  public func appending(_ token: String) -> JSONPointer { JSONPointer(tokens + [token]) }
  /// The place of an element below this one.
  public func appending(_ index: Int) -> JSONPointer { appending(String(index)) }
  /// The place behind the last element of the array at this one, where `add` appends.
  public var end: JSONPointer { appending("-") }
}

extension JSONValue {
  /// The value at a place; nil where there is none.
  public func value(at pointer: JSONPointer) -> JSONValue? {
    var value = self
    for token in pointer.tokens {
      let next: JSONValue? =
        switch value {
        case .object(let object): object[token]
        case .array(let elements): JSONPatch.index(token, below: elements.count).map { elements[$0] }
        default: nil
        }
      guard let next else { return nil }
      value = next
    }
    return value
  }
}
