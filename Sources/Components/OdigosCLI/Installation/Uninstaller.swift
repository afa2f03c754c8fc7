import Foundation
import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy

/// Takes everything away again, step by step. Every step is safe to repeat and copes with what is gone already.
struct Uninstaller {
  /// The kinds of workloads that carry labels of users; not every cluster has all of them.
  private static let workloads = [
    Deployment.type, StatefulSet.type, DaemonSet.type, CronJob.type, CronJobBeta.type, Job.type, ArgoRollout.type,
    DeploymentConfig.type,
  ]

  var client: KubeClient
  var namespace: String
  var progress = Progress()

  private let ours = ListOptions(labelSelector: "\(OdigosLabel.systemObject)=true")

  /// First, so that pods made from now on start without agents.
  func removeWebhooks() async throws {
    for type in [MutatingWebhookConfiguration.type, ValidatingWebhookConfiguration.type] {
      for object in try await listed(type, nil, ours) { try await client.delete(type, object.key) }
    }
  }

  /// Deletes Sources and takes the opt-in label off namespaces and workloads; the instrumentor does the rest.
  func optOutEverything() async throws {
    for source in try await listed(Source.type, nil) { try await client.delete(Source.type, source.key) }
    let unlabel: JSONValue = ["metadata": ["labels": [OdigosLabel.instrumentation: .null]]]
    for type in [Namespace.type] + Self.workloads {
      for object in try await listed(type, nil, ListOptions(labelSelector: OdigosLabel.instrumentation)) {
        _ = try await client.patch(type, object.key, .merge, unlabel, fieldManager: Installer.fieldManager)
      }
    }
  }

  /// Waits until no InstrumentationConfig and no instrumented pod is left. When the instrumentor cannot do it,
  /// the finalizers go and the pods that are still instrumented are named.
  func waitForRollback(_ timeout: Duration) async throws {
    let instrumentor = try? await client.get(
      Deployment.self, ObjectKey(namespace: namespace, name: "odigos-instrumentor"))
    let works = (instrumentor?.json.at("status", "readyReplicas")?.int ?? 0) > 0
    let missing = try await wait(for: works ? timeout : .seconds(1)) {
      let configs = try await listed(InstrumentationConfig.type, nil)
      if !configs.isEmpty { return "\(configs.count) workloads are still marked" }
      let pods = try await instrumentedPods()
      return pods.isEmpty
        ? nil : "\(pods.count) pods still run with an agent: \(pods.prefix(5).joined(separator: ", "))"
    }
    guard let missing else { return }
    if works {
      throw CommandFailure(
        missing, next: "see `kubectl get pods -A -l \(OdigosLabel.agentsMetaHash)`, then run `odigos uninstall` again")
    }
    progress.note("the instrumentor does not run; restart these workloads yourself: \(missing)")
    for type in [InstrumentationConfig.type, Source.type] {
      for object in try await listed(type, nil) {
        _ = try? await client.patch(type, object.key, .merge, ["metadata": ["finalizers": .null]])
        try await client.delete(type, object.key)
      }
    }
  }

  /// Deletes what is labelled as ours, in the namespace and in the cluster.
  func removeComponents() async throws {
    for type in [Deployment.type, DaemonSet.type, Service.type] {
      for object in try await listed(type, namespace, ours) { try await client.delete(type, object.key) }
    }
    for type in [ResourceType.admissionPolicyBinding, .admissionPolicy, .clusterRoleBinding, .clusterRole] {
      for object in try await listed(type, nil, ours) { try await client.delete(type, object.key) }
    }
  }

  /// Takes the instrumentor's notes off workloads, once it is gone: a rollout may outlive it that it would have waited
  /// for, to forget what it was for.
  func removeNotes() async throws {
    for type in Self.workloads {
      for object in try await listed(type, nil) {
        let notes = InstrumentorAnnotation.notes.filter { object.metadata.annotations[$0] != nil }
        guard !notes.isEmpty else { continue }
        let forgotten = JSONValue.object(notes.reduce(into: JSONObject()) { $0[$1] = .null })
        do {
          _ = try await client.patch(
            type, object.key, .merge, ["metadata": ["annotations": forgotten]], fieldManager: Installer.fieldManager)
        } catch {
          if !error.isNotFound { throw error }
        }
      }
    }
  }

  /// Deletes the CRDs and with them every object of their kinds; finalizers that nobody serves any more go first.
  func removeDefinitions() async throws {
    let definitions = try await listed(CustomResourceDefinition.type, nil, ours)
    for type in [Source.type, InstrumentationConfig.type] {
      for object in try await listed(type, nil) where !object.metadata.finalizers.isEmpty {
        _ = try? await client.patch(type, object.key, .merge, ["metadata": ["finalizers": .null]])
      }
    }
    for definition in definitions { try await client.delete(CustomResourceDefinition.type, definition.key) }
    let missing = try await wait(for: .seconds(60)) {
      let left = try await listed(CustomResourceDefinition.type, nil, ours)
      return left.isEmpty ? nil : "\(left.count) CRDs are still being deleted, such as \(left[0].metadata.name)"
    }
    if let missing { throw CommandFailure(missing, next: "run `odigos uninstall` again in a minute") }
  }

  /// Deletes the namespace and waits until it is gone: kubelets may take minutes to let go of pods that have ended.
  func removeNamespace() async throws {
    let key = ObjectKey(name: namespace)
    try await client.delete(Namespace.type, key)
    let missing = try await wait(for: .seconds(600)) {
      try await client.get(Namespace.self, key) == nil ? nil : "namespace \(namespace) is still being deleted"
    }
    if let missing {
      throw CommandFailure(missing, next: "kubectl get namespace \(namespace) -o yaml tells what holds it")
    }
  }

  /// Stops the node agents; first of what concerns nodes, or they put back what is removed.
  func stopNodeAgents() async throws -> NodeCleanup.Nodes { try await nodeCleanup.stopAgents() }

  /// Removes the agent files from nodes, and what we have written on the nodes; answers which nodes keep files.
  func cleanNodes(_ nodes: NodeCleanup.Nodes) async throws -> [NodeCleanup.Leftover] {
    try await nodeCleanup.clean(nodes)
  }

  private var nodeCleanup: NodeCleanup { NodeCleanup(client: client, namespace: namespace, progress: progress) }

  private func instrumentedPods() async throws -> [String] {
    // Pods that are being deleted are on their way out, however long their node takes.
    try await listed(Pod.type, nil, ListOptions(labelSelector: OdigosLabel.agentsMetaHash))
      .filter { $0.metadata.deletionTimestamp == nil }
      .filter { !["Succeeded", "Failed"].contains($0.json.at("status", "phase")?.string ?? "") }
      .map(\.key.description)
  }

  /// Objects of a kind; none when the cluster does not serve the kind.
  private func listed(
    _ type: ResourceType, _ namespace: String?, _ options: ListOptions = ListOptions()
  ) async throws -> [DynamicObject] {
    do {
      return try await client.list(type, namespace: namespace, options).items.map {
        DynamicObject(type: type, json: $0)
      }
    } catch {
      if error.isNotFound { return [] }
      throw error
    }
  }
}

extension DynamicObject {
  /// Its name in its kind.
  var key: ObjectKey { ObjectKey(namespace: metadata.namespace ?? "", name: metadata.name) }
}
