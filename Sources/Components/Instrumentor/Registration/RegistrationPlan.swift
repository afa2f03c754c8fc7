import JSON
import KubeObjects
import Policy

/// What decides which pods the API server asks us about.
struct PodScope: Equatable, Sendable {
  /// The namespaces in which a workload is marked for instrumentation; pods elsewhere cannot be injected.
  var namespaces: Set<String>
  /// Whether the namespaces carry their own name as a label: Kubernetes adds it from 1.21 on.
  var areNamespacesLabelled: Bool
  /// The system's namespace.
  var ownNamespace: String
  /// The version of the API server.
  var version: KubernetesVersion
  /// How long the API server waits for an answer.
  var timeoutSeconds: Int
}

/// Major and minor version of the API server.
struct KubernetesVersion: Comparable, Sendable {
  var major: Int
  var minor: Int

  init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  static func < (left: KubernetesVersion, right: KubernetesVersion) -> Bool {
    (left.major, left.minor) < (right.major, right.minor)
  }
}

/// What the webhook configuration of pods should say, as a change of what it says.
///
/// As installed it is about every pod but those of the system; this narrows it to the namespaces where something is
/// instrumented. Both are right: who is asked about too many pods only answers more often.
enum RegistrationPlan {
  /// With more namespaces the object would become too large to be worth it.
  static let mostNamespaces = 2000
  /// Conditions in CEL are evaluated from this version on.
  static let firstVersionWithConditions = KubernetesVersion(1, 28)
  /// The label that Kubernetes puts on each namespace, with its name.
  static let nameLabel = "kubernetes.io/metadata.name"

  /// The change; nil when nothing has to change or its owner wants none.
  static func patch(_ configuration: JSONValue, _ scope: PodScope) -> JSONPatch? {
    let metadata = ObjectMeta(json: configuration["metadata"] ?? [:])
    if metadata.annotations[WebhookAnnotation.scope] == "static" { return nil }
    var operations: [JSONPatch.Operation] = []
    for (index, webhook) in (configuration["webhooks"]?.array ?? []).enumerated()
    where webhook.at("clientConfig", "service", "path")?.string == WebhookWord.path {
      let changes = wanted(scope).filter { webhook[$0.key] != $0.value }
      guard !changes.isEmpty else { continue }
      let path: JSONPointer = ["webhooks", String(index)]
      operations.append(.test(path.appending("name"), webhook["name"] ?? .null))
      operations += changes.map { .add(path.appending($0.key), $0.value) }
    }
    return operations.isEmpty ? nil : JSONPatch(operations)
  }

  /// The members of the webhook that follow the scope.
  static func wanted(_ scope: PodScope) -> [(key: String, value: JSONValue)] {
    var members: [(key: String, value: JSONValue)] = [
      ("namespaceSelector", ["matchExpressions": .array(namespaces(scope))]),
      ("objectSelector", ["matchExpressions": [notOurs]]), ("timeoutSeconds", .int(scope.timeoutSeconds)),
    ]
    if scope.version >= firstVersionWithConditions { members.append(("matchConditions", conditions)) }
    return members
  }

  private static let notOurs: JSONValue = ["key": .string(OdigosLabel.systemObject), "operator": "DoesNotExist"]

  private static func namespaces(_ scope: PodScope) -> [JSONValue] {
    func expression(_ word: String, _ values: [String]) -> JSONValue {
      ["key": .string(nameLabel), "operator": .string(word), "values": .array(values.map { .string($0) })]
    }
    let names = scope.namespaces.subtracting(Selection.systemNamespaces).subtracting([scope.ownNamespace])
    guard scope.areNamespacesLabelled, names.count <= mostNamespaces else {
      let system = ["kube-system", "kube-node-lease", "kube-public", scope.ownNamespace]
      return [notOurs, expression("NotIn", system)]
    }
    // Every namespace has the label, so without names this means none.
    if names.isEmpty { return [notOurs, ["key": .string(nameLabel), "operator": "DoesNotExist"]] }
    return [notOurs, expression("In", names.sorted())]
  }

  /// Pods that cannot be injected whoever owns them: mirrors of static pods, which only their node's file can change,
  /// and pods of Windows.
  private static let conditions: JSONValue = [
    [
      "name": "not-a-mirror-pod",
      "expression":
        "!has(object.metadata.annotations) || !('kubernetes.io/config.mirror' in object.metadata.annotations)",
    ],
    ["name": "not-on-windows", "expression": "!has(object.spec.os) || object.spec.os.name != 'windows'"],
  ]
}
