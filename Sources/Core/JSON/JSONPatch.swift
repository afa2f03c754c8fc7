/// A list of changes to a JSON value (RFC 6902).
public struct JSONPatch: Sendable, Hashable {
  /// One change.
  public enum Operation: Sendable, Hashable {
    /// Adds a member, or replaces it; inserts an element before the index, `-` appends.
    case add(JSONPointer, JSONValue)
    /// Removes what must be there.
    case remove(JSONPointer)
    /// Replaces what must be there.
    case replace(JSONPointer, JSONValue)
    /// Moves a value.
    case move(from: JSONPointer, to: JSONPointer)
    /// Copies a value.
    case copy(from: JSONPointer, to: JSONPointer)
    /// Fails unless the value is equal.
    case test(JSONPointer, JSONValue)
  }

  /// The changes in their order.
  public var operations: [Operation]
  /// A patch of these changes.
  public init(_ operations: [Operation] = []) { self.operations = operations }
}

/// A patch that is malformed or does not fit the value.
public struct JSONPatchError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The number of the operation, from 0.
  public var operation: Int
  /// What does not fit.
  public var reason: String
  /// Makes the error.
  public init(operation: Int, reason: String) {
    self.operation = operation
    self.reason = reason
  }
  /// Which operation failed and why.
  public var description: String { "patch operation \(operation): \(reason)" }
}

extension JSONPatch {
  /// Reads a patch document: an array of objects with `op`, `path` and what the operation needs.
  public init(json: JSONValue) throws(JSONPatchError) {
    guard let elements = json.array else {
      throw JSONPatchError(operation: 0, reason: "a patch is an array of operations")
    }
    operations = []
    for (number, element) in elements.enumerated() {
      func pointer(_ name: String) throws(JSONPatchError) -> JSONPointer {
        guard let pointer = element[name]?.string.flatMap(JSONPointer.init(parsing:)) else {
          throw JSONPatchError(operation: number, reason: "\"\(name)\" must be a JSON pointer such as \"/spec/name\"")
        }
        return pointer
      }
      func value() throws(JSONPatchError) -> JSONValue {
        guard let value = element["value"] else {
          throw JSONPatchError(operation: number, reason: "\"value\" is missing")
        }
        return value
      }
      switch element["op"]?.string {
      case "add": operations.append(.add(try pointer("path"), try value()))
      case "remove": operations.append(.remove(try pointer("path")))
      case "replace": operations.append(.replace(try pointer("path"), try value()))
      case "move": operations.append(.move(from: try pointer("from"), to: try pointer("path")))
      case "copy": operations.append(.copy(from: try pointer("from"), to: try pointer("path")))
      case "test": operations.append(.test(try pointer("path"), try value()))
      case let other:
        throw JSONPatchError(
          operation: number,
          reason: "\"op\" must be add, remove, replace, move, copy or test, not \(other ?? "missing")")
      }
    }
  }

  /// The value with all changes made, or an error and no change.
  public func applied(to value: JSONValue) throws(JSONPatchError) -> JSONValue {
    var result = value
    for (number, operation) in operations.enumerated() {
      if let failure = Self.apply(operation, to: &result) {
        throw JSONPatchError(operation: number, reason: failure)
      }
    }
    return result
  }

  /// Applies one change; answers why it could not.
  private static func apply(_ operation: Operation, to value: inout JSONValue) -> String? {
    switch operation {
    case .add(let path, let new): return edit(&value, path.tokens[...], .add(new)).map { "\($0) at \(path)" }
    case .remove(let path): return edit(&value, path.tokens[...], .remove).map { "\($0) at \(path)" }
    case .replace(let path, let new): return edit(&value, path.tokens[...], .replace(new)).map { "\($0) at \(path)" }
    case .test(let path, let expected):
      guard let found = value.value(at: path) else { return "nothing at \(path)" }
      return found == expected ? nil : "another value at \(path)"
    case .copy(let from, let to):
      guard let found = value.value(at: from) else { return "nothing at \(from)" }
      return apply(.add(to, found), to: &value)
    case .move(let from, let to):
      guard let found = value.value(at: from) else { return "nothing at \(from)" }
      guard from != to else { return nil }
      guard !to.tokens.starts(with: from.tokens) else { return "\(from) cannot be moved into itself" }
      return apply(.remove(from), to: &value) ?? apply(.add(to, found), to: &value)
    }
  }

  private enum Edit { case add(JSONValue), replace(JSONValue), remove }

  /// Changes the value below `path`; answers why it could not.
  private static func edit(_ value: inout JSONValue, _ path: ArraySlice<String>, _ edit: Edit) -> String? {
    guard let token = path.first else {
      switch edit {
      case .add(let new), .replace(let new): value = new
      case .remove: value = .null
      }
      return nil
    }
    let rest = path.dropFirst()
    switch value {
    case .object(var object):
      if rest.isEmpty, case .add(let new) = edit {
        object[token] = new
      } else {
        guard var child = object[token] else { return "no member \(token)" }
        if rest.isEmpty, case .remove = edit {
          object[token] = nil
        } else {
          if let failure = Self.edit(&child, rest, edit) { return failure }
          object[token] = child
        }
      }
      value = .object(object)
      return nil
    case .array(var elements):
      if rest.isEmpty, case .add(let new) = edit {
        guard let index = token == "-" ? elements.count : index(token, below: elements.count + 1) else {
          return "no index \(token)"
        }
        elements.insert(new, at: index)
      } else {
        guard let index = index(token, below: elements.count) else { return "no index \(token)" }
        if rest.isEmpty, case .remove = edit {
          elements.remove(at: index)
        } else if let failure = Self.edit(&elements[index], rest, edit) {
          return failure
        }
      }
      value = .array(elements)
      return nil
    default: return "no object or array to find \(token) in"
    }
  }

  /// The index that a token names: digits without leading zeros.
  static func index(_ token: String, below count: Int) -> Int? {
    guard token == "0" || token.utf8.first.map({ 0x31...0x39 ~= $0 }) == true,
      token.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let index = Int(token), index < count
    else { return nil }
    return index
  }
}
