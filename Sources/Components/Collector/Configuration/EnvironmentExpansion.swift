import JSON

/// Replaces `${env:NAME}`, `${env:NAME:-default}` and `${NAME}` in the values of a configuration; `$$` is a dollar sign.
struct EnvironmentExpansion {
  let environment: (String) -> String?
  let findings: ConfigurationFindings

  func expand(_ value: JSONValue, path: String = "") -> JSONValue {
    switch value {
    case .string(let text): return .string(expand(text, path))
    case .array(let elements):
      return .array(elements.enumerated().map { expand($0.element, path: "\(path)[\($0.offset)]") })
    case .object(let object):
      var result = JSONObject()
      for (key, member) in object { result[key] = expand(member, path: path.isEmpty ? key : "\(path).\(key)") }
      return .object(result)
    default: return value
    }
  }

  private func expand(_ text: String, _ path: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
    var result = ""
    var rest = Substring(text)
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      if rest.first == "$" {
        result += "$"
        rest = rest.dropFirst()
      } else if rest.first == "{" {
        guard let end = rest.firstIndex(of: "}") else {
          findings.problem(path, "\"${\" without \"}\"; write $$ for a dollar sign")
          return text
        }
        result += value(of: rest[rest.index(after: rest.startIndex)..<end], path)
        rest = rest[rest.index(after: end)...]
      } else {
        result += "$"
      }
    }
    return result + rest
  }

  private func value(of reference: Substring, _ path: String) -> String {
    var name = reference
    if let colon = reference.firstIndex(of: ":"), !reference[colon...].hasPrefix(":-") {
      guard reference[..<colon] == "env" else {
        findings.problem(path, "\"${\(reference)}\": only environment variables are read, as ${env:NAME}")
        return ""
      }
      name = reference[reference.index(after: colon)...]
    }
    var fallback: Substring?
    if let colon = name.firstIndex(of: ":") {
      guard name[colon...].hasPrefix(":-") else {
        findings.problem(path, "\"${\(reference)}\": write ${env:NAME} or ${env:NAME:-default}")
        return ""
      }
      fallback = name[colon...].dropFirst(2)
      name = name[..<colon]
    }
    guard let first = name.utf8.first, !isDigit(first), name.utf8.allSatisfy({ isDigit($0) || isLetter($0) }) else {
      findings.problem(path, "\"${\(reference)}\" names no environment variable; write $$ for a dollar sign")
      return ""
    }
    if let value = environment(String(name)) { return value }
    if let fallback { return String(fallback) }
    findings.warning(path, "environment variable \(name) is not set; its value is taken as empty")
    return ""
  }

  private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  private func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5a).contains(byte & 0xdf) || byte == 0x5f }
}
