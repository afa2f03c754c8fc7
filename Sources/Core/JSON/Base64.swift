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
    let start = text.count
    text.append(contentsOf: repeatElement(UInt8(ascii: "="), count: (bytes.count + 2) / 3 * 4))
    let source = bytes.span
    var target = text.mutableSpan
    let pairs = pairs.span
    var (index, place) = (0, start)
    while index + 3 <= source.count {
      let group = Int(source[index]) << 16 | Int(source[index + 1]) << 8 | Int(source[index + 2])
      let (first, second) = (pairs[group >> 12], pairs[group & 0xfff])
      target[place] = UInt8(truncatingIfNeeded: first)
      target[place + 1] = UInt8(truncatingIfNeeded: first >> 8)
      target[place + 2] = UInt8(truncatingIfNeeded: second)
      target[place + 3] = UInt8(truncatingIfNeeded: second >> 8)
      index += 3
      place += 4
    }
    // One or two bytes are left over: two or three characters, behind which the padding is already.
    if index == source.count { return }
    let group = Int(source[index]) << 16 | (index + 1 < source.count ? Int(source[index + 1]) << 8 : 0)
    target[place] = alphabet[group >> 18]
    target[place + 1] = alphabet[group >> 12 & 63]
    if index + 1 < source.count { target[place + 2] = alphabet[group >> 6 & 63] }
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
