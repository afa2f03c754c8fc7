import ArgumentParser
import KubeClient
import KubeObjects
import Policy

/// What a Source is about.
struct SourceTarget: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "One of \(KindArgument.names), namespace, or cluster (every namespace that ignoredNamespaces does not name)."))
  var kind: String

  @Argument(help: "Its name; none for the cluster.")
  var name: String?

  @Option(name: .shortAndLong, help: "Its namespace.")
  var namespace = "default"

  @Flag(help: "Only say what would be done.")
  var dryRun = false

  /// Makes the Sources, or flips those that are there.
  func set(disabled: Bool, _ client: KubeClient) async throws {
    let system = try await InstalledSystem.require(client)
    if kind.lowercased() == "cluster", name == nil {
      var attempts = Attempts()
      for namespace in try await namespaces(client, system) {
        let part = SourceSwitch(subject: .namespace(namespace), dryRun: dryRun)
        await attempts.make("namespace \(namespace)") { try await part.set(disabled: disabled, client) }
      }
      return try attempts.end()
    }
    let isNamespace = ["namespace", "ns"].contains(kind.lowercased())
    let known = isNamespace ? nil : try KindArgument.parse(kind)
    guard let name else { throw CommandFailure("which \(kind) is missing", next: "give its name") }
    let subject: SourceSubject =
      known.map { .workload(WorkloadReference(namespace: namespace, kind: $0, name: name)) } ?? .namespace(name)
    try await SourceSwitch(subject: subject, dryRun: dryRun).set(disabled: disabled, client)
  }

  /// The namespaces that "everything" means; nothing can be made in those that are being deleted.
  private func namespaces(_ client: KubeClient, _ system: InstalledSystem) async throws -> [String] {
    let user = try await ConfigurationStore(client: client, namespace: system.namespace).read()
    let configuration = EffectiveConfiguration.resolve(user: user, ownNamespace: system.namespace).configuration
    let present = try await client.list(Namespace.self).filter { $0.metadata.deletionTimestamp == nil }
    return configuration.instrumentable(present.map(\.name), ownNamespace: system.namespace)
  }
}
