import JSON

/// The tags of YAML's own types.
enum YAMLTag {
  static let prefix = "tag:yaml.org,2002:"
}

/// A scalar as it stands in the text, and what it means (YAML 1.2.2, section 10.3.2).
struct Scalar {
  var text: String
  var isPlain: Bool
  var tag: String?
  var anchor: String?

  /// The value; the error does not name the place.
  func resolved() throws(YAMLError) -> JSONValue {
    switch tag {
    case nil: return isPlain ? try plainValue() : .string(text)
    case "!", YAMLTag.prefix + "str": return .string(text)
    case YAMLTag.prefix + "null":
      if case .null? = Self.word(text) { return .null }
    case YAMLTag.prefix + "bool":
      if case .bool(let truth)? = Self.word(text) { return .bool(truth) }
    case YAMLTag.prefix + "int":
      if let number = Self.integer(text) { return number }
    case YAMLTag.prefix + "float":
      if let number = Self.integer(text) { return number }
      if let number = try Self.float(text) { return number }
    case let tag?: throw YAMLError("the tag \(tag) is not supported")
    }
    throw YAMLError("\"\(text)\" is no \(tag?.dropFirst(YAMLTag.prefix.count) ?? "")")
  }

  private func plainValue() throws(YAMLError) -> JSONValue {
    if let word = Self.word(text) { return word }
    if let number = Self.integer(text) { return number }
    return try Self.float(text) ?? .string(text)
  }

  private static func word(_ text: String) -> JSONValue? {
    switch text {
    case "", "~", "null", "Null", "NULL": .null
    case "true", "True", "TRUE": .bool(true)
    case "false", "False", "FALSE": .bool(false)
    default: nil
    }
  }

  /// Decimal, `0x`, `0o` and the octal `0644` of YAML 1.1, which file modes in manifests are written in.
  private static func integer(_ text: String) -> JSONValue? {
    var digits = Substring(text)
    let negative = digits.hasPrefix("-")
    if negative || digits.hasPrefix("+") { digits = digits.dropFirst() }
    var radix = 10
    if digits.hasPrefix("0x") || digits.hasPrefix("0o") {
      radix = digits.hasPrefix("0x") ? 16 : 8
      digits = digits.dropFirst(2)
    } else if digits.count > 1, digits.hasPrefix("0"), digits.utf8.allSatisfy(isOctalDigit) {
      radix = 8
    }
    guard let first = digits.utf8.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "+") else { return nil }
    if let value = Int((negative ? "-" : "") + digits, radix: radix) { return .int(value) }
    // Wider than 64 bits: the literal is kept where JSON can write it.
    guard radix == 10, first != UInt8(ascii: "0"), digits.utf8.allSatisfy(isDigit) else { return nil }
    return .number((negative ? "-" : "") + digits)
  }

  private static func float(_ text: String) throws(YAMLError) -> JSONValue? {
    switch text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst().lowercased() : text.lowercased() {
    case ".inf", ".nan": throw YAMLError("\(text) has no JSON value")
    default: break
    }
    guard let parts = FloatLiteral(text) else { return nil }
    return .number(parts.json)
  }
}

func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
private func isOctalDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(byte) }

/// `[-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`, taken apart.
private struct FloatLiteral {
  private var negative: Bool
  private var whole: Substring.UTF8View
  private var fraction: Substring.UTF8View
  private var exponent: Substring.UTF8View

  init?(_ text: String) {
    var rest = Substring(text).utf8
    negative = rest.first == UInt8(ascii: "-")
    if negative || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
    whole = rest.prefix(while: isDigit)
    rest = rest.dropFirst(whole.count)
    fraction = rest.prefix(0)
    if rest.first == UInt8(ascii: ".") {
      fraction = rest.dropFirst().prefix(while: isDigit)
      rest = rest.dropFirst(1 + fraction.count)
    }
    guard !whole.isEmpty || !fraction.isEmpty else { return nil }
    exponent = rest.prefix(0)
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      exponent = rest.dropFirst()
      let sign = exponent.first == UInt8(ascii: "-") || exponent.first == UInt8(ascii: "+") ? 1 : 0
      let digits = exponent.dropFirst(sign)
      guard !digits.isEmpty, digits.allSatisfy(isDigit) else { return nil }
    } else if !rest.isEmpty {
      return nil
    }
  }

  /// The same number as JSON writes it.
  var json: String {
    var text = negative ? "-" : ""
    let significant = whole.drop { $0 == UInt8(ascii: "0") }
    text += significant.isEmpty ? "0" : String(Substring(significant))
    if !fraction.isEmpty { text += "." + String(Substring(fraction)) }
    if !exponent.isEmpty { text += "e" + String(Substring(exponent)) }
    return text
  }
}
