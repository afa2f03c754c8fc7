import JSON

/// An object of a kind that is known only when the program runs: a manifest, or what a selector found.
public struct DynamicObject: Sendable, Equatable {
  /// Its kind.
  public var type: ResourceType
  /// The object.
  public var json: JSONValue
  /// Makes one.
  public init(type: ResourceType, json: JSONValue) {
    self.type = type
    self.json = json
  }
  /// Its metadata.
  public var metadata: ObjectMeta {
    get { ObjectMeta(json: json["metadata"] ?? [:]) }
    set { json["metadata"] = newValue.json }
  }
}
