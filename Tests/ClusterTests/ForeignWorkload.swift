import JSON
import Testing

/// A workload of a kind that a plain cluster does not have, as far as it concerns us: a definition that takes any
/// object, the object, and what its controller would have made for it, down to a pod. The test plays the controller: it
/// deletes pods and writes the status when a restart is asked for.
struct ForeignWorkload: TestNamespace {
  /// The kind in lower case, as its InstrumentationConfig is named.
  var kind: String
  var group: String
  var version: String
  var plural: String
  /// As in `kind:` of an object.
  var title: String
  var namespace: String

  static func rollout(in namespace: String) -> ForeignWorkload {
    ForeignWorkload(
      kind: "rollout", group: "argoproj.io", version: "v1alpha1", plural: "rollouts", title: "Rollout",
      namespace: namespace)
  }

  static func deploymentConfig(in namespace: String) -> ForeignWorkload {
    ForeignWorkload(
      kind: "deploymentconfig", group: "apps.openshift.io", version: "v1", plural: "deploymentconfigs",
      title: "DeploymentConfig", namespace: namespace)
  }

  var resource: String { "\(plural).\(group)" }

  /// Makes the definition and waits until it is served.
  func define() async throws {
    try Cluster.apply(
      """
      apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {name: \(resource)}
      spec:
        group: \(group)
        scope: Namespaced
        names: {kind: \(title), plural: \(plural), singular: \(kind)}
        versions:
        - name: \(version)
          served: true
          storage: true
          schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
      """)
    try await eventually("\(resource) is served") {
      let conditions = try Cluster.get("crd", resource, in: namespace)?.at("status", "conditions")?.array ?? []
      let isServed = conditions.contains { $0["type"] == "Established" && $0["status"] == "True" }
      // kubectl learns of kinds from a list that may be older.
      if isServed { _ = try Cluster.list(resource, in: nil) }
      return isServed ? nil : "\(conditions)"
    }
  }

  /// Makes `web` and what its controller makes for it.
  func deploy() async throws {
    try await create()
    try Cluster.apply(
      """
      apiVersion: \(group)/\(version)
      kind: \(title)
      metadata: {name: web, namespace: \(namespace)}
      spec:
        replicas: 1
        template: \(template(labels: "app: web", annotations: ""))
      """)
    let uid = try object()?.at("metadata", "uid")?.string ?? ""
    let owner =
      "[{apiVersion: \(group)/\(version), kind: \(title), name: web, uid: \"\(uid)\", controller: true}]"
    if kind == "rollout" {
      let labels = "app: web, rollouts-pod-template-hash: 7d9f8c6b5"
      try Cluster.apply(
        """
        apiVersion: apps/v1
        kind: ReplicaSet
        metadata: {name: web-7d9f8c6b5, namespace: \(namespace), labels: {\(labels)}, ownerReferences: \(owner)}
        spec: {replicas: 1, selector: {matchLabels: {\(labels)}}, template: \(template(labels: labels, annotations: ""))}
        """)
    } else {
      let annotations = "openshift.io/deployment-config.name: web"
      try Cluster.apply(
        """
        apiVersion: v1
        kind: ReplicationController
        metadata: {name: web-1, namespace: \(namespace), ownerReferences: \(owner)}
        spec: {replicas: 1, selector: {app: web}, template: \(template(labels: "app: web", annotations: annotations))}
        """)
    }
  }

  private func template(labels: String, annotations: String) -> String {
    "{metadata: {labels: {\(labels)}, annotations: {\(annotations)}}, spec: {terminationGracePeriodSeconds: 1, "
      + "containers: [{name: app, image: 'localhost/odigos-demo-shop:dev', imagePullPolicy: IfNotPresent, "
      + "command: [python3, -m, http.server, '8080'], readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}}]}}"
  }

  /// Opts it in.
  func addSource() throws {
    try Cluster.apply(
      """
      apiVersion: odigos.io/v1alpha1
      kind: Source
      metadata: {name: web, namespace: \(namespace)}
      spec: {workload: {kind: \(title), name: web, namespace: \(namespace)}}
      """)
  }

  /// Deletes the namespace and the definition, without waiting.
  func removeAll() {
    remove()
    try? Cluster.delete("crd", resource, in: namespace)
  }

  /// Waits until nothing is left of an earlier run.
  func waitUntilAllIsRemoved() async throws {
    try await waitUntilRemoved()
    try await eventually("the end of an earlier \(resource)") {
      try Cluster.exists("crd", resource, in: namespace) ? "it is there" : nil
    }
  }

  func object() throws -> JSONValue? { try Cluster.get(resource, "web", in: namespace) }

  func config() throws -> JSONValue? { try Cluster.get("instrumentationconfig", "\(kind)-web", in: namespace) }

  /// The reason of a condition of its InstrumentationConfig.
  func reason(_ condition: String) throws -> String {
    let conditions = try config()?.at("status", "conditions")?.array
    return conditions?.first { $0["type"]?.string == condition }?["reason"]?.string ?? "none"
  }

  /// When it was asked to restart last.
  func restart() throws -> String? {
    let path =
      kind == "rollout"
      ? ["spec", "restartAt"] : ["spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"]
    return try object()?.at(path)?.string
  }

  func pods() throws -> [JSONValue] { try livePods("app=web") }

  /// What the controller does when it is done with a restart, or has just begun to look after the object.
  func playController(deletesPods: Bool) throws {
    if deletesPods { try Cluster.kubectl("delete", "pods", "-n", namespace, "-l", "app=web", "--wait=false") }
    // Without the subresource a write of the status counts as another generation, too.
    let generation = (try object()?.at("metadata", "generation")?.int ?? 0) + 1
    var status: JSONValue = [
      "observedGeneration": .int(generation), "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1,
    ]
    if kind == "rollout" {
      status["observedGeneration"] = .string("\(generation)")
      status["phase"] = "Healthy"
      status["restartedAt"] = try restart().map { .string($0) }
    }
    let patch: JSONValue = ["status": status]
    try Cluster.kubectl(
      "patch", resource, "web", "-n", namespace, "--type=merge", "-p",
      String(decoding: patch.serialized(), as: UTF8.self))
  }
}
