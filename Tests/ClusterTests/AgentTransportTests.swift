import Foundation
import JSON
import Testing

/// Agents that cannot have the node's socket reach the node agent and the collector by TCP: at Services that keep traffic
/// on their node from Kubernetes 1.26 on, at the node's address before.
@Suite(.serialized, .enabled(if: Cluster.isGiven, "no cluster: run hack/e2e"))
struct AgentTransportTests {
  private static let namespace = Cluster.systemNamespace
  /// From here on a Service can keep its traffic on a node.
  private static let firstWithServices = 26

  init() async throws {
    try await Installation.ensure()
  }

  /// Deploys an application whose agent files come by an init container, which brings no socket, and waits until its
  /// agent has reported and a trace has come; answers the variables of its container.
  private func variablesOfAnAgentByTCP(_ application: PlainApplication) async throws -> [String: String] {
    let pod = try await application.deployInstrumented()
    try await waitForHealthyInstance(of: pod, in: application.namespace)
    try await TraceSink.waitForTrace(namespace: application.namespace, services: ["web", "backend"])
    let text = try Cluster.kubectl(
      "exec", "-n", application.namespace, pod, "-c", "app", "--", "python3", "-S", "-c",
      "import os; print('\\n'.join(f'{n}={v}' for n, v in os.environ.items()))")
    var variables: [String: String] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
    }
    return variables
  }

  private func waitForHealthyInstance(of pod: String, in namespace: String) async throws {
    try await eventually("a healthy instance of \(pod)") {
      let instances = try Cluster.list("instrumentationinstances", in: namespace)
      let own = instances.filter { $0.at("metadata", "labels", "ownerPodName")?.string == pod }
      return own.contains { $0.at("status", "healthy")?.bool == true } ? nil : "\(own)"
    }
  }

  private func nodeAddress() throws -> String {
    let addresses = try Cluster.list("nodes", in: nil).first?.at("status", "addresses")?.array ?? []
    return try #require(addresses.first { $0["type"] == "InternalIP" }?["address"]?.string)
  }

  @Test func agentsReachTheNodeAgentAndTheCollectorByTCP() async throws {
    let application = PlainApplication(namespace: "e2e-tcp", labels: "odigos-instrumentation: enabled")
    defer { application.remove() }
    try await Installation.withMountMethod("k8s-init-container") {
      let variables = try await variablesOfAnAgentByTCP(application)
      #expect(variables["ODIGOS_OPAMP_UNIX_SOCKET"] == nil)
      let hasServices = try Cluster.minorVersion() >= Self.firstWithServices
      if hasServices { try expectNoPortOfTheNode() }
      let hosts =
        hasServices
        ? ("odiglet-local.\(Self.namespace)", "odigos-data-collection-local-traffic.\(Self.namespace)")
        : (try nodeAddress(), try nodeAddress())
      #expect(variables["ODIGOS_OPAMP_SERVER_HOST"] == "\(hosts.0):4320")
      #expect(variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://\(hosts.1):4318")
    }
  }

  /// A pod with the host's network cannot look up the names of Services; kube-proxy leads it to their addresses.
  @Test(
    .enabled("Services keep traffic on a node from 1.26 on") { try Cluster.minorVersion() >= Self.firstWithServices })
  func podsWithTheHostsNetworkReachTheServicesByAddress() async throws {
    let application = PlainApplication(namespace: "e2e-host-network")
    defer { application.remove() }
    try await application.deploy()
    let change =
      #"{"spec":{"strategy":{"type":"Recreate","rollingUpdate":null},"template":{"spec":{"hostNetwork":true}}}}"#
    try Cluster.kubectl("patch", "deployment", "backend", "-n", application.namespace, "-p", change)
    try await Installation.withMountMethod("k8s-init-container") {
      try Cluster.kubectl("label", "namespace", application.namespace, "odigos-instrumentation=enabled")
      for name in ["backend", "web"] { try await application.waitUntil(name, isInstrumented: true) }
      let pod = try #require(try application.pods("backend").first)
      #expect(pod.at("spec", "hostNetwork") == true)
      let variables = pod.at("spec", "containers")?[0]?["env"]?.array ?? []
      func value(_ name: String) -> String? { variables.first { $0["name"]?.string == name }?["value"]?.string }
      func address(_ service: String) throws -> String {
        try #require(try Cluster.get("service", service, in: Self.namespace)?.at("spec", "clusterIP")?.string)
      }
      let collector = try address("odigos-data-collection-local-traffic")
      #expect(value("OTEL_EXPORTER_OTLP_ENDPOINT") == "http://\(collector):4318")
      #expect(value("ODIGOS_OPAMP_SERVER_HOST") == "\(try address("odiglet-local")):4320")
      try await TraceSink.waitForTrace(namespace: application.namespace, services: ["web", "backend"])
      try await waitForHealthyInstance(of: try application.podName("backend"), in: application.namespace)
    }
  }

  /// A port of the node that another pod has would keep ours away; where a Service leads to them it is not needed.
  private func expectNoPortOfTheNode() throws {
    for name in ["odiglet", "odigos-data-collection"] {
      let containers = try Cluster.get("daemonset", name, in: Self.namespace)?.at(
        "spec", "template", "spec", "containers")
      let ports = (containers?.array ?? []).flatMap { $0["ports"]?.array ?? [] }
      #expect(!ports.isEmpty && ports.allSatisfy { $0["hostPort"] == nil }, "\(name): \(ports)")
    }
    for name in ["odiglet-local", "odigos-data-collection-local-traffic"] {
      let spec = try Cluster.get("service", name, in: Self.namespace)?["spec"]
      #expect(spec?["internalTrafficPolicy"] == "Local", "\(name)")
    }
  }

  /// A node agent that is said to be on another node, where nobody answers: none of many calls goes there.
  @Test(
    .enabled("Services keep traffic on a node from 1.26 on") { try Cluster.minorVersion() >= Self.firstWithServices })
  func callsStayOnTheirNode() async throws {
    let (service, slice) = ("odiglet-local", "odiglet-local-elsewhere")
    defer {
      try? Cluster.delete("endpointslice", slice, in: Self.namespace)
      try? Installation.setTrafficPolicy("Local", of: service)
    }
    try Cluster.apply([
      [
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": [
          "name": .string(slice), "namespace": .string(Self.namespace),
          "labels": ["kubernetes.io/service-name": .string(service)],
        ],
        "addressType": "IPv4", "ports": [["name": "opamp", "port": 4320, "protocol": "TCP"]],
        "endpoints": [["addresses": ["10.244.250.250"], "nodeName": "elsewhere", "conditions": ["ready": true]]],
      ]
    ])
    let address = try Cluster.get("service", service, in: Self.namespace)?.at("spec", "clusterIP")?.string ?? ""
    func call() throws -> String {
      let limits = ["--connect-timeout", "3", "-m", "15"]
      let arguments = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "http://\(address):4320/"]
      return try ChildProgram.run(["curl"] + limits + arguments, input: nil).output
    }
    // Without the policy the other one is called, too: the nodes' proxy knows of it.
    try Installation.setTrafficPolicy("Cluster", of: service)
    try await eventually("a call that nobody answers") { try call() == "000" ? nil : "all are answered" }
    try Installation.setTrafficPolicy("Local", of: service)
    try await eventually("twenty calls that are answered") {
      let failed = try (0..<20).count { _ in try call() == "000" }
      return failed == 0 ? nil : "\(failed) of 20 were not answered"
    }
  }

  /// Installs again; answers what is said when that fails.
  private func install(_ arguments: String...) throws -> String? {
    let outcome = try ChildProgram.run(
      [".build/release/odigos", "install", "--namespace", Self.namespace, "--image", Installation.image] + arguments,
      input: nil)
    return outcome.status == 0 ? nil : outcome.output + outcome.errors
  }

  /// A pod that has a port of the node.
  private static func pod(ofPort taken: String, in namespace: String) -> JSONValue {
    [
      "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "taken", "namespace": .string(namespace)],
      "spec": [
        // One of lower priority would be evicted in the node agent's favour.
        "priorityClassName": "system-node-critical", "terminationGracePeriodSeconds": 0,
        "containers": [
          [
            "name": "app", "image": "localhost/odigos-demo-shop:dev", "imagePullPolicy": "IfNotPresent",
            "command": ["python3", "-m", "http.server", .string(taken)],
            "ports": [["containerPort": .int(Int(taken) ?? 0), "hostPort": .int(Int(taken) ?? 0)]],
          ]
        ],
      ],
    ]
  }

  @Test(.enabled("no port of the node is needed from 1.26 on") { try Cluster.minorVersion() < Self.firstWithServices })
  func aPortThatAnotherPodHasIsToldAndCanBeChanged() async throws {
    let (taken, free) = ("4325", "4326")
    let (other, application) = (
      DevicePods(namespace: "e2e-port", count: 1),
      PlainApplication(namespace: "e2e-tcp-port", labels: "odigos-instrumentation: enabled")
    )
    defer {
      other.remove()
      application.remove()
    }
    try await other.create([Self.pod(ofPort: taken, in: other.namespace)])
    try await eventually("the pod that has the port") {
      let pod = try Cluster.get("pod", "taken", in: other.namespace)
      return pod.map(Cluster.isReady) == true ? nil : "not ready"
    }
    try await undoing {
      try Installation.installAgain()
    } after: {
      try await Setting.preserved {
        // The node agent's new pod is made when the old one's object is gone, and then finds that the port is taken.
        try await eventually("the news that the port is taken", within: .seconds(900)) {
          let failure = try install("--opamp-port", taken, "--timeout", "15") ?? "it was installed"
          let parts = ["free ports", "next: another pod has the node's port", "odigos install --opamp-port"]
          if parts.allSatisfy(failure.contains) { return nil }
          try PodEnd.forget(in: Self.namespace)
          return failure
        }

        // What the configuration says stays, whoever wrote it.
        try Cluster.odigos("config", "set", "odigletOpampPort", free)
        try Installation.installAgain()
        try await Installation.withMountMethod("k8s-init-container") {
          let variables = try await variablesOfAnAgentByTCP(application)
          #expect(variables["ODIGOS_OPAMP_SERVER_HOST"] == "\(try nodeAddress()):\(free)")
        }
      }
    }
  }
}
