extension JSONDocument {
  /// The index of the value of the object's last member of that name.
  @inline(__always)
  func member(of object: Int, named name: String) -> Int? { member(of: object, named: name.utf8Span.span) }

  /// The index of the value of the object's last member of that name.
  func member(of object: Int, named wanted: Span<UInt8>) -> Int? {
    let end = Int(nodes[object].next)
    var index = object + 1
    var found: Int?
    while index < end {
      if string(nodes[index], equals: wanted) { found = index + 1 }
      index = Int(nodes[index + 1].next)
    }
    return found
  }

  /// Whether a string or name is that text.
  @inline(__always)
  func string(_ node: JSONNode, equals wanted: Span<UInt8>) -> Bool {
    if node.isEscaped { return escapedString(node, equals: wanted) }
    guard Int(node.end &- node.start) == wanted.count else { return false }
    let text = bytes
    return Self.equal(text.span, Int(node.start), wanted)
  }

  @inline(never)
  private func escapedString(_ node: JSONNode, equals wanted: Span<UInt8>) -> Bool {
    let text = JSONText.unescaped(bytes[Int(node.start)..<Int(node.end)])
    let own = text.utf8Span.span
    return own.count == wanted.count && Self.equal(own, 0, wanted)
  }

  /// Whether `wanted` stands in the text at `start`, which has that many bytes left; eight bytes at a time.
  @inline(__always)
  private static func equal(_ text: Span<UInt8>, _ start: Int, _ wanted: Span<UInt8>) -> Bool {
    var index = 0
    while index + 8 <= wanted.count {
      // Any eight bytes are a UInt64 and the loads check their bounds.
      let own = text.bytes.unsafeLoadUnaligned(fromByteOffset: start + index, as: UInt64.self)
      if own != wanted.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self) { return false }
      index += 8
    }
    while index < wanted.count {
      if text[start + index] != wanted[index] { return false }
      index += 1
    }
    return true
  }
}

/// The elements of an array of which each is named by one of its members, as `env` is by `name`. To be asked for many
/// names: the places are noted once.
public struct JSONNamedElements: Sendable {
  private struct Place: BitwiseCopyable {
    var element: UInt32
    /// 0, which is no member, where the element has no name.
    var name: UInt32
  }
  private let document: JSONDocument?
  private let places: [Place]
  /// A bit for the length of each name: most names that are asked for have a length that none of them has.
  private let sizes: UInt64

  /// Notes the elements of `array`; none where it is nil or no array.
  public init(_ array: JSONView?, by key: String) {
    guard let array, array.kind == .array else {
      document = nil
      places = []
      sizes = 0
      return
    }
    let document = array.document
    var places: [Place] = []
    places.reserveCapacity(32)
    var sizes: UInt64 = 0
    let wanted = key.utf8Span.span
    var index = array.index + 1
    let end = Int(document.nodes[array.index].next)
    while index < end {
      let node = document.nodes[index]
      var name = node.kind == .object ? document.member(of: index, named: wanted) ?? 0 : 0
      let value = document.nodes[name]
      if value.kind != .string { name = 0 }
      // What is escaped has another length in the text.
      sizes |= value.isEscaped ? .max : 1 << UInt64((value.end &- value.start) & 63)
      places.append(Place(element: UInt32(truncatingIfNeeded: index), name: UInt32(truncatingIfNeeded: name)))
      index = Int(node.next)
    }
    self.document = document
    self.places = places
    self.sizes = sizes
  }

  /// How many elements there are, with and without names.
  public var count: Int { places.count }

  /// The element at that index, which must be below `count`.
  public subscript(index: Int) -> JSONView? {
    document.map { JSONView(document: $0, index: Int(places[index].element)) }
  }

  /// The place of the last element of that name.
  public func lastIndex(of name: String) -> Int? {
    guard sizes >> UInt64(name.utf8.count & 63) & 1 != 0, let document else { return nil }
    let wanted = name.utf8Span.span
    var index = places.count
    while index > 0 {
      index -= 1
      let place = Int(places[index].name)
      if place > 0, document.string(document.nodes[place], equals: wanted) { return index }
    }
    return nil
  }
}
