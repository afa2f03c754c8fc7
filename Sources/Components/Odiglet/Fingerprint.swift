import JSON
import Policy
import ProcessInspection

/// Short texts that differ where something of a container differs, which may hold secrets and is repeated nowhere.
/// FNV-1a: a change is noticed, and nothing depends on that nobody can make two equal.
enum Fingerprint {
  /// Of `command` and `args`.
  static func command(_ container: JSONValue) -> String {
    var hash = FNV1a()
    for name in ["command", "args"] {
      hash.mark(1)
      for text in (container[name]?.array ?? []).compactMap(\.string) { hash.add(text: text) }
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
      hash.add(text: entry["name"]?.string ?? "")
      if let source = entry["valueFrom"], source.object != nil {
        hash.mark(2)
        hash.add(json: source)
      } else {
        hash.add(text: entry["value"]?.string ?? "")
      }
    }
    hash.mark(1)
    for source in sources { hash.add(json: source) }
    return hash.text
  }
}

private struct FNV1a {
  private var hash: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func mark(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }

  mutating func add(text: String) {
    for byte in text.utf8 { mark(byte) }
    mark(0)
  }

  mutating func add(json value: JSONValue) {
    for byte in value.serialized() { mark(byte) }
    mark(0)
  }

  var text: String {
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
