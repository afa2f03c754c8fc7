import Foundation
import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy
import YAML

/// Applies the manifests step by step and waits until everything runs. Safe to run again: every step is an apply.
struct Installer {
  /// The field manager of what the installer applies.
  static let fieldManager = "odigos-cli"

  var client: KubeClient
  var values: ManifestValues
  /// What the user's configuration says about our own pods.
  var configuration = OdigosConfiguration()
  var manifests = Manifests()

  /// An installer for this namespace, with what the cluster has of an installation for everything that is not chosen.
  ///
  /// - Throws: when this cluster or namespace cannot be installed into.
  static func checked(
    _ client: KubeClient, namespace: String, _ choices: InstallationChoices
  ) async throws -> Installer {
    try await preflight(client, namespace)
    let nodeAgent = try await client.get(DaemonSet.self, ObjectKey(namespace: namespace, name: OdigosName.odiglet))
    let chosen = try choices.completed(by: nodeAgent?.json)
    return Installer(
      client: client,
      values: ManifestValues(
        namespace: namespace, image: chosen.image, imagePullPolicy: chosen.imagePullPolicy, version: Release.version,
        nodeFeatures: chosen.nodeFeatures))
  }

  private static func preflight(_ client: KubeClient, _ namespace: String) async throws {
    let version = try await client.serverVersion()
    guard (version.major, version.minor) >= (1, 20) else {
      throw CommandFailure("Kubernetes \(version.gitVersion) is older than 1.20", next: "upgrade the cluster")
    }
    if let existing = try await InstalledSystem.find(client), existing.namespace != namespace {
      throw CommandFailure(
        "Odigos is already installed in namespace \(existing.namespace)",
        next: "use --namespace \(existing.namespace), or run `odigos uninstall` first")
    }
  }

  /// Makes the namespace, or gives an existing one what the node agent needs.
  ///
  /// - Returns: whether it is one that an uninstallation deletes.
  func installNamespace() async throws -> Bool {
    let namespace = SystemNamespace(client: client, name: values.namespace)
    var isOurs = false
    for manifest in try manifests.objects("deploy/components/namespace.yaml", values) {
      let object: DynamicObject
      do { object = try await namespace.prepared(manifest) } catch let error as KubeError {
        throw Self.failure(error, manifest)
      }
      try await apply(object)
      isOurs = namespace.isMade(Namespace(json: object.json))
    }
    return isOurs
  }

  /// Applies the CRDs and waits until the server serves them.
  func installDefinitions() async throws {
    try await apply("deploy/crds/")
    let names = try manifests.objects("deploy/crds/", values).map(\.metadata.name)
    let missing = try await wait(for: .seconds(60)) {
      for name in names {
        let found = try await client.get(CustomResourceDefinition.self, ObjectKey(name: name))
        let conditions = found?.json.at("status", "conditions")?.array ?? []
        if !conditions.contains(where: { $0["type"]?.string == "Established" && $0["status"]?.string == "True" }) {
          return name
        }
      }
      return nil
    }
    if let missing {
      throw CommandFailure("the API server does not serve \(missing)", next: "kubectl describe crd \(missing)")
    }
  }

  /// Creates the user's configuration when there is none; an existing one keeps its keys but for `changes`.
  ///
  /// - Returns: what it says then.
  func installConfiguration(_ changes: [(key: String, value: JSONValue)]) async throws -> OdigosConfiguration {
    let store = ConfigurationStore(client: client, namespace: values.namespace)
    if try await !store.exists(),
      let object = try manifests.objects("deploy/components/configuration.yaml", values).first
    {
      _ = try await client.create(object.type, object.json)
    }
    if !changes.isEmpty { try await store.change(changes) }
    return OdigosConfiguration.parse(try await store.read()).configuration
  }

  func installComponent(_ name: String) async throws { try await apply("deploy/components/\(name).yaml") }

  /// The node agent, and what of it this version of Kubernetes can have: the policy that keeps it to its own node, and
  /// the Service that leads to the one of the same node. Only without that a port of the node is taken: a pod whose port
  /// another one has is never scheduled.
  func installNodeAgent() async throws {
    let version = try await client.serverVersion()
    let parts = NodeAgentParts(major: version.major, minor: version.minor)
    var installer = self
    installer.values.opAMPHostPort = parts.hasService ? 0 : configuration.odigletOpampPort
    installer.values.runtimeSocket = configuration.customContainerRuntimeSocketPath
    installer.values.hasAppArmorField = parts.hasAppArmorField
    try await installer.installComponent("odiglet")
    for name in parts.components { try await installComponent(name) }
  }

  func installWebhooks() async throws { try await apply("webhook-config/") }

  /// Waits until the component's pods are ready.
  func waitUntilReady<Resource: KubeResource>(_: Resource.Type, _ name: String, timeout: Duration) async throws {
    let key = ObjectKey(namespace: values.namespace, name: name)
    let missing = try await wait(for: timeout) {
      guard let object = try await client.get(Resource.self, key) else { return "it does not exist" }
      return Readiness.missing(object.json)
    }
    guard let missing else { return }
    let reasons = try await reasons(Resource.type, key)
    throw CommandFailure(
      "\(name) is not ready: \(missing)\(reasons.isEmpty ? "" : " (" + reasons.joined(separator: "; ") + ")")",
      next: Readiness.remedy(reasons)
        ?? "kubectl -n \(values.namespace) describe \(Resource.type.plural),pods -l app.kubernetes.io/name=\(name)")
  }

  /// Why a component is not ready: what keeps its pods from being made, and what those lack that are there.
  private func reasons(_ type: ResourceType, _ key: ObjectKey) async throws -> [String] {
    let pods = try await client.list(
      Pod.self, namespace: key.namespace, ListOptions(labelSelector: "app.kubernetes.io/name=\(key.name)"))
    let troubles = pods.compactMap { pod in Readiness.trouble(pod.json).map { "\(pod.name): \($0)" } }
    guard let object = try? await client.get(type, key) else { return troubles }
    // Who may install may usually read events; who may not still hears of the rest.
    let events = try? await client.list(
      Event.self, namespace: key.namespace,
      ListOptions(fieldSelector: "reason=FailedCreate,involvedObject.name=\(key.name)"))
    let count = pods.count { $0.metadata.deletionTimestamp == nil }
    return [Readiness.refusal(object, pods: count, events: events?.map(\.json) ?? [])].compactMap { $0 } + troubles
  }

  private func apply(_ prefix: String) async throws {
    for manifest in try manifests.objects(prefix, values) {
      try await apply(try await ServedVersion.object(manifest.following(configuration), client))
    }
  }

  private func apply(_ object: DynamicObject) async throws {
    do {
      _ = try await client.patch(
        object.type, object.key, .apply, object.json, fieldManager: Self.fieldManager, force: true)
    } catch { throw Self.failure(error, object) }
  }

  private static func failure(_ error: KubeError, _ object: DynamicObject) -> CommandFailure {
    CommandFailure(
      "cannot apply \(object.type.kind) \(object.key): \(error)",
      next: error.status == 403 ? "use an account that may administer the cluster" : "mend the cause and run again")
  }
}
