import JSON
import TestSupport

extension JSONValue {
  /// A value of any shape.
  static func random(depth: Int, using generator: inout SeededGenerator) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
    case 0: return .null
    case 1: return .bool(.random(using: &generator))
    case 2: return .int(.random(in: .min ... .max, using: &generator))
    case 3: return .number("\(Int.random(in: -9...9, using: &generator)).\(Int.random(in: 0...99, using: &generator))")
    case 4, 5: return .string(text(&generator))
    case 6:
      return .array(
        (0..<Int.random(in: 0..<5, using: &generator)).map { _ in random(depth: depth - 1, using: &generator) })
    default:
      var object = JSONObject()
      for _ in 0..<Int.random(in: 0..<25, using: &generator) {
        object[text(&generator)] = random(depth: depth - 1, using: &generator)
      }
      return .object(object)
    }
  }

  private static func text(_ generator: inout SeededGenerator) -> String {
    let scalars = Array("abcdefghij /~\"\\\u{0}\u{1f}\n\r\t\u{7f}éß€漢😀\u{2028}".unicodeScalars)
    var text = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0..<20, using: &generator) {
      text.append(scalars[Int.random(in: 0..<scalars.count, using: &generator)])
    }
    return String(text)
  }
}
