import KubeObjects

/// What an informer lists and watches, for those who compare it with what its process may do.
public struct InformerScope: Sendable, Hashable {
  /// The kind.
  public var type: ResourceType
  /// The one namespace, nil for all.
  public var namespace: String?
  /// Which objects, such as `metadata.name=x`; nil for all.
  public var fieldSelector: String?
}

/// An informer of whatever kind.
public protocol InformerScoped: Sendable {
  /// What it lists and watches.
  var scope: InformerScope { get }
}
