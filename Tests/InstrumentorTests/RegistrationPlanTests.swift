import JSON
import KubeObjects
import OdigosObjects
import Testing

@testable import Instrumentor

@Suite struct RegistrationPlanTests {
  private static func scope(
    _ namespaces: Set<String>, labelled: Bool = true, version: KubernetesVersion = KubernetesVersion(1, 33),
    timeout: Int = 5
  ) -> PodScope {
    PodScope(
      namespaces: namespaces, areNamespacesLabelled: labelled, ownNamespace: "odigos-system", version: version,
      timeoutSeconds: timeout)
  }

  private static let configuration: JSONValue = [
    "metadata": ["name": .string(WebhookWord.configuration)],
    "webhooks": [
      [
        "name": "pods.odigos.io", "timeoutSeconds": 10,
        "clientConfig": ["service": ["name": .string(WebhookWord.service), "path": .string(WebhookWord.path)]],
      ], ["name": "other", "clientConfig": ["url": "https://other"]],
    ],
  ]

  private func applied(_ scope: PodScope, to configuration: JSONValue = configuration) throws -> JSONValue {
    let patch = try #require(RegistrationPlan.patch(configuration, scope))
    let patched = try patch.applied(to: configuration)
    // Nothing is left to do, and the webhook of somebody else is untouched.
    #expect(RegistrationPlan.patch(patched, scope) == nil)
    #expect(patched["webhooks"]?[1] == configuration["webhooks"]?[1])
    return patched["webhooks"]?[0] ?? .null
  }

  static let selectors: [(scope: PodScope, expressions: JSONValue)] = [
    (
      scope(["shop", "bank"]), [["key": "kubernetes.io/metadata.name", "operator": "In", "values": ["bank", "shop"]]]
    ),
    // Nobody is opted in: no namespace is asked about.
    (scope([]), [["key": "kubernetes.io/metadata.name", "operator": "DoesNotExist"]]),
    (scope(["kube-system", "odigos-system"]), [["key": "kubernetes.io/metadata.name", "operator": "DoesNotExist"]]),
    // Before Kubernetes 1.21 namespaces have no label with their name: all but the system's are asked about.
    (scope(["shop"], labelled: false), [everywhere]), (scope([], labelled: false), [everywhere]),
    (scope(Set((0...RegistrationPlan.mostNamespaces).map { "n\($0)" })), [everywhere]),
  ]

  private static let everywhere: JSONValue = [
    "key": "kubernetes.io/metadata.name", "operator": "NotIn",
    "values": ["kube-system", "kube-node-lease", "kube-public", "odigos-system"],
  ]

  @Test(arguments: selectors.indices) func onlyNamespacesWithMarkedWorkloadsAreAskedAbout(_ index: Int) throws {
    let (scope, expressions) = Self.selectors[index]
    let webhook = try applied(scope)
    let ours: JSONValue = ["key": "odigos.io/system-object", "operator": "DoesNotExist"]
    #expect(
      webhook.at("namespaceSelector", "matchExpressions") == .array([ours] + (expressions.array ?? [])))
    #expect(webhook.at("objectSelector", "matchExpressions") == [ours])
  }

  @Test func conditionsAreForServersThatKnowThem() throws {
    #expect(try applied(Self.scope([], version: KubernetesVersion(1, 27)))["matchConditions"] == nil)
    let names = try applied(Self.scope([], version: KubernetesVersion(1, 28)))["matchConditions"]?.array?.map {
      $0["name"]
    }
    #expect(names == ["not-a-mirror-pod", "not-on-windows"])
  }

  @Test func theTimeoutIsTheConfigured() throws {
    #expect(try applied(Self.scope([], timeout: 12))["timeoutSeconds"] == 12)
  }

  @Test func itsOwnerMayKeepItAsItIs() {
    var configuration = Self.configuration
    configuration.set(["metadata", "annotations", WebhookAnnotation.scope], "static")
    #expect(RegistrationPlan.patch(configuration, Self.scope(["shop"])) == nil)
    #expect(RegistrationPlan.patch([:], Self.scope(["shop"])) == nil)
  }

  @Test func whatOthersChangedMeanwhileIsNotOverwritten() throws {
    let patch = try #require(RegistrationPlan.patch(Self.configuration, Self.scope(["shop"])))
    var changed = Self.configuration
    changed["webhooks"] = .array((changed["webhooks"]?.array ?? []).reversed())
    #expect(throws: JSONPatchError.self) { try patch.applied(to: changed) }
  }

  @Test func namespacesComeWithTheirFirstAndGoWithTheirLastWorkload() {
    let marked = MarkedNamespaces()
    let one = InstrumentationConfig(name: "deployment-a", namespace: "shop")
    let two = InstrumentationConfig(name: "deployment-b", namespace: "shop")
    #expect(marked.change(nil, one))
    #expect(!marked.change(nil, two))
    #expect(!marked.change(one, one))
    #expect(marked.names == ["shop"])
    #expect(!marked.change(one, nil))
    #expect(marked.change(two, nil))
    #expect(!marked.change(two, nil))
    #expect(marked.names.isEmpty)
  }
}
