import JSON
import KubeObjects
import Policy
import Testing

@Suite struct WorkloadTests {
  struct Origin: Sendable, CustomTestStringConvertible {
    var title: String
    var owners: JSONValue
    var labels: JSONValue = [:]
    var annotations: JSONValue = [:]
    var expected: String?
    var attributes: WorkloadOwner.Intermediate?
    var testDescription: String { title }
  }

  static func owner(_ kind: String, _ name: String, controller: Bool = true) -> JSONValue {
    ["apiVersion": "v1", "kind": .string(kind), "name": .string(name), "uid": "u-1", "controller": .bool(controller)]
  }

  static let origins: [Origin] = [
    Origin(
      title: "Deployment by its label", owners: [owner("ReplicaSet", "web-front-5d4f8c7b9")],
      labels: ["pod-template-hash": "5d4f8c7b9"], expected: "shop/Deployment/web-front"),
    Origin(
      title: "Deployment without the label", owners: [owner("ReplicaSet", "web-6bc8d")],
      expected: "shop/Deployment/web"),
    Origin(title: "ReplicaSet of nobody", owners: [owner("ReplicaSet", "web-blue")], expected: nil),
    Origin(title: "ReplicaSet with a plain name", owners: [owner("ReplicaSet", "web")], expected: nil),
    Origin(
      title: "Argo Rollout", owners: [owner("ReplicaSet", "web-5d4f8c7b9")],
      labels: ["rollouts-pod-template-hash": "5d4f8c7b9"], expected: "shop/Rollout/web"),
    Origin(title: "StatefulSet", owners: [owner("StatefulSet", "db")], expected: "shop/StatefulSet/db"),
    Origin(title: "DaemonSet", owners: [owner("DaemonSet", "logs")], expected: "shop/DaemonSet/logs"),
    Origin(
      title: "CronJob, minutes", owners: [owner("Job", "report-28391820")], expected: "shop/CronJob/report"),
    Origin(
      title: "CronJob, seconds", owners: [owner("Job", "report-1703509200")], expected: "shop/CronJob/report"),
    Origin(title: "Job of nobody", owners: [owner("Job", "migrate-v2")], expected: "shop/Job/migrate-v2"),
    // What else people put at the end of a Job's name.
    Origin(title: "Job, day", owners: [owner("Job", "report-20261126")], expected: "shop/Job/report-20261126"),
    Origin(title: "Job, hour", owners: [owner("Job", "report-2026112613")], expected: "shop/Job/report-2026112613"),
    Origin(title: "Job, number", owners: [owner("Job", "report-123456789")], expected: "shop/Job/report-123456789"),
    Origin(title: "Job, zeros", owners: [owner("Job", "report-00000001")], expected: "shop/Job/report-00000001"),
    Origin(
      title: "DeploymentConfig", owners: [owner("ReplicationController", "api-12")],
      expected: "shop/DeploymentConfig/api"),
    Origin(
      title: "DeploymentConfig by its annotation", owners: [owner("ReplicationController", "odd")],
      annotations: ["openshift.io/deployment-config.name": "api"], expected: "shop/DeploymentConfig/api"),
    Origin(
      title: "Static pod", owners: [owner("Node", "n1")], annotations: ["kubernetes.io/config.source": "file"],
      expected: "shop/StaticPod/the-pod"),
    Origin(title: "Mirror of something else", owners: [owner("Node", "n1")], expected: nil),
    Origin(title: "Unknown owner", owners: [owner("SparkApplication", "x")], expected: nil),
    Origin(title: "No owner", owners: [], expected: "shop/Pod/the-pod"),
    Origin(
      title: "Static pod of an old kubelet", owners: [], annotations: ["kubernetes.io/config.source": "file"],
      expected: "shop/StaticPod/the-pod"),
    Origin(
      title: "A pod that came through the API server", owners: [], annotations: ["kubernetes.io/config.source": "api"],
      expected: "shop/Pod/the-pod"),
    Origin(
      title: "The controller among several owners",
      owners: [owner("Foo", "x", controller: false), owner("DaemonSet", "logs")], expected: "shop/DaemonSet/logs"),
  ]

  @Test(arguments: origins) func podsLeadToTheirWorkload(_ origin: Origin) throws {
    let pod: JSONValue = [
      "metadata": [
        "name": "the-pod", "namespace": "shop", "labels": origin.labels, "annotations": origin.annotations,
        "ownerReferences": origin.owners,
      ]
    ]
    #expect(WorkloadReference(ownerOf: Pod(json: pod))?.description == origin.expected)
    let view = try JSONDocument(parsing: pod.serialized()).root
    #expect(WorkloadOwner(pod: view, namespace: "shop")?.workload.description == origin.expected)
    #expect(WorkloadOwner(pod: view, namespace: "shop") == WorkloadOwner(pod: Pod(json: pod)))
    #expect(WorkloadOwner(pod: view, namespace: "") == nil)
  }

  @Test func aPodOfItsOwnNeedsAName() {
    #expect(WorkloadOwner(pod: Pod(json: ["metadata": ["generateName": "job-", "namespace": "shop"]])) == nil)
  }

  @Test func theObjectBetweenIsKept() {
    let pod: JSONValue = [
      "metadata": ["namespace": "shop", "ownerReferences": [Self.owner("ReplicaSet", "web-6bc8d")]]
    ]
    let between = WorkloadOwner(pod: Pod(json: pod))?.intermediate
    #expect(between?.kind == .replicaSet && between?.name == "web-6bc8d" && between?.uid == "u-1")
  }

  @Test(arguments: WorkloadKind.allCases) func configNamesGoBothWays(_ kind: WorkloadKind) {
    let workload = WorkloadReference(namespace: "shop", kind: kind, name: "a-b")
    #expect(workload.instrumentationConfigName == "\(kind.rawValue.lowercased())-a-b")
    #expect(
      WorkloadReference(instrumentationConfigName: workload.instrumentationConfigName, namespace: "shop") == workload)
    #expect(WorkloadKind(named: kind.rawValue.uppercased()) == kind)
  }

  @Test(arguments: ["", "deployment", "deployment-", "thing-x", "pod", "-x"]) func otherNamesAreNoConfig(_ name: String)
  {
    #expect(WorkloadReference(instrumentationConfigName: name, namespace: "shop") == nil)
  }
}
