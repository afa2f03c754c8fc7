import JSON
import OdigosObjects

/// The rules for Sources that somebody creates or changes.
///
/// Defaults are filled in first, then what came of it is validated. Both must hold without the other: the API server
/// goes on without a webhook that does not answer.
public enum SourceAdmission {
  static let namespaceKind = "Namespace"

  /// What a Source gets that its author left out: the namespace and the right spelling of its workload's kind, the
  /// labels that others look it up by, a data stream. Labels that contradict the spec are corrected.
  ///
  /// No finalizer is added: everything that has to happen when a Source goes is derived from what is left, so that
  /// deletion never waits for us. Those of older generations are taken off.
  ///
  /// - Parameter namespace: where it is stored; the object may not carry it yet.
  public static func defaults(_ source: JSONValue, namespace: String) -> ObjectDefaults {
    var defaults = ObjectDefaults()
    // What is being deleted only waits for others' finalizers.
    guard source.at("metadata", "deletionTimestamp") == nil, let workload = source.at("spec", "workload"),
      workload.object != nil
    else { return defaults }
    let corrected = correct(workload, namespace, &defaults)
    label(source, corrected, &defaults)
    release(source, &defaults)
    return defaults
  }

  private static func correct(
    _ workload: JSONValue, _ namespace: String, _ defaults: inout ObjectDefaults
  ) -> JSONValue {
    let path: JSONPointer = ["spec", "workload"]
    var corrected = workload
    if workload["namespace"] == nil || workload["namespace"] == .null || workload["namespace"] == "" {
      corrected["namespace"] = .string(namespace)
      defaults.patch.operations.append(.add(path.appending("namespace"), .string(namespace)))
    }
    if let kind = workload["kind"]?.string, let known = canonicalKind(kind), known != kind {
      corrected["kind"] = .string(known)
      defaults.patch.operations.append(.replace(path.appending("kind"), .string(known)))
    }
    return corrected
  }

  private static func label(_ source: JSONValue, _ workload: JSONValue, _ defaults: inout ObjectDefaults) {
    let present = source.at("metadata", "labels")
    // Labels of another shape are refused by the API server itself.
    guard present == nil || present == .null || present?.object != nil else { return }
    var labels = present?.object ?? [:]
    for (key, wanted) in SourceLabels.wanted(workload, isExpression: isExpression(source)) {
      let found = labels[key]
      guard found != wanted.map({ .string($0) }) else { continue }
      if let found { defaults.warnings.append("label \(key) was \(found.shown); it follows spec.workload") }
      labels[key] = wanted.map { .string($0) }
    }
    if !labels.contains(where: { $0.key.hasPrefix(OdigosLabel.dataStreamPrefix) }) {
      labels[OdigosLabel.dataStreamPrefix + SelectionVerdict.defaultDataStream] = "true"
    }
    guard labels != present?.object ?? [:] else { return }
    defaults.patch.operations.append(.add(["metadata", "labels"], .object(labels)))
  }

  private static func release(_ source: JSONValue, _ defaults: inout ObjectDefaults) {
    guard let finalizers = source.at("metadata", "finalizers")?.array else { return }
    let others = finalizers.filter { $0.string?.hasPrefix(OdigosFinalizer.sourcePrefix) != true }
    guard others.count < finalizers.count else { return }
    defaults.patch.operations.append(.replace(["metadata", "finalizers"], .array(others)))
  }

  static func isExpression(_ source: JSONValue) -> Bool {
    source.at("spec", "matchWorkloadNameAsRegex")?.bool ?? false
  }

  /// The kind in its own spelling; nil for kinds that are none of workloads.
  static func canonicalKind(_ text: String) -> String? {
    text.lowercased() == namespaceKind.lowercased() ? namespaceKind : WorkloadKind(named: text)?.rawValue
  }
}

/// The labels that a Source carries because of its spec.
public enum SourceLabels {
  /// Each label with its value; nil for one that must not be there. A name that cannot be the value of a label, for
  /// its length or because it is an expression, has none.
  ///
  /// - Parameters:
  ///   - workload: `spec.workload`.
  ///   - isExpression: whether its name is one.
  public static func wanted(_ workload: JSONValue, isExpression: Bool) -> [(key: String, value: String?)] {
    let name = workload["name"]?.string ?? ""
    return [
      (OdigosLabel.workloadName, isExpression || !isValue(name) ? nil : name),
      (OdigosLabel.workloadNamespace, workload["namespace"]?.string.flatMap { isValue($0) ? $0 : nil }),
      (OdigosLabel.workloadKind, workload["kind"]?.string.flatMap { isValue($0) ? $0 : nil }),
    ]
  }

  /// Whether a text can be the value of a label: at most 63 letters, digits, dashes, underscores and dots, the first
  /// and the last a letter or digit.
  static func isValue(_ text: String) -> Bool {
    let bytes = text.utf8
    guard let first = bytes.first, let last = bytes.last, bytes.count <= 63 else { return false }
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
        || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }
    return isAlphanumeric(first) && isAlphanumeric(last)
      && bytes.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
  }
}
