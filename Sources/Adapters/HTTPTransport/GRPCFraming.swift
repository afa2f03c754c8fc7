/// Messages on the wire (grpc/grpc doc/PROTOCOL-HTTP2.md): a flag, four bytes of length, the message.
enum GRPCFraming {
  static let prefixSize = 5

  static func append(_ message: [UInt8], to output: inout [UInt8]) {
    let count = UInt32(truncatingIfNeeded: message.count)
    output.reserveCapacity(output.count + prefixSize + message.count)
    output.append(0)
    withUnsafeBytes(of: count.bigEndian) { output.append(contentsOf: $0) }
    output.append(contentsOf: message)
  }

  /// The first message in the bytes and where the next begins; nil when it is not complete.
  ///
  /// - Parameter encoding: the peer's `grpc-encoding`.
  static func next(in bytes: [UInt8], from start: Int, encoding: String?, maximumSize: Int) throws(GRPCStatus) -> (
    message: [UInt8], end: Int
  )? {
    guard bytes.count - start >= prefixSize else { return nil }
    let count = bytes[(start + 1)..<(start + 5)].reduce(0) { $0 << 8 | Int($1) }
    guard count <= maximumSize else {
      throw GRPCStatus(GRPCCode.resourceExhausted, "the message of \(count) bytes exceeds the limit of \(maximumSize)")
    }
    let end = start + prefixSize + count
    guard bytes.count >= end else { return nil }
    let payload = bytes[(start + prefixSize)..<end]
    switch bytes[start] {
    case 0: return (Array(payload), end)
    case 1: return (try expand(payload, encoding: encoding, maximumSize: maximumSize), end)
    default: throw GRPCStatus(GRPCCode.internalError, "the flag of a message is \(bytes[start]), not 0 or 1")
    }
  }

  private static func expand(_ payload: ArraySlice<UInt8>, encoding: String?, maximumSize: Int) throws(GRPCStatus)
    -> [UInt8]
  {
    guard encoding == "gzip" else {
      throw GRPCStatus(
        GRPCCode.unimplemented,
        "compression \(encoding ?? "without grpc-encoding") is not understood; send gzip or none"
      )
    }
    do {
      return try Gzip.expand(payload, maximumSize: maximumSize)
    } catch .tooLarge {
      throw GRPCStatus(GRPCCode.resourceExhausted, "the expanded message exceeds the limit of \(maximumSize) bytes")
    } catch {
      throw GRPCStatus(GRPCCode.internalError, "a compressed message is not gzip")
    }
  }

  /// `grpc-message` on the wire: other than printable ASCII, and the percent sign, are percent-encoded.
  static func encodeMessage(_ message: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var result: [UInt8] = []
    for byte in message.utf8 {
      if byte >= 0x20, byte <= 0x7e, byte != UInt8(ascii: "%") {
        result.append(byte)
      } else {
        result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// The message of a `grpc-message` field; what is not well encoded stays as it is.
  static func decodeMessage(_ field: String) -> String {
    let bytes = Array(field.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
        let value = UInt8(String(decoding: bytes[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
      {
        result.append(value)
        index += 3
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// The duration of a `grpc-timeout` field: at most eight digits and a unit.
  static func decodeTimeout(_ field: String) -> Duration? {
    let digits = field.utf8.dropLast()
    guard let unit = field.utf8.last, (1...8).contains(digits.count),
      digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }), let value = Int64(field.dropLast())
    else { return nil }
    switch unit {
    case UInt8(ascii: "H"): return .seconds(value * 3600)
    case UInt8(ascii: "M"): return .seconds(value * 60)
    case UInt8(ascii: "S"): return .seconds(value)
    case UInt8(ascii: "m"): return .milliseconds(value)
    case UInt8(ascii: "u"): return .microseconds(value)
    case UInt8(ascii: "n"): return .nanoseconds(value)
    default: return nil
    }
  }

  /// A `grpc-timeout` field, rounded up to its unit.
  static func encodeTimeout(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    guard seconds < 90_000 else {
      let longest: Int64 = 99_999_999
      return "\(min(min(seconds, longest) + (attoseconds > 0 ? 1 : 0), longest))S"
    }
    let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    return "\(max(milliseconds, 1))m"
  }
}

/// The codes that the transport itself gives.
enum GRPCCode {
  static let cancelled = 1
  static let unknown = 2
  static let deadlineExceeded = 4
  static let resourceExhausted = 8
  static let unimplemented = 12
  static let internalError = 13
  static let unavailable = 14
}
