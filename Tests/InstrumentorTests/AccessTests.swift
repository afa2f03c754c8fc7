import ComponentAccess
import KubeClient
import KubeObjects
import KubeRuntime
import Policy
import Testing

@testable import Instrumentor

/// The instrumentor's role allows what it does, and nothing else.
@Suite struct AccessTests {
  private static let odigos = "odigos.io"
  private static let webhooks = "admissionregistration.k8s.io"

  private static let restartable: [(group: String, resource: String)] = [
    ("apps", "deployments"), ("apps", "statefulsets"), ("apps", "daemonsets"), ("argoproj.io", "rollouts"),
    ("apps.openshift.io", "deploymentconfigs"),
  ]

  /// Every line of the component that writes to the API or reads a single object. What informers read is taken from
  /// themselves. A new call needs a line here and usually a rule in deploy/components/instrumentor.yaml.
  private static let calls: [Call] = [
    // Server-side apply creates what is not there yet, which is another permission.
    Call(
      "WorkloadReconciler", "apply",
      [Access("patch", odigos, "instrumentationconfigs"), Access("create", odigos, "instrumentationconfigs")]),
    Call("WorkloadReconciler", "applyStatus", [Access("patch", odigos, "instrumentationconfigs/status")]),
    Call("WorkloadReconciler", "delete", [Access("delete", odigos, "instrumentationconfigs")]),
    Call("WorkloadReconciler", "delete", [Access("delete", odigos, "instrumentationconfigs")]),
    // The second look before pods are replaced.
    Call("WorkloadReconciler", "get", restartable.map { Access("get", $0.group, $0.resource) }),
    Call("WorkloadReconciler", "list", [Access("list", "", "pods")]),
    Call("WorkloadReconciler", "evict", [Access("create", "", "pods/eviction")]),
    Call("WorkloadReconciler", "patch", restartable.map { Access("patch", $0.group, $0.resource) }),
    Call(
      "RuleStatusController", "applyStatus",
      [Access("patch", odigos, "instrumentationrules/status", isOwnNamespace: true)]),
    Call("SourceStatusController", "applyStatus", [Access("patch", odigos, "sources/status")]),
    // Everybody may discover (system:discovery).
    Call("WorkloadInformer", "raw", []),
    Call("SourceRelease", "patch", [Access("patch", odigos, "sources")]),
    Call(
      "PodRegistration", "patch",
      [Access("patch", webhooks, "mutatingwebhookconfigurations", name: WebhookWord.configuration)]),
    Call(
      "WebhookCertificates", "patch",
      WebhookWord.mutatingConfigurations.map { Access("patch", webhooks, "mutatingwebhookconfigurations", name: $0) }
        + WebhookWord.validatingConfigurations.map {
          Access("patch", webhooks, "validatingwebhookconfigurations", name: $0)
        }),
    Call(
      "WebhookCertificates", "update",
      [Access("update", "", "secrets", isOwnNamespace: true, name: WebhookWord.secret)]),
    // A role cannot say which object may be made.
    Call("WebhookCertificates", "create", [Access("create", "", "secrets", isOwnNamespace: true)]),
    // Everybody may ask for the version (system:public-info-viewer).
    Call("Instrumentor", "serverVersion", []),
    Call(
      "Instrumentor", "LeaderElector",
      [
        Access("create", "coordination.k8s.io", "leases", isOwnNamespace: true),
        Access("get", "coordination.k8s.io", "leases", isOwnNamespace: true, name: InstrumentorName.lease),
        Access("update", "coordination.k8s.io", "leases", isOwnNamespace: true, name: InstrumentorName.lease),
      ]),
    Call("InstrumentorControllers", "EventRecorder", [Access("create", "", "events"), Access("patch", "", "events")]),
  ]

  private static let namespace = "odigos-system"
  private let component = ComponentAccess(component: "Instrumentor", manifest: "instrumentor.yaml")

  private var informers: [InformerScope] {
    let client = KubeClient(ClusterAccess(server: "https://127.0.0.1:1", origin: "test"))
    defer { client.shutdown() }
    let logger = AdmissionSample.logger
    // The kinds that not every cluster has; where one has two versions, a role does not tell them apart.
    let others = [
      WorkloadInformer(.cronJob, of: CronJob.self, client: client, logger: logger),
      WorkloadInformer(.job, of: Job.self, client: client, logger: logger),
      WorkloadInformer(.rollout, of: ArgoRollout.self, client: client, logger: logger),
      WorkloadInformer(.deploymentConfig, of: DeploymentConfig.self, client: client, logger: logger),
    ]
    func scopes(_ value: Any) -> [InformerScope] {
      if let informer = value as? any InformerScoped { return [informer.scope] }
      if let list = value as? [any InformerScoped] { return list.map(\.scope) }
      return []
    }
    return [
      Mirror(
        reflecting: InstrumentorCaches(client: client, namespace: Self.namespace, others: others, logger: logger)),
      Mirror(reflecting: WebhookCaches(client: client, namespace: Self.namespace, logger: logger)),
    ].flatMap { $0.children.flatMap { scopes($0.value) } }
  }

  private var needed: Set<Access> {
    var needed = Set(Self.calls.flatMap(\.needs))
    for scope in informers {
      for verb in ["list", "watch"] {
        let name = scope.fieldSelector.flatMap { $0.split(separator: "=").last.map(String.init) } ?? ""
        needed.insert(
          Access(verb, scope.type.group, scope.type.plural, isOwnNamespace: scope.namespace != nil, name: name))
      }
    }
    return needed
  }

  @Test func everyCallIsAllowed() throws {
    let missing = try needed.subtracting(component.allowed).sorted()
    #expect(missing.isEmpty, "add to deploy/components/instrumentor.yaml: \(missing)")
  }

  @Test func nothingElseIsAllowed() throws {
    let unused = try component.allowed.subtracting(needed).sorted()
    #expect(unused.isEmpty, "no call needs: \(unused)")
  }

  @Test func informersAreSeen() {
    #expect(informers.count >= 14)
    #expect(informers.contains { $0.type == Pod.type && $0.namespace == nil && $0.fieldSelector == nil })
    #expect(informers.contains { $0.fieldSelector == "metadata.name=\(WebhookWord.secret)" })
  }

  /// The table above has a line for each line of source that calls the API.
  @Test func theTableIsComplete() throws {
    #expect(try component.callsInSource(withInformers: false) == ComponentAccess.count(Self.calls))
  }
}
