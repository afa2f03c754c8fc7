import Glibc

/// Header fields packed into one array, decoded to strings only where somebody asks.
///
/// Each field is the length of its name and of its value (4 bytes each, the machine's order), the name, the value.
struct HeaderBlock: Sendable, Equatable {
  private(set) var bytes: [UInt8] = []

  init() {}

  init(_ fields: [(name: String, value: String)]) {
    for field in fields { append(name: field.name, value: field.value) }
  }

  var isEmpty: Bool { bytes.isEmpty }

  mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

  mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
    appendLengths(name.count, value.count)
    bytes.append(contentsOf: name)
    bytes.append(contentsOf: value)
  }

  mutating func append(name: String, value: String) {
    appendLengths(name.utf8.count, value.utf8.count)
    bytes.append(contentsOf: name.utf8)
    bytes.append(contentsOf: value.utf8)
  }

  private mutating func appendLengths(_ name: Int, _ value: Int) {
    withUnsafeBytes(of: (UInt32(truncatingIfNeeded: name), UInt32(truncatingIfNeeded: value))) {
      bytes.append(contentsOf: $0)
    }
  }

  /// The value of the first field of that (lower-case) name.
  func first(_ name: String) -> String? {
    var result: String?
    forEach { fieldName, value in
      guard fieldName.elementsEqual(name.utf8) else { return true }
      result = String(decoding: value, as: UTF8.self)
      return false
    }
    return result
  }

  var fields: [(name: String, value: String)] {
    var result: [(name: String, value: String)] = []
    forEach { name, value in
      result.append((String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
      return true
    }
    return result
  }

  /// The fields except those of that (lower-case) name.
  func without(_ name: String) -> HeaderBlock { HeaderBlock(fields.filter { $0.name != name }) }

  /// Visits the fields in order until `body` returns false.
  func forEach(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool) {
    bytes.withUnsafeBytes { bytes in
      var offset = 0
      while offset + 8 <= bytes.count {
        let nameCount = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
        let valueCount = Int(bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
        let name = offset + 8
        let value = name + nameCount
        guard
          body(
            UnsafeRawBufferPointer(rebasing: bytes[name..<value]),
            UnsafeRawBufferPointer(rebasing: bytes[value..<value + valueCount]))
        else { return }
        offset = value + valueCount
      }
    }
  }
}
