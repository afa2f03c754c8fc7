/// A JSON value as a tree, for controllers and configuration. The admission path reads `JSONView` instead.
///
/// Numbers that are integers of 64 bits are `.int`; every other number keeps its literal text, so that what is
/// read is written again unchanged.
public enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  case int(Int)
  case number(String)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

extension JSONValue {
  /// The text, if this is a string.
  public var string: String? { if case .string(let value) = self { value } else { nil } }
  /// The integer, if this is one.
  public var int: Int? { if case .int(let value) = self { value } else { nil } }
  /// The number as a floating-point value, if this is one.
  public var double: Double? {
    switch self {
    case .int(let value): Double(value)
    case .number(let literal): Double(literal)
    default: nil
    }
  }
  /// The truth value, if this is one.
  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The elements, if this is an array.
  public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  /// The members, if this is an object.
  public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
  /// Whether this is `null`.
  public var isNull: Bool { self == .null }

  /// The member of that name; nil where this is no object or has none. Setting nil removes the member; setting a
  /// member of something that is no object makes it one.
  public subscript(key: String) -> JSONValue? {
    get { object?[key] }
    set {
      var members = object ?? JSONObject()
      members[key] = newValue
      self = .object(members)
    }
  }

  /// The element at that index; nil where this is no array or is shorter.
  public subscript(index: Int) -> JSONValue? {
    guard let elements = array, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  /// The value below these member names.
  public func at(_ path: String...) -> JSONValue? { at(path) }

  /// The value below these member names.
  public func at(_ path: [String]) -> JSONValue? {
    var value = self
    for key in path {
      guard let next = value[key] else { return nil }
      value = next
    }
    return value
  }

  /// Sets the value below these member names, making the objects between; nil removes it.
  public mutating func set(_ path: [String], _ newValue: JSONValue?) {
    guard let first = path.first else {
      self = newValue ?? .null
      return
    }
    if path.count == 1 {
      self[first] = newValue
    } else {
      if newValue == nil, self[first] == nil { return }
      var child = self[first] ?? .object(JSONObject())
      child.set(Array(path.dropFirst()), newValue)
      self[first] = child
    }
  }
}

// Not by `nil`: in `condition ? nil : value` that would silently mean a `null` where "no member" was meant.
extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  /// A string.
  public init(stringLiteral value: String) { self = .string(value) }
  /// An integer.
  public init(integerLiteral value: Int) { self = .int(value) }
  /// A truth value.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// An array.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// An object; the order of the members is kept.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    var object = JSONObject()
    for (key, value) in elements { object[key] = value }
    self = .object(object)
  }
}
