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
  var manifests = Manifests()
  var progress = Progress()

  /// Checks that this cluster and namespace can be installed into.
  func preflight() async throws {
    let version = try await client.serverVersion()
    guard (version.major, version.minor) >= (1, 20) else {
      throw CommandFailure("Kubernetes \(version.gitVersion) is older than 1.20", next: "upgrade the cluster")
    }
    if let existing = try await InstalledSystem.find(client), existing.namespace != values.namespace {
      throw CommandFailure(
        "Odigos is already installed in namespace \(existing.namespace)",
        next: "use --namespace \(existing.namespace), or run `odigos uninstall` first")
    }
  }

  func installNamespace() async throws { try await apply("deploy/components/namespace.yaml") }

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
  func installConfiguration(_ changes: [(key: String, value: JSONValue)]) async throws {
    let store = ConfigurationStore(client: client, namespace: values.namespace)
    if try await store.exists() {
      if !changes.isEmpty { try await store.change(changes) }
      return
    }
    guard let object = try manifests.objects("deploy/components/configuration.yaml", values).first else { return }
    _ = try await client.create(object.type, object.json)
    if !changes.isEmpty { try await store.change(changes) }
  }

  func installComponent(_ name: String) async throws { try await apply("deploy/components/\(name).yaml") }

  /// The node agent, and the Service that leads to the one of the same node where the cluster has such. Only without it
  /// a port of the node is taken: a pod whose port another one has is never scheduled.
  func installNodeAgent() async throws {
    let version = try await client.serverVersion()
    let hasService = (version.major, version.minor) >= (1, 26)
    let store = ConfigurationStore(client: client, namespace: values.namespace)
    let configuration = OdigosConfiguration.parse(try await store.read()).configuration
    var installer = self
    installer.values.opAMPHostPort = hasService ? 0 : configuration.odigletOpampPort
    installer.values.hasAppArmorField = (version.major, version.minor) >= (1, 30)
    try await installer.installComponent("odiglet")
    if hasService { try await installComponent("odiglet-local") }
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
    let pods = try await client.list(
      Pod.self, namespace: values.namespace, ListOptions(labelSelector: "app.kubernetes.io/name=\(name)"))
    let reasons = pods.compactMap { pod in Readiness.trouble(pod.json).map { "\(pod.name): \($0)" } }
    throw CommandFailure(
      "\(name) is not ready: \(missing)\(reasons.isEmpty ? "" : " (" + reasons.joined(separator: "; ") + ")")",
      next: Readiness.remedy(reasons)
        ?? "kubectl -n \(values.namespace) describe pods -l app.kubernetes.io/name=\(name)")
  }

  private func apply(_ prefix: String) async throws {
    for manifest in try manifests.objects(prefix, values) {
      let object = try await ServedVersion.object(manifest, client)
      let metadata = object.metadata
      let key = ObjectKey(namespace: metadata.namespace ?? "", name: metadata.name)
      do {
        _ = try await client.patch(
          object.type, key, .apply, object.json, fieldManager: Self.fieldManager, force: true)
      } catch {
        throw CommandFailure(
          "cannot apply \(object.type.kind) \(key): \(error)",
          next: error.status == 403 ? "use an account that may administer the cluster" : "mend the cause and run again")
      }
    }
  }
}
