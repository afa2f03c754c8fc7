import JSON

/// Which objects a list or a watch is about.
public struct ListOptions: Sendable, Equatable {
  /// As `kubectl -l`.
  public var labelSelector: String?
  /// As `--field-selector`.
  public var fieldSelector: String?
  /// Objects a page; 0 asks for all at once.
  public var limit = 500
  /// Whether objects come without anything but their metadata, as `PartialObjectMetadata`: a tenth of the bytes of
  /// large kinds.
  public var isMetadataOnly = false
  /// Makes options.
  public init(labelSelector: String? = nil, fieldSelector: String? = nil) {
    self.labelSelector = labelSelector
    self.fieldSelector = fieldSelector
  }
}

/// How `patch` changes an object.
public enum PatchType: String, Sendable {
  case merge = "application/merge-patch+json"
  case json = "application/json-patch+json"
  case strategicMerge = "application/strategic-merge-patch+json"
  case apply = "application/apply-patch+yaml"
}

/// A part of an object that is served by itself.
public enum Subresource: String, Sendable { case status, scale, token, eviction }

/// What deletion does with dependents.
public enum DeletionPropagation: String, Sendable {
  case background = "Background"
  case foreground = "Foreground"
  case orphan = "Orphan"
}

/// One page after the other, joined.
public struct KubeList: Sendable {
  /// The objects, each with its `apiVersion` and `kind`.
  public var items: [JSONValue]
  /// From where a watch goes on.
  public var resourceVersion: String
}

/// One page of a list.
public struct KubePage<Element: Sendable>: Sendable {
  /// What was made of the objects.
  public var items: [Element]
  /// From where a watch goes on; the same on all pages of one list.
  public var resourceVersion: String
  /// Asks for the next page; nil on the last one.
  public var continueToken: String?
}

/// What a watch tells.
public enum WatchEvent: Sendable, Equatable {
  case added(JSONValue)
  case modified(JSONValue)
  case deleted(JSONValue)
  /// Nothing changed up to this version.
  case bookmark(resourceVersion: String)
  /// The server ended the watch (410 Gone means: list anew).
  case error(KubeError)
}
