/// What the API server calls a kind of object: where it is served and how it is named.
public struct ResourceType: Sendable, Hashable {
  /// The API group, "" for the core group.
  public var group: String
  /// The version that we speak, such as "v1".
  public var version: String
  /// The kind, such as "Deployment".
  public var kind: String
  /// The name in paths, such as "deployments".
  public var plural: String
  /// Whether objects live in namespaces.
  public var isNamespaced: Bool

  /// Makes the description of a kind.
  public init(group: String, version: String, kind: String, plural: String, isNamespaced: Bool = true) {
    self.group = group
    self.version = version
    self.kind = kind
    self.plural = plural
    self.isNamespaced = isNamespaced
  }

  /// The `apiVersion` of its objects, such as "apps/v1".
  public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }
}
