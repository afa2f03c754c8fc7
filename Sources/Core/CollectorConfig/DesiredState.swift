import JSON
import KubeObjects

/// An object as we want it, for server-side apply: it holds exactly the fields that we own.
///
/// Its annotation `odigos.io/applied-hash` is the hash of the rest, so that a field which we no longer want is noticed
/// although the object in the cluster still contains everything that we do want.
public struct DesiredObject: Sendable, Equatable {
  /// The object and its kind.
  public var object: DynamicObject

  /// Stamps an object with its hash.
  public init<Resource: KubeResource>(_ resource: Resource) { self.init(type: Resource.type, json: resource.json) }

  /// Stamps an object with its hash.
  public init(type: ResourceType, json: JSONValue) {
    object = DynamicObject(type: type, json: json)
    object.metadata.annotations[LabelName.appliedHash] = json.contentHash
  }

  /// Its name.
  public var key: ObjectKey {
    ObjectKey(namespace: object.metadata.namespace ?? "", name: object.metadata.name)
  }

  /// Whether it must be applied over what is in the cluster: there is none, it was applied from something else, or
  /// someone changed a field that we own.
  public func differs(from live: JSONValue?) -> Bool {
    guard let live else { return true }
    return !live.contains(object.json)
  }
}

extension JSONValue {
  /// 16 hexadecimal digits that change with the value and not with the order of members (FNV-1a). For noticing
  /// changes, not for security.
  public var contentHash: String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in canonicallySerialized() { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// Whether every member of `other` is here with an equal value; lists must have the same length. What the server
  /// adds as defaults does not count.
  public func contains(_ other: JSONValue) -> Bool {
    switch (self, other) {
    case (.object(let mine), .object(let others)):
      return others.allSatisfy { mine[$0.key]?.contains($0.value) ?? $0.value.isEmptyCollection }
    case (.array(let mine), .array(let others)):
      return mine.count == others.count && zip(mine, others).allSatisfy { $0.contains($1) }
    default: return self == other
    }
  }

  /// An empty list or object, which the server does not store.
  private var isEmptyCollection: Bool {
    switch self {
    case .array(let elements): elements.isEmpty
    case .object(let members): members.isEmpty
    default: false
    }
  }
}

/// Quantities in the form in which the server keeps them, so that what was applied compares equal.
enum Quantity {
  /// Thousandths of a CPU: "150m", "2".
  static func cpu(millicores: Int) -> JSONValue {
    .string(millicores % 1000 == 0 ? "\(millicores / 1000)" : "\(millicores)m")
  }

  /// Memory: "300Mi", "2Gi".
  static func memory(mebibytes: Int) -> JSONValue {
    var value = mebibytes
    var units = ["Mi", "Gi", "Ti", "Pi"][...]
    while value > 0, value % 1024 == 0, units.count > 1 {
      value /= 1024
      units.removeFirst()
    }
    return .string("\(value)\(units.first ?? "Mi")")
  }
}
