import JSON

/// Variables that come from ConfigMaps and Secrets as a whole (`envFrom`).
///
/// An entry of `env` hides them, and a reference to a variable that is not there stays as it is written, which breaks
/// programs. So each source is asked for the one key, and may lack it; an entry before gives the value for that case.
struct EnvironmentSources {
  private let sources: JSONView

  /// Nil where the container has none.
  init?(_ container: JSONView) {
    guard let sources = container["envFrom"], sources.kind == .array else { return nil }
    self.sources = sources
  }

  /// One of them that may have a variable.
  private struct Source {
    var kind: StaticString
    var object: JSONView
    var prefix: String
  }

  /// Visits those that may have `variable`; false where one is of a kind that is not known.
  private func forEach(_ variable: String, _ body: (Source) -> Void) -> Bool {
    for source in sources.elements {
      let prefix = source["prefix"]?.string ?? ""
      guard prefix.isEmpty || (variable.hasPrefix(prefix) && variable.utf8.count > prefix.utf8.count) else { continue }
      guard let (kind, reference) = Self.kind(of: source), let object = reference["name"], object.kind == .string else {
        return false
      }
      body(Source(kind: kind, object: object, prefix: prefix))
    }
    return true
  }

  /// Whether all that may have the variable are of kinds that are known.
  func areKnown(for variable: String) -> Bool { forEach(variable) { _ in } }

  /// The entries that give a variable `name` the value that the container's sources have for `variable`: the last one
  /// that has it counts, as in `envFrom`. Nil where there is a source of a kind that is not known.
  func entries(_ variable: String, as name: String) -> [[UInt8]]? {
    var result: [[UInt8]] = []
    let isKnown = forEach(variable) { source in
      var entry: [UInt8] = []
      entry.reserveCapacity(256)
      entry.append(contentsOf: #"{"name":"#.utf8)
      JSONValue.append(string: name, to: &entry)
      entry.append(contentsOf: #","valueFrom":{""#.utf8)
      source.kind.withUTF8Buffer { entry.append(contentsOf: $0) }
      entry.append(contentsOf: #"":{"name":"#.utf8)
      // As it stands in the pod.
      entry.append(contentsOf: source.object.rawBytes)
      entry.append(contentsOf: #","key":"#.utf8)
      JSONValue.append(string: String(variable.dropFirst(source.prefix.count)), to: &entry)
      entry.append(contentsOf: #","optional":true}}}"#.utf8)
      result.append(entry)
    }
    return isKnown ? result : nil
  }

  private static func kind(of source: JSONView) -> (StaticString, JSONView)? {
    if let reference = source["configMapRef"], reference.kind == .object { return ("configMapKeyRef", reference) }
    if let reference = source["secretRef"], reference.kind == .object { return ("secretKeyRef", reference) }
    return nil
  }

  /// Whether a source of one variable (`valueFrom`) may be missing.
  static func isOptional(_ source: JSONView) -> Bool {
    source.members.contains { $0.value["optional"]?.bool == true }
  }
}
