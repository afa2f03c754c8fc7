import CText

/// Base 64 with padding (RFC 4648, section 4), as JSON carries bytes.
public enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xff, count: 256)
    for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
    return values
  }()

  /// The text for these bytes.
  public static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    append(bytes, to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends the text for these bytes.
  public static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
    let count = (bytes.count + 2) / 3 * 4
    text.append(addingCapacity: count) { text in
      text.withUnsafeMutableBufferPointer { target, initialized in
        initialized += encode(
          bytes.span, into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: target[initialized...])))
      }
    }
  }

  /// Writes the text for these bytes into memory that has room for it; gives the length.
  private static func encode(_ bytes: Span<UInt8>, into target: UnsafeMutableRawBufferPointer) -> Int {
    let pairs = pairs.span
    @inline(__always) func quartet(_ group: UInt64) -> UInt64 {
      UInt64(pairs[Int(group >> 12 & 0xfff)]) | UInt64(pairs[Int(group & 0xfff)]) << 16
    }
    var index = bytes.withUnsafeBufferPointer {
      ctext_base64($0.baseAddress, $0.count, target.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }
    var place = index / 3 * 4
    // Six bytes become eight characters; the two bytes more that are read are left for the next time.
    while bytes.count &- index >= 8 {
      let word = UInt64(bigEndian: bytes.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self))
      let characters = quartet(word >> 40) | quartet(word >> 16) << 32
      target.storeBytes(of: characters.littleEndian, toByteOffset: place, as: UInt64.self)
      index &+= 6
      place &+= 8
    }
    while index < bytes.count {
      var group: UInt64 = 0
      for offset in 0..<3 { group = group << 8 | (index + offset < bytes.count ? UInt64(bytes[index + offset]) : 0) }
      target.storeBytes(
        of: UInt32(truncatingIfNeeded: quartet(group)).littleEndian, toByteOffset: place, as: UInt32.self)
      index += 3
      place += 4
    }
    // What was encoded beyond the last byte is padding.
    for padding in 0..<index - bytes.count { target[place - 1 - padding] = UInt8(ascii: "=") }
    return place
  }

  /// The two characters for each number of 12 bits, the first one in the low byte.
  private static let pairs: [UInt16] = (0..<4096).map { UInt16(alphabet[$0 >> 6]) | UInt16(alphabet[$0 & 63]) << 8 }

  /// The bytes of a text; nil where it is no base 64. Line breaks are skipped, as kubeconfig files may have them.
  public static func decode(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var group: UInt32 = 0
    var count = 0
    var padding = 0
    for byte in text.utf8 where byte != 0x0a && byte != 0x0d {
      if byte == UInt8(ascii: "=") {
        padding += 1
      } else {
        let value = values[Int(byte)]
        guard padding == 0, value != 0xff else { return nil }
        group = group << 6 | UInt32(value)
      }
      count += 1
      guard count % 4 == 0, padding == 0 else { continue }
      bytes.append(UInt8(truncatingIfNeeded: group >> 16))
      bytes.append(UInt8(truncatingIfNeeded: group >> 8))
      bytes.append(UInt8(truncatingIfNeeded: group))
      group = 0
    }
    guard count % 4 == 0, padding <= 2 else { return nil }
    if padding == 1 {
      bytes.append(UInt8(truncatingIfNeeded: group >> 10))
      bytes.append(UInt8(truncatingIfNeeded: group >> 2))
    } else if padding == 2 {
      bytes.append(UInt8(truncatingIfNeeded: group >> 4))
    }
    return bytes
  }
}
