import JSON

/// Writes a patch (RFC 6902) from values that are JSON text already. The paths that are used here need no escaping;
/// they come in two parts, so that none has to be put together first.
struct PatchBytes: Sendable {
  /// The patch document, once `finish` was called; no bytes without operations.
  private(set) var bytes: [UInt8] = []

  var isEmpty: Bool { bytes.isEmpty }

  init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

  /// Ends the document.
  mutating func finish() {
    if !isEmpty { bytes.append(UInt8(ascii: "]")) }
  }

  /// Adds a member or an element.
  mutating func add(_ path: String, _ rest: String = "", value: [UInt8]) {
    begin("add", path, rest)
    bytes.append(contentsOf: value)
    bytes.append(UInt8(ascii: "}"))
  }

  /// Replaces a member.
  mutating func replace(_ path: String, _ rest: String = "", value: [UInt8]) {
    begin("replace", path, rest)
    bytes.append(contentsOf: value)
    bytes.append(UInt8(ascii: "}"))
  }

  private mutating func begin(_ operation: StaticString, _ path: String, _ rest: String) {
    bytes.append(UInt8(ascii: bytes.isEmpty ? "[" : ","))
    bytes.append(contentsOf: #"{"op":""#.utf8)
    operation.withUTF8Buffer { bytes.append(contentsOf: $0) }
    bytes.append(contentsOf: #"","path":""#.utf8)
    bytes.append(contentsOf: path.utf8)
    bytes.append(contentsOf: rest.utf8)
    bytes.append(contentsOf: #"","value":"#.utf8)
  }

  /// Elements for the end of one array: an operation for each where the array exists, else one that makes it.
  struct Elements {
    private let path: String
    private let rest: String
    private let exists: Bool
    /// What comes before each further element.
    private var prefix: [UInt8] = []
    private var isFirst = true

    init(of path: String, _ rest: String, exists: Bool) {
      self.path = path
      self.rest = rest
      self.exists = exists
    }

    /// Appends an element whose text may come in two parts.
    mutating func append(_ element: [UInt8], _ end: [UInt8] = [], to patch: inout PatchBytes) {
      if isFirst {
        let start = patch.bytes.count
        patch.begin("add", path, exists ? rest + "/-" : rest)
        if exists {
          prefix = Array(patch.bytes[start...])
          prefix[0] = UInt8(ascii: ",")
        } else {
          patch.bytes.append(UInt8(ascii: "["))
        }
        isFirst = false
        patch.bytes.append(element, end, exists ? Self.closing : [])
      } else if exists {
        patch.bytes.append(prefix, element, end, Self.closing)
      } else {
        patch.bytes.append(Self.comma, element, end)
      }
    }

    private static let closing = [UInt8(ascii: "}")]
    private static let comma = [UInt8(ascii: ",")]

    /// Ends the operation that makes the array.
    func finish(_ patch: inout PatchBytes) {
      if !isFirst, !exists { patch.bytes.append(contentsOf: "]}".utf8) }
    }
  }
}

extension [UInt8] {
  /// Appends some parts at once.
  @inline(__always)
  fileprivate mutating func append(_ first: [UInt8], _ second: [UInt8], _ third: [UInt8], _ fourth: [UInt8] = []) {
    append(addingCapacity: first.count + second.count + third.count + fourth.count) { bytes in
      bytes.withUnsafeMutableBufferPointer { target, count in
        @inline(__always) func add(_ part: [UInt8]) {
          part.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(target).suffixBytes(from: count).copyMemory(from: $0)
          }
          count += part.count
        }
        add(first)
        add(second)
        add(third)
        add(fourth)
      }
    }
  }
}

extension UnsafeMutableRawBufferPointer {
  @inline(__always)
  fileprivate func suffixBytes(from start: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: self[start...])
  }
}
