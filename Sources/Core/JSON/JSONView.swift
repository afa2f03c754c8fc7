/// A value inside a `JSONDocument`. Views are small and cheap to copy; they keep their document alive.
public struct JSONView: Sendable {
  let document: JSONDocument
  let index: Int

  private var node: JSONNode { document.nodes[index] }

  /// What the value is.
  public var kind: JSONKind { node.kind }
  /// Whether it is `null`.
  public var isNull: Bool { kind == .null }

  /// The value as it stands in the text, strings with their quotes.
  public var rawBytes: ArraySlice<UInt8> {
    let node = node
    let quote = node.kind == .string ? 1 : 0
    return document.bytes[Int(node.start) - quote..<Int(node.end) + quote]
  }

  private var content: ArraySlice<UInt8> {
    let node = node
    return document.bytes[Int(node.start)..<Int(node.end)]
  }

  /// The text, if this is a string.
  public var string: String? {
    let node = node
    guard node.kind == .string else { return nil }
    if node.isEscaped { return JSONText.unescaped(content) }
    // Not by way of a slice, which would hold and let go of the array once more.
    return document.bytes.withUnsafeBufferPointer { bytes in
      String(decoding: UnsafeBufferPointer(rebasing: bytes[Int(node.start)..<Int(node.end)]), as: UTF8.self)
    }
  }

  /// The integer, if this is one of 64 bits.
  public var int: Int? {
    guard kind == .number else { return nil }
    let digits = content
    if digits.elementsEqual([UInt8(ascii: "-"), UInt8(ascii: "0")]) { return nil }
    let isNegative = digits.first == UInt8(ascii: "-")
    var result = 0
    for byte in isNegative ? digits.dropFirst() : digits {
      guard byte &- 0x30 < 10 else { return nil }
      let (shifted, overflow) = result.multipliedReportingOverflow(by: 10)
      let digit = Int(byte &- 0x30)
      let (next, carry) =
        isNegative ? shifted.subtractingReportingOverflow(digit) : shifted.addingReportingOverflow(digit)
      guard !overflow, !carry else { return nil }
      result = next
    }
    return result
  }

  /// The truth value, if this is one.
  public var bool: Bool? {
    switch kind {
    case .true: true
    case .false: false
    default: nil
    }
  }

  /// Whether this is that string; nothing is decoded or allocated for it.
  public func equals(_ text: String) -> Bool {
    let node = node
    return node.kind == .string && document.string(node, equals: text.utf8Span.span)
  }

  /// The member of that name; nil where this is no object or has none. Of several the last one counts.
  public subscript(key: String) -> JSONView? {
    guard kind == .object else { return nil }
    return document.member(of: index, named: key).map { JSONView(document: document, index: $0) }
  }

  /// The element at that index; nil where this is no array or is shorter.
  public subscript(position: Int) -> JSONView? {
    guard position >= 0 else { return nil }
    return elements.dropFirst(position).first(where: { _ in true })
  }

  /// The elements, none where this is no array.
  public var elements: JSONElements {
    kind == .array
      ? JSONElements(document: document, position: index + 1, end: Int(node.next))
      : JSONElements(document: document, position: 0, end: 0)
  }

  /// The members as they stand in the text (a name may occur twice), none where this is no object.
  public var members: JSONMembers {
    kind == .object
      ? JSONMembers(document: document, position: index + 1, end: Int(node.next))
      : JSONMembers(document: document, position: 0, end: 0)
  }

  /// The value as a tree.
  public var value: JSONValue {
    switch kind {
    case .null: .null
    case .true: .bool(true)
    case .false: .bool(false)
    case .number: int.map { .int($0) } ?? .number(String(decoding: content, as: UTF8.self))
    case .string: .string(string ?? "")
    case .array: .array(elements.map(\.value))
    case .object: .object(JSONObject(lastWins: members.map { ($0.name, $0.value.value) }))
    }
  }
}

/// The elements of an array in a document.
public struct JSONElements: Sequence, IteratorProtocol, Sendable {
  let document: JSONDocument
  var position: Int
  let end: Int

  /// The next element.
  public mutating func next() -> JSONView? {
    guard position < end else { return nil }
    defer { position = Int(document.nodes[position].next) }
    return JSONView(document: document, index: position)
  }
}

/// A name and a value of an object in a document.
public struct JSONMember: Sendable {
  let nameView: JSONView
  /// The name.
  public var name: String { nameView.string ?? "" }
  /// Whether the name is that text, without decoding it.
  public func isNamed(_ text: String) -> Bool { nameView.equals(text) }
  /// The value.
  public var value: JSONView { JSONView(document: nameView.document, index: nameView.index + 1) }
}

/// The members of an object in a document.
public struct JSONMembers: Sequence, IteratorProtocol, Sendable {
  let document: JSONDocument
  var position: Int
  let end: Int

  /// The next member.
  public mutating func next() -> JSONMember? {
    guard position < end else { return nil }
    defer { position = Int(document.nodes[position + 1].next) }
    return JSONMember(nameView: JSONView(document: document, index: position))
  }
}
