import JSON

/// A typed view of a part of an object over its JSON: fields that we do not know survive reading and writing.
public protocol ObjectView: Sendable, Hashable {
  /// The JSON that the view is of.
  var json: JSONValue { get set }
  /// Views JSON.
  init(json: JSONValue)
}

extension ObjectView {
  /// A view of an empty object.
  public init() { self.init(json: [:]) }
}

extension JSONValue {
  /// The members that are strings.
  var strings: [String: String]? {
    guard let object else { return nil }
    var result: [String: String] = [:]
    for (key, value) in object { if let text = value.string { result[key] = text } }
    return result
  }

  /// An object of strings, ordered by name.
  init(strings: [String: String]) {
    var object = JSONObject()
    for (key, value) in strings.sorted(by: { $0.key < $1.key }) { object[key] = .string(value) }
    self = .object(object)
  }
}
