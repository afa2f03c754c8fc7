/// FNV-1a with 64 bits, for short names of what has been read: nothing may depend on that nobody can make two equal. Bulk
/// data is taken in by eight bytes at a time.
struct FNV1a {
  private var value: UInt64 = 0xcbf2_9ce4_8422_2325

  /// Sixteen hexadecimal digits.
  var text: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Takes a text, with its end.
  mutating func add(_ text: String) {
    for byte in text.utf8 { add(UInt64(byte)) }
    add(UInt64(0))
  }

  /// Takes bytes, with their number.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    let words = bytes.count / 8
    for index in 0..<words { add(bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)) }
    for index in (words * 8)..<bytes.count { add(UInt64(bytes[index])) }
    add(UInt64(bytes.count))
  }

  /// Takes a word, such as what tells one part from the next.
  mutating func add(_ word: UInt64) {
    value = (value ^ word) &* 0x100_0000_01b3
    // Words, unlike bytes, have bits that the multiplication only carries upwards.
    value ^= value >> 32
  }
}
