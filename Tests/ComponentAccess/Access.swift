/// A call of the API, as a role has to allow it.
public struct Access: Hashable, Comparable, CustomStringConvertible, Sendable {
  /// As in a rule: get, list, watch, create, patch, ...
  public var verb: String
  /// The API group; "" for the core one.
  public var group: String
  /// With its subresource.
  public var resource: String
  /// Whether it is made in the system's namespace only.
  public var isOwnNamespace: Bool
  /// The one object it is about; "" for any.
  public var name: String

  /// A call about any object everywhere, unless it is said otherwise.
  public init(_ verb: String, _ group: String, _ resource: String, isOwnNamespace: Bool = false, name: String = "") {
    self.verb = verb
    self.group = group
    self.resource = resource
    self.isOwnNamespace = isOwnNamespace
    self.name = name
  }

  /// As a person says it.
  public var description: String {
    let subject = name.isEmpty ? "" : "/\(name)"
    let place = isOwnNamespace ? "in the system's namespace" : "everywhere"
    return "\(verb) \(resource)\(group.isEmpty ? "" : ".\(group)")\(subject) \(place)"
  }
  /// In the order of their texts.
  public static func < (left: Access, right: Access) -> Bool { left.description < right.description }
}

/// A line of source that calls the API, and what it needs.
public struct Call: Sendable {
  /// The name of the file, without `.swift`.
  public var file: String
  /// Which method of the client, or which of its users.
  public var method: String
  /// What a role has to allow for it.
  public var needs: [Access]

  /// A line of a table.
  public init(_ file: String, _ method: String, _ needs: [Access]) {
    self.file = file
    self.method = method
    self.needs = needs
  }
}
