import JSON

/// A typed view of a Kubernetes object over its JSON: fields that we do not know survive reading and writing.
public protocol KubeResource: Sendable, Equatable {
  /// The kind that the view is of.
  static var type: ResourceType { get }
  /// The whole object.
  var json: JSONValue { get set }
  /// Views an object.
  init(json: JSONValue)
}

extension KubeResource {
  /// A new object with `apiVersion`, `kind` and its names.
  public init(name: String, namespace: String? = nil) {
    self.init(json: [
      "apiVersion": .string(Self.type.apiVersion), "kind": .string(Self.type.kind), "metadata": [:],
    ])
    metadata.name = name
    metadata.namespace = namespace
  }

  /// The object's metadata.
  public var metadata: ObjectMeta {
    get { ObjectMeta(json: json["metadata"] ?? [:]) }
    set { json["metadata"] = newValue.json }
  }
  /// `metadata.name`, "" when there is none.
  public var name: String { metadata.name }
  /// `metadata.namespace`.
  public var namespace: String? { metadata.namespace }
  /// `namespace/name`, or the name alone.
  public var key: ObjectKey { ObjectKey(namespace: namespace ?? "", name: name) }
}

/// The name of an object in its kind.
public struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The namespace, "" for kinds without namespaces.
  public var namespace: String
  /// The name.
  public var name: String
  /// Makes a key.
  public init(namespace: String = "", name: String) {
    self.namespace = namespace
    self.name = name
  }
  /// `namespace/name`, or the name alone.
  public var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }
  /// Orders by namespace, then name.
  public static func < (left: ObjectKey, right: ObjectKey) -> Bool {
    (left.namespace, left.name) < (right.namespace, right.name)
  }
}

/// `metadata` of an object (metav1.ObjectMeta).
public struct ObjectMeta: Sendable, Equatable {
  /// The metadata object.
  public var json: JSONValue
  /// Views metadata.
  public init(json: JSONValue) { self.json = json }

  /// The name.
  public var name: String {
    get { json["name"]?.string ?? "" }
    set { json["name"] = .string(newValue) }
  }
  /// The namespace.
  public var namespace: String? {
    get { json["namespace"]?.string }
    set { json["namespace"] = newValue.map { .string($0) } }
  }
  /// The unique id that the server gave.
  public var uid: String? { json["uid"]?.string }
  /// The version of the object in the server's store.
  public var resourceVersion: String? { json["resourceVersion"]?.string }
  /// Counts changes of the spec.
  public var generation: Int? { json["generation"]?.int }
  /// When it was made (RFC 3339).
  public var creationTimestamp: String? { json["creationTimestamp"]?.string }
  /// When deletion was asked for (RFC 3339); such an object only waits for its finalizers.
  public var deletionTimestamp: String? { json["deletionTimestamp"]?.string }
  /// The labels.
  public var labels: [String: String] {
    get { Self.strings(json["labels"]) }
    set { json["labels"] = Self.object(newValue) }
  }
  /// The annotations.
  public var annotations: [String: String] {
    get { Self.strings(json["annotations"]) }
    set { json["annotations"] = Self.object(newValue) }
  }
  /// The finalizers.
  public var finalizers: [String] {
    get { json["finalizers"]?.array?.compactMap(\.string) ?? [] }
    set { json["finalizers"] = .array(newValue.map { .string($0) }) }
  }
  /// The owners.
  public var ownerReferences: [OwnerReference] {
    get { json["ownerReferences"]?.array?.map(OwnerReference.init(json:)) ?? [] }
    set { json["ownerReferences"] = .array(newValue.map(\.json)) }
  }

  private static func strings(_ value: JSONValue?) -> [String: String] {
    var result: [String: String] = [:]
    for (key, value) in value?.object ?? [:] { if let text = value.string { result[key] = text } }
    return result
  }
  private static func object(_ strings: [String: String]) -> JSONValue {
    var object = JSONObject()
    for (key, value) in strings.sorted(by: { $0.key < $1.key }) { object[key] = .string(value) }
    return .object(object)
  }
}

/// A reference from an object to its owner (metav1.OwnerReference).
public struct OwnerReference: Sendable, Equatable {
  /// The reference.
  public var json: JSONValue
  /// Views a reference.
  public init(json: JSONValue) { self.json = json }
  /// A reference to that object; `controller` marks the one owner that manages the object.
  public init<Owner: KubeResource>(to owner: Owner, controller: Bool = true) {
    json = [
      "apiVersion": .string(Owner.type.apiVersion), "kind": .string(Owner.type.kind), "name": .string(owner.name),
      "uid": .string(owner.metadata.uid ?? ""), "controller": .bool(controller),
      "blockOwnerDeletion": false,
    ]
  }
  /// The owner's `apiVersion`.
  public var apiVersion: String { json["apiVersion"]?.string ?? "" }
  /// The owner's kind.
  public var kind: String { json["kind"]?.string ?? "" }
  /// The owner's name.
  public var name: String { json["name"]?.string ?? "" }
  /// The owner's unique id.
  public var uid: String { json["uid"]?.string ?? "" }
  /// Whether the owner manages the object.
  public var isController: Bool { json["controller"]?.bool ?? false }
}
