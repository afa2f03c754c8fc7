import KubeClient
import KubeObjects
import OdigosObjects
import Policy

/// What `odigos uninstall` finds in a cluster.
enum Remains: Equatable {
  /// Nothing of Odigos.
  case nothing
  /// A system, installed in that namespace.
  case system(namespace: String)
  /// No system, but what an interrupted run has left. The namespace is the one that the system was in, as far as
  /// anything still says so.
  case leftovers(namespace: String)

  /// Looks for it.
  ///
  /// - Parameter asked: the namespace that the user names; nil for none.
  /// - Throws: when the user names another namespace than that of the system.
  static func find(_ client: KubeClient, asked: String?) async throws -> Remains {
    if let system = try await InstalledSystem.find(client) {
      guard let asked, asked != system.namespace else { return .system(namespace: system.namespace) }
      throw CommandFailure(
        "Odigos is installed in namespace \(system.namespace), not in \(asked)",
        next: "leave --namespace out, or give --namespace \(system.namespace)")
    }
    let ours = ListOptions(labelSelector: "\(OdigosLabel.systemObject)=true")
    let marked = try await client.list(Namespace.self, ours).map(\.name)
    if let namespace = marked.first(where: { asked == nil || $0 == asked }) { return .leftovers(namespace: namespace) }
    var isAnythingLeft = !marked.isEmpty
    for type in ResourceType.ofTheCluster where !isAnythingLeft {
      isAnythingLeft = try await !client.listed(type, nil, ours).isEmpty
    }
    guard isAnythingLeft else { return .nothing }
    // A namespace that is there without our label is somebody else's.
    if let asked, try await client.get(Namespace.self, ObjectKey(name: asked)) != nil {
      throw CommandFailure(
        "nothing of Odigos is in namespace \(asked), though something is left in the cluster",
        next: "leave --namespace out")
    }
    return .leftovers(namespace: asked ?? OdigosName.defaultNamespace)
  }
}
