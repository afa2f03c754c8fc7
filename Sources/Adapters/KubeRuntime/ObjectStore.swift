import KubeObjects

/// The objects of one kind by name, and what differs when they are replaced.
struct ObjectStore<Resource: KubeResource>: Sendable {
  /// An object before and after; nil for none.
  typealias Change = (old: Resource?, new: Resource?)

  private(set) var objects: [ObjectKey: Resource] = [:]

  /// Makes `objects` the content: changes for what is gone, new or of another version, ordered by key.
  mutating func replace(_ objects: [ObjectKey: Resource]) -> [Change] {
    let before = self.objects
    self.objects = objects
    let keys = Set(before.keys).union(objects.keys).sorted()
    return keys.compactMap { key in
      let (old, new) = (before[key], objects[key])
      if let old, let new, Self.isSame(old, new) { return nil }
      return (old, new)
    }
  }

  /// Adds or replaces an object; nil when that version is there already.
  mutating func set(_ key: ObjectKey, _ object: Resource) -> Change? {
    let old = objects.updateValue(object, forKey: key)
    if let old, Self.isSame(old, object) { return nil }
    return (old, object)
  }

  /// Removes an object; nil when it is not there.
  mutating func remove(_ key: ObjectKey) -> Change? { objects.removeValue(forKey: key).map { ($0, nil) } }

  private static func isSame(_ old: Resource, _ new: Resource) -> Bool {
    if let version = old.metadata.resourceVersion { return version == new.metadata.resourceVersion }
    return old == new
  }
}
