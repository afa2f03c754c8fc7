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

/// The nodes of a text in memory of their own, which spares the question of who else holds them that an array asks at
/// every change. Every access is checked against the bounds.
struct JSONNodes: ~Copyable, @unchecked Sendable {
  // Unchecked: only the tape that makes the nodes changes them; whoever reads them later cannot.
  private var base: UnsafeMutablePointer<JSONNode>
  private var capacity: Int
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = max(capacity, 4)
    base = .allocate(capacity: self.capacity)
  }

  deinit { base.deallocate() }

  @inline(__always)
  subscript(index: Int) -> JSONNode {
    get {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such node")
      return base[index]
    }
    set {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such node")
      base[index] = newValue
    }
  }

  @inline(__always)
  mutating func append(_ node: JSONNode) {
    if count == capacity { grow() }
    (base + count).initialize(to: node)
    count &+= 1
  }

  @inline(never)
  private mutating func grow() {
    let larger = UnsafeMutablePointer<JSONNode>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: base, count: count)
    base.deallocate()
    base = larger
    capacity *= 2
  }
}
