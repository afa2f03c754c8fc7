import Foundation
import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy

/// Takes everything away again, step by step. Every step is safe to repeat and copes with what is gone already.
struct Uninstaller {
  var client: KubeClient
  var namespace: String
  var progress = Progress()

  private let ours = ListOptions(labelSelector: "\(OdigosLabel.systemObject)=true")

  /// First, so that pods made from now on start without agents.
  func removeWebhooks() async throws {
    for type in [MutatingWebhookConfiguration.type, ValidatingWebhookConfiguration.type] {
      for object in try await client.listed(type, nil, ours) { try await client.delete(type, object.key) }
    }
  }

  /// Deletes Sources and takes the opt-in label off namespaces and workloads; the instrumentor does the rest.
  func optOutEverything() async throws {
    for source in try await client.listed(Source.type, nil) { try await client.delete(Source.type, source.key) }
    let unlabel: JSONValue = ["metadata": ["labels": [OdigosLabel.instrumentation: .null]]]
    for type in [Namespace.type] + ResourceType.workloads {
      for object in try await client.listed(type, nil, ListOptions(labelSelector: OdigosLabel.instrumentation)) {
        _ = try await client.patch(type, object.key, .merge, unlabel, fieldManager: Installer.fieldManager)
      }
    }
  }

  /// Waits until no InstrumentationConfig and no instrumented pod is left. When the instrumentor cannot do it, or
  /// nobody is to wait, the finalizers go and the pods that are still instrumented are named.
  ///
  /// - Parameter timeout: nil for not to wait.
  func waitForRollback(_ timeout: Duration?) async throws {
    let instrumentor = try? await client.get(
      Deployment.self, ObjectKey(namespace: namespace, name: "odigos-instrumentor"))
    let works = (instrumentor?.json.at("status", "readyReplicas")?.int ?? 0) > 0
    let restartsAreLeftToUsers = await restartsAreLeftToUsers()
    var pods = try await instrumentedPods(restartsAreLeftToUsers)
    if works, timeout != nil, let left = pods.leftToUsers { progress.note(left) }
    let missing = try await wait(for: works ? timeout ?? .zero : .seconds(1)) {
      pods = try await instrumentedPods(restartsAreLeftToUsers)
      if !pods.isEmpty { return pods.text }
      let configs = try await client.listed(InstrumentationConfig.type, nil)
      return configs.isEmpty ? nil : "\(configs.count) workloads are still marked"
    }
    guard let missing else { return }
    if works, timeout != nil {
      throw CommandFailure(
        missing,
        next: "do that and run `odigos uninstall` again, or `odigos uninstall --no-wait` to go on without them")
    }
    let cause = works ? "not waited for" : "the instrumentor does not run; restart these workloads yourself"
    progress.note("\(cause): \(missing)")
    for type in [InstrumentationConfig.type, Source.type] {
      for object in try await client.listed(type, nil) {
        _ = try? await client.patch(type, object.key, .merge, ["metadata": ["finalizers": .null]])
        try await client.delete(type, object.key)
      }
    }
  }

  /// Whether the configuration keeps the instrumentor from restarting anything.
  private func restartsAreLeftToUsers() async -> Bool {
    let store = ConfigurationStore(client: client, namespace: namespace)
    guard let settings = try? await store.read() else { return false }
    return OdigosConfiguration.parse(settings).configuration.rollout.automaticRolloutDisabled
  }

  /// Deletes what is labelled as ours, in the namespace and in the cluster.
  func removeComponents() async throws {
    for type in [Deployment.type, DaemonSet.type, Service.type] {
      for object in try await client.listed(type, namespace, ours) { try await client.delete(type, object.key) }
    }
    for type in [ResourceType.admissionPolicyBinding, .admissionPolicy, .clusterRoleBinding, .clusterRole] {
      for object in try await client.listed(type, nil, ours) { try await client.delete(type, object.key) }
    }
  }

  /// Takes the instrumentor's notes off workloads, once it is gone: a rollout may outlive it that it would have waited
  /// for, to forget what it was for.
  func removeNotes() async throws {
    for type in ResourceType.workloads {
      for object in try await client.listed(type, nil) {
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
    let definitions = try await client.listed(CustomResourceDefinition.type, nil, ours)
    for type in [Source.type, InstrumentationConfig.type] {
      for object in try await client.listed(type, nil) where !object.metadata.finalizers.isEmpty {
        _ = try? await client.patch(type, object.key, .merge, ["metadata": ["finalizers": .null]])
      }
    }
    for definition in definitions { try await client.delete(CustomResourceDefinition.type, definition.key) }
    let missing = try await wait(for: .seconds(60)) {
      let left = try await client.listed(CustomResourceDefinition.type, nil, ours)
      return left.isEmpty ? nil : "\(left.count) CRDs are still being deleted, such as \(left[0].metadata.name)"
    }
    if let missing { throw CommandFailure(missing, next: "run `odigos uninstall` again in a minute") }
  }

  /// The namespace itself.
  var systemNamespace: SystemNamespace { SystemNamespace(client: client, name: namespace) }

  /// Stops the node agents; first of what concerns nodes, or they put back what is removed.
  func stopNodeAgents() async throws -> NodeCleanup.Nodes { try await nodeCleanup.stopAgents() }

  /// Removes the agent files from nodes, and what we have written on the nodes; answers which nodes keep files.
  func cleanNodes(_ nodes: NodeCleanup.Nodes) async throws -> [NodeCleanup.Leftover] {
    try await nodeCleanup.clean(nodes)
  }

  private var nodeCleanup: NodeCleanup { NodeCleanup(client: client, namespace: namespace, progress: progress) }

  private func instrumentedPods(_ restartsAreLeftToUsers: Bool) async throws -> InstrumentedPods {
    let pods = try await client.listed(Pod.type, nil, ListOptions(labelSelector: OdigosLabel.agentsMetaHash))
    return InstrumentedPods(pods.map { Pod(json: $0.json) }, restartsAreLeftToUsers: restartsAreLeftToUsers)
  }
}

extension KubeClient {
  /// Objects of a kind; none when the cluster does not serve the kind.
  func listed(
    _ type: ResourceType, _ namespace: String?, _ options: ListOptions = ListOptions()
  ) async throws(KubeError) -> [DynamicObject] {
    do throws(KubeError) {
      return try await list(type, namespace: namespace, options).items.map { DynamicObject(type: type, json: $0) }
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
