/// What the bytes of an HTTP/1 head mean.
enum HTTP1Characters {
  /// Letters, digits and `!#$%&'*+-.^_`|~` (RFC 9110 section 5.6.2), a bit each.
  private static let tokens: (UInt64, UInt64) = {
    var low: UInt64 = 0
    var high: UInt64 = 0
    let letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"
    for byte in letters.utf8 {
      if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte - 64) }
    }
    return (low, high)
  }()

  static func isToken(_ byte: UInt8) -> Bool {
    guard byte < 128 else { return false }
    let bits = byte < 64 ? tokens.0 : tokens.1
    return bits >> UInt64(byte & 63) & 1 == 1
  }

  static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 32 : byte }

  static func areEqualIgnoringCase(_ bytes: ArraySlice<UInt8>, _ text: String) -> Bool {
    bytes.lazy.map(lowercased).elementsEqual(text.utf8)
  }

  /// A number of up to 15 digits; nil where it is none.
  static func decimal(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard !bytes.isEmpty, bytes.count <= 15 else { return nil }
    var result = 0
    for byte in bytes {
      guard byte >= 48, byte <= 57 else { return nil }
      result = result * 10 + Int(byte - 48)
    }
    return result
  }

  /// The value of a digit; nil where it is none.
  static func hexadecimal(_ byte: UInt8) -> Int? {
    switch byte {
    case 48...57: Int(byte) - 48
    case 65...70: Int(byte) - 55
    case 97...102: Int(byte) - 87
    default: nil
    }
  }
}
