/// Integers at offsets of a record of an ELF file; nil beyond the end of the bytes.
struct ELFRecord {
  private let bytes: [UInt8]
  private let start: Int
  private let is64Bit: Bool
  private let isLittleEndian: Bool

  /// The record that starts at a place in the bytes.
  init(_ bytes: [UInt8], from start: Int = 0, is64Bit: Bool, isLittleEndian: Bool) {
    self.bytes = bytes
    self.start = start
    self.is64Bit = is64Bit
    self.isLittleEndian = isLittleEndian
  }

  /// 16 bits.
  func half(at offset: Int) -> UInt64? { integer(at: offset, size: 2) }
  /// 32 bits.
  func long(at offset: Int) -> UInt64? { integer(at: offset, size: 4) }
  /// 64 bits, or 32 in a file of that class.
  func word(at offset: Int) -> UInt64? { integer(at: offset, size: is64Bit ? 8 : 4) }

  private func integer(at offset: Int, size: Int) -> UInt64? {
    guard offset >= 0, size <= bytes.count, start <= bytes.count - size, offset <= bytes.count - size - start else {
      return nil
    }
    var value: UInt64 = 0
    for place in 0..<size {
      let byte = bytes[start + offset + (isLittleEndian ? size - 1 - place : place)]
      value = value << 8 | UInt64(byte)
    }
    return value
  }
}
