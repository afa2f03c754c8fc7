import Glibc
import Logging

/// A line of JSON in the making, behind the lines that are there already.
public struct LogLine {
  private var bytes: [UInt8]
  private var isFirst = true

  init(after lines: consuming [UInt8] = []) {
    bytes = lines
    bytes.append(UInt8(ascii: "{"))
  }

  /// Names that the line has itself; metadata of these names gets an underscore.
  private static let own: Set<String> = ["time", "level", "logger", "message"]

  /// Adds a field; its name needs no escaping. Lines are easier to compare when their fields come in the order of
  /// their names.
  public mutating func add(_ name: StaticString, _ text: String) { add(name, text.utf8Span.span) }

  /// Adds a field of text that is UTF-8. All parts of it at once: most lines have nothing but short ones.
  mutating func add(_ name: StaticString, _ text: Span<UInt8>) {
    let isPlain = Self.isPlain(text)
    let start = isFirst ? 1 : 0
    isFirst = false
    let size = name.utf8CodeUnitCount + 6 + (isPlain ? text.count : 0)
    bytes.append(addingCapacity: size) { bytes in
      bytes.withUnsafeMutableBufferPointer { target, count in
        @inline(__always) func add(_ part: UnsafeRawBufferPointer) {
          UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: target[count...])).copyMemory(from: part)
          count += part.count
        }
        @inline(__always) func add(_ part: StaticString, from start: Int = 0) {
          add(UnsafeRawBufferPointer(start: part.utf8Start + start, count: part.utf8CodeUnitCount - start))
        }
        add(",\"", from: start)
        add(name)
        add("\":\"")
        if isPlain {
          text.withUnsafeBytes { add($0) }
          add("\"")
        }
      }
    }
    if !isPlain {
      appendEscaped(text)
      bytes.append(UInt8(ascii: "\""))
    }
  }

  mutating func add(_ name: String, _ value: Logger.MetadataValue) {
    begin(Self.own.contains(name) ? name + "_" : name)
    append(value)
  }

  /// The lines with this one, which ends here.
  consuming func finished() -> [UInt8] {
    bytes.append(UInt8(ascii: "}"))
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }

  private mutating func begin(_ name: String) {
    if !isFirst { bytes.append(UInt8(ascii: ",")) }
    isFirst = false
    append(name)
    bytes.append(UInt8(ascii: ":"))
  }

  private mutating func append(_ value: Logger.MetadataValue) {
    switch value {
    case .string(let text): append(text)
    case .stringConvertible(let number) where number is any BinaryInteger || number is Bool:
      bytes += Array(number.description.utf8)
    case .stringConvertible(let other): append(other.description)
    case .array(let values):
      bytes.append(UInt8(ascii: "["))
      for (index, value) in values.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        append(value)
      }
      bytes.append(UInt8(ascii: "]"))
    case .dictionary(let values):
      bytes.append(UInt8(ascii: "{"))
      for (index, entry) in values.sorted(by: { $0.key < $1.key }).enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        append(entry.key)
        bytes.append(UInt8(ascii: ":"))
        append(entry.value)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private mutating func append(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    let text = text.utf8Span.span
    if Self.isPlain(text) {
      text.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
    } else {
      appendEscaped(text)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static func isPlain(_ text: Span<UInt8>) -> Bool {
    // To the end in any case, so that the compiler can look at many bytes at once.
    text.withUnsafeBufferPointer { text in
      var found: UInt8 = 0
      for byte in text { found |= (byte < 0x20 ? 1 : 0) | (byte == 0x22 ? 1 : 0) | (byte == 0x5c ? 1 : 0) }
      return found == 0
    }
  }

  private mutating func appendEscaped(_ text: Span<UInt8>) {
    let digits = Array("0123456789abcdef".utf8)
    for index in text.indices {
      let byte = text[index]
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\n"): bytes += Array("\\n".utf8)
      case 0..<32: bytes += Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: bytes.append(byte)
      }
    }
  }

  /// The present in UTC, to the millisecond (RFC 3339).
  static func timestamp() -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return timestamp(seconds: now.tv_sec, milliseconds: now.tv_nsec / 1_000_000)
  }

  static func timestamp(seconds: time_t, milliseconds: Int) -> String {
    var seconds = seconds
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func padded(_ number: some BinaryInteger, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = "\(padded(parts.tm_year + 1900, 4))-\(padded(parts.tm_mon + 1, 2))-\(padded(parts.tm_mday, 2))"
    let time = "\(padded(parts.tm_hour, 2)):\(padded(parts.tm_min, 2)):\(padded(parts.tm_sec, 2))"
    return "\(date)T\(time).\(padded(milliseconds, 3))Z"
  }
}
