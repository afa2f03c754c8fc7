import JSON

extension JSONValue {
  /// This value after a merge patch, as the API server applies it (RFC 7386).
  func merged(with patch: JSONValue) -> JSONValue {
    guard let members = patch.object else { return patch }
    var result = object == nil ? [:] : self
    for (key, value) in members {
      let member: JSONValue? = value.isNull ? Optional.none : (result[key] ?? [:]).merged(with: value)
      result[key] = member
    }
    return result
  }
}
