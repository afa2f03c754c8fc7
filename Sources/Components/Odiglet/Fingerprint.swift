import JSON
import Policy
import ProcessInspection

/// Short texts that differ where something of a container differs, which may hold secrets and is repeated nowhere.
enum Fingerprint {
  /// Of `command` and `args`.
  static func command(_ container: JSONValue) -> String {
    var hash = FNV1a()
    for name in ["command", "args"] {
      hash.add(UInt64(1))
      for text in (container[name]?.array ?? []).compactMap(\.string) { hash.add(text) }
    }
    return hash.text
  }

  /// Of the variables that detection looks at, as they were before ours were added, and of the sources that all
  /// variables come from. A variable's value is also where it comes from. Having none has a fingerprint, too: taking the
  /// last one away is a change.
  static func environment(_ container: JSONValue) -> String {
    let entries = EnvironmentRemoval.remove(from: container["env"]?.array ?? []).filter { entry in
      entry["name"]?.string.map(ObservedVariables.names.contains) ?? false
    }
    let sources = container["envFrom"]?.array ?? []
    var hash = FNV1a()
    for entry in entries {
      hash.add(entry["name"]?.string ?? "")
      if let source = entry["valueFrom"], source.object != nil {
        hash.add(UInt64(2))
        source.serialized().withUnsafeBytes { hash.add($0) }
      } else {
        hash.add(entry["value"]?.string ?? "")
      }
    }
    hash.add(UInt64(1))
    for source in sources { source.serialized().withUnsafeBytes { hash.add($0) } }
    return hash.text
  }
}
