import JSON

/// The variables that a container's process gets, worked out as the kubelet and the container runtime do it: the
/// image's, then those of whole ConfigMaps and Secrets, then the container's own in their order, whose references
/// mean what is defined so far.
public struct KubeletEnvironment: Sendable {
  /// The variables.
  public private(set) var values: [String: String] = [:]
  /// What references can mean.
  private var defined: [String: String] = [:]

  /// Works the variables out.
  public init(container: JSONValue, image: [String: String], objects: ClusterObjects) {
    for source in container["envFrom"]?.array ?? [] {
      let prefix = source["prefix"]?.string ?? ""
      for (kind, key) in [("ConfigMap", "configMapRef"), ("Secret", "secretRef")] {
        guard let name = source.at(key, "name")?.string else { continue }
        for (name, value) in objects.content(kind, name) ?? [:] { defined[prefix + name] = value }
      }
    }
    for entry in container["env"]?.array ?? [] {
      guard let name = entry["name"]?.string else { continue }
      if let text = entry["value"]?.string, !text.isEmpty {
        defined[name] = expanded(text)
      } else if let source = entry["valueFrom"] {
        if let value = Self.value(of: source, objects) { defined[name] = value }
      } else {
        defined[name] = ""
      }
    }
    values = image.merging(defined) { $1 }
  }

  /// Nil where the source is optional and gives nothing, which leaves the variable as it is.
  private static func value(of source: JSONValue, _ objects: ClusterObjects) -> String? {
    for (kind, key) in [("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef"), ("File", "fileKeyRef")] {
      guard let reference = source[key], let member = reference["key"]?.string else { continue }
      let name = (reference["name"] ?? reference["volumeName"])?.string ?? ""
      if let value = objects.content(kind, name)?[member] { return value }
      return reference["optional"]?.bool == true ? nil : "value of \(name)/\(member)"
    }
    return "field " + String(decoding: source.canonicallySerialized(), as: UTF8.self).filter { $0 != "$" }
  }

  /// Replaces references to what is defined; others stay as they are written, and `$$` stands for `$`.
  private func expanded(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[dollar...].dropFirst()
      switch rest.first {
      case "$":
        result += "$"
        rest = rest.dropFirst()
      case "(":
        guard let end = rest.firstIndex(of: ")") else {
          result += "$("
          rest = rest.dropFirst()
          continue
        }
        let name = String(rest[..<end].dropFirst())
        result += defined[name] ?? "$(\(name))"
        rest = rest[end...].dropFirst()
      default: result += "$"
      }
    }
    return result + rest
  }
}

/// The ConfigMaps, Secrets and files that pods refer to.
public struct ClusterObjects: Sendable {
  private var objects: [String: [String: String]] = [:]

  /// None.
  public init() {}

  /// The content of an object; nil where there is none.
  public func content(_ kind: String, _ name: String) -> [String: String]? { objects["\(kind)/\(name)"] }

  /// Adds an object.
  public mutating func add(_ kind: String, _ name: String, _ content: [String: String]) {
    objects["\(kind)/\(name)"] = content
  }
}
