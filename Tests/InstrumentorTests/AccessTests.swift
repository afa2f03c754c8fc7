import Foundation
import JSON
import KubeClient
import KubeObjects
import KubeRuntime
import Policy
import Testing
import YAML

@testable import Instrumentor

/// A call of the API, as a role has to allow it.
private struct Access: Hashable, Comparable, CustomStringConvertible {
  var verb: String
  var group: String
  var resource: String
  /// Whether it is made in the system's namespace only.
  var isOwnNamespace: Bool
  /// The one object it is about; "" for any.
  var name: String

  init(_ verb: String, _ group: String, _ resource: String, isOwnNamespace: Bool = false, name: String = "") {
    self.verb = verb
    self.group = group
    self.resource = resource
    self.isOwnNamespace = isOwnNamespace
    self.name = name
  }

  var description: String {
    let subject = name.isEmpty ? "" : "/\(name)"
    let place = isOwnNamespace ? "in the system's namespace" : "everywhere"
    return "\(verb) \(resource)\(group.isEmpty ? "" : ".\(group)")\(subject) \(place)"
  }
  static func < (left: Access, right: Access) -> Bool { left.description < right.description }
}

/// A line of source that calls the API, and what it needs.
private struct Call {
  var file: String
  /// Which method of the client, or which of its users.
  var method: String
  var needs: [Access]

  init(_ file: String, _ method: String, _ needs: [Access]) {
    self.file = file
    self.method = method
    self.needs = needs
  }
}

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

  private var allowed: Set<Access> {
    get throws {
      var allowed: Set<Access> = []
      for object in try Self.manifest() {
        guard let kind = object["kind"]?.string, kind == "ClusterRole" || kind == "Role" else { continue }
        for rule in object["rules"]?.array ?? [] {
          func texts(_ key: String) -> [String] { rule[key]?.array?.compactMap(\.string) ?? [] }
          let names = texts("resourceNames").isEmpty ? [""] : texts("resourceNames")
          for group in texts("apiGroups") {
            for resource in texts("resources") {
              for verb in texts("verbs") {
                for name in names {
                  allowed.insert(Access(verb, group, resource, isOwnNamespace: kind == "Role", name: name))
                }
              }
            }
          }
        }
      }
      return allowed
    }
  }

  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func manifest() throws -> [JSONValue] {
    try YAML.documents(Array(Data(contentsOf: root.appending(path: "deploy/components/instrumentor.yaml"))))
  }

  @Test func everyCallIsAllowed() throws {
    let missing = try needed.subtracting(allowed).sorted()
    #expect(missing.isEmpty, "add to deploy/components/instrumentor.yaml: \(missing)")
  }

  @Test func nothingElseIsAllowed() throws {
    let unused = try allowed.subtracting(needed).sorted()
    #expect(unused.isEmpty, "no call needs: \(unused)")
  }

  @Test func informersAreSeen() {
    #expect(informers.count >= 14)
    #expect(informers.contains { $0.type == Pod.type && $0.namespace == nil && $0.fieldSelector == nil })
    #expect(informers.contains { $0.fieldSelector == "metadata.name=\(WebhookWord.secret)" })
  }

  /// The table above has a line for each line of source that calls the API.
  @Test func theTableIsComplete() throws {
    let folder = Self.root.appending(path: "Sources/Components/Instrumentor")
    let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
    let call =
      /client\s*\.\s*(get|list|page|create|update|patch|apply|applyStatus|delete|evict|watch|openWatch|raw|send|serverVersion)\(|(EventRecorder|LeaderElector)\(/
    var found: [String: Int] = [:]
    for case let file as URL in files where file.pathExtension == "swift" {
      let name = file.deletingPathExtension().lastPathComponent
      for match in try String(contentsOf: file, encoding: .utf8).matches(of: call) {
        found["\(name) \(match.output.1 ?? match.output.2 ?? "")", default: 0] += 1
      }
    }
    let listed = Dictionary(grouping: Self.calls) { "\($0.file) \($0.method)" }.mapValues(\.count)
    #expect(found == listed)
  }
}
