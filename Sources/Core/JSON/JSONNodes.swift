/// One value of a text: where it is and where the next one begins. Members of objects are a name and then a value.
struct JSONNode: Sendable, BitwiseCopyable {
  /// The first byte: after the quote for strings, the bracket for arrays and objects.
  var start: UInt32
  /// One past the last byte.
  var end: UInt32
  /// The index of the node after this value and all that it contains; the parent's while the value is open.
  var next: UInt32
  /// What it is.
  var kind: JSONKind
  /// Whether a string has escape sequences.
  var isEscaped = false
}

/// The nodes of a text in memory of their own, which spares the question of who else holds them that an array asks.
/// Every access is checked against the bounds.
struct JSONNodes: ~Copyable, @unchecked Sendable {
  // Unchecked: only the tape that makes the nodes writes them; whoever reads them later cannot.
  private let base: UnsafeMutablePointer<JSONNode>
  private let capacity: Int
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    // Pages that no node comes to are never touched.
    base = .allocate(capacity: capacity)
  }

  deinit { base.deallocate() }

  /// Has `body` write nodes into the memory, which has room for that many, and say how many it wrote.
  mutating func fill(_ body: (UnsafeMutablePointer<JSONNode>, Int) -> Int) {
    count = body(base, capacity)
    precondition(count <= capacity, "more nodes than there is room for")
  }

  @inline(__always)
  subscript(index: Int) -> JSONNode {
    precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such node")
    return base[index]
  }
}
