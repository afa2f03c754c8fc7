import JSON
import KubeClient
import KubeObjects
import Policy

/// The system's namespace, and whose it is: one that the installer did not make is never deleted.
struct SystemNamespace {
  /// The note on a namespace that the installer has made, with its value. Earlier versions left none.
  static let maker = (annotation: "odigos.io/created-by", value: Installer.fieldManager)
  /// The note of the labels that somebody else's namespace had where ours stand now, as JSON.
  static let formerLabels = "odigos.io/labels-before"

  var client: KubeClient
  var name: String

  private var key: ObjectKey { ObjectKey(name: name) }

  /// Makes the namespace where there is none.
  ///
  /// - Parameter manifest: as the installer has it.
  /// - Returns: what is to be applied: the manifest, and the notes that the namespace has to keep.
  func prepared(_ manifest: DynamicObject) async throws -> DynamicObject {
    var object = manifest
    if try await client.get(Namespace.self, key) == nil {
      object.json.set(["metadata", "annotations", Self.maker.annotation], .string(Self.maker.value))
      do throws(KubeError) {
        // Not by an apply: that succeeds on a namespace which somebody has made meanwhile, too.
        _ = try await client.create(Namespace.type, object.json)
        return object
      } catch {
        guard error.status == 409 else { throw error }
        object = manifest
      }
    }
    guard let existing = try await client.get(Namespace.self, key) else { return object }
    let annotations = existing.metadata.annotations
    if isMade(existing) {
      object.json.set(["metadata", "annotations", Self.maker.annotation], .string(Self.maker.value))
    } else if let former = annotations[Self.formerLabels] ?? Self.former(existing, manifest) {
      object.json.set(["metadata", "annotations", Self.formerLabels], .string(former))
    }
    return object
  }

  /// Whether the installer has made it.
  func isMade(_ namespace: Namespace) -> Bool {
    namespace.metadata.annotations[Self.maker.annotation] == Self.maker.value
  }

  /// The labels that the manifest is about to overwrite; nil for none.
  private static func former(_ existing: Namespace, _ manifest: DynamicObject) -> String? {
    let replaced = existing.metadata.labels.filter { label in
      manifest.metadata.labels[label.key].map { $0 != label.value } ?? false
    }
    if replaced.isEmpty { return nil }
    let object = JSONValue.object(replaced.reduce(into: JSONObject()) { $0[$1.key] = .string($1.value) })
    return String(decoding: object.canonicallySerialized(), as: UTF8.self)
  }

  // MARK: At its end

  /// Why it must stay, as a sentence; nil where it may be deleted, or is gone already.
  func reasonToStay() async throws -> String? {
    guard let namespace = try await client.get(Namespace.self, key) else { return nil }
    guard isMade(namespace) else {
      return "it was there before Odigos, or an earlier version made it, which did not note that"
    }
    let others = try await strangers()
    if others.isEmpty { return nil }
    let more = others.count > 5 ? " and \(others.count - 5) more" : ""
    return "it holds what is not ours: \(others.prefix(5).joined(separator: ", "))\(more)"
  }

  /// What runs or is stored in it and does not come from us.
  private func strangers() async throws -> [String] {
    var names: [String] = []
    for type in ResourceType.workloads + [Pod.type, .persistentVolumeClaim] {
      for object in try await client.listed(type, name, ListOptions())
      where object.metadata.labels[OdigosLabel.systemObject] == nil && object.metadata.ownerReferences.isEmpty
        && object.metadata.deletionTimestamp == nil
      {
        names.append("\(type.kind) \(object.metadata.name)")
      }
    }
    return names
  }

  /// Deletes what is ours in it and takes our labels and notes off, for a namespace that stays.
  func release() async throws {
    let ours = ListOptions(labelSelector: "\(OdigosLabel.systemObject)=true")
    for type in ResourceType.inNamespace {
      for object in try await client.listed(type, name, ours) { try await client.delete(type, object.key) }
    }
    for lease in ["odigos-instrumentor", "odigos-scheduler", "odigos-autoscaler"] {
      try await client.delete(Lease.type, ObjectKey(namespace: name, name: lease))
    }
    guard let namespace = try await client.get(Namespace.self, key) else { return }
    // What we have applied and do not apply any more goes, unless somebody else has said the same.
    let nothing: JSONValue = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)]]
    _ = try await client.patch(
      Namespace.type, key, .apply, nothing, fieldManager: Installer.fieldManager, force: true)
    var labels: JSONValue = [OdigosLabel.systemObject: .null]
    let former = namespace.metadata.annotations[Self.formerLabels].flatMap { try? JSONValue(parsing: Array($0.utf8)) }
    for (label, value) in former?.object ?? [:] { labels[label] = value }
    _ = try await client.patch(
      Namespace.type, key, .merge,
      ["metadata": ["labels": labels, "annotations": [Self.maker.annotation: .null, Self.formerLabels: .null]]])
  }

  /// Deletes it and waits until it is gone: kubelets may take minutes to let go of pods that have ended.
  func delete() async throws {
    try await client.delete(Namespace.type, key)
    let missing = try await wait(for: .seconds(600)) {
      try await client.get(Namespace.self, key) == nil ? nil : "namespace \(name) is still being deleted"
    }
    if let missing {
      throw CommandFailure(missing, next: "kubectl get namespace \(name) -o yaml tells what holds it")
    }
  }
}
