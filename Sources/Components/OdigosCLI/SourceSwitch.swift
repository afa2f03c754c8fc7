import JSON
import KubeClient
import KubeObjects
import OdigosObjects

/// Opts one workload or namespace in or out.
struct SourceSwitch {
  var subject: SourceSubject
  /// Only say what would be done.
  var dryRun: Bool

  /// Makes the Source, or flips the one that is there.
  func set(disabled: Bool, _ client: KubeClient) async throws {
    let (type, key) = subject.object
    do { _ = try await client.get(type, key) } catch {
      guard let failure = error as KubeError?, failure.isNotFound else { throw error }
      throw CommandFailure("there is no \(subject.kind) \(key)", next: "check --namespace and the name")
    }
    let title = "\(subject.kind) \(subject.name)"
    let verb = disabled ? "disabled" : "enabled"
    let existing = try await client.list(Source.self, namespace: subject.namespace).first {
      $0.spec.workload == WorkloadIdentity(json: subject.json)
    }
    if let existing, (existing.spec.disableInstrumentation ?? false) == disabled {
      print("\(title) is \(verb) already (Source \(existing.key))")
      return
    }
    if dryRun {
      print("would have \(title) \(verb) (\(existing.map { "Source \($0.key)" } ?? "a new Source"))")
      return
    }
    if let existing {
      let patch: JSONValue = ["spec": ["disableInstrumentation": .bool(disabled)]]
      _ = try await client.patch(Source.type, existing.key, .merge, patch, fieldManager: Installer.fieldManager)
    } else {
      var source = subject.source()
      source.json.set(["spec", "disableInstrumentation"], .bool(disabled))
      _ = try await client.create(Source.type, source.json)
    }
    print("\u{2714} \(title) is \(verb)")
  }
}
