import JSON
import KubeClient
import KubeObjects
import Policy
import TestSupport
import Testing

@testable import OdigosCLI

@Suite struct ExplainTests {
  static let pod = """
    apiVersion: v1
    kind: Pod
    metadata: {name: web, namespace: shop}
    spec:
      containers:
        - {name: app, image: x}
    """
  static let source = """
    apiVersion: odigos.io/v1alpha1
    kind: Source
    metadata: {name: all, namespace: shop}
    spec: {workload: {kind: Namespace, name: shop, namespace: shop}}
    """

  static func explain(_ files: [String], runtimes: [String] = []) throws -> Explanation {
    var gathered = ExplanationFiles()
    for file in files { try gathered.add(Array(file.utf8), path: "file.yaml") }
    let runtimes = try runtimes.map(ExplainCommand.runtimeFacts)
    return Explanation.make(try gathered.facts(namespace: nil, runtimes: runtimes))
  }

  /// Documents as the items of a list.
  static func listed(_ documents: [String]) -> String {
    documents.map { "- " + $0.split(separator: "\n").joined(separator: "\n  ") }.joined(separator: "\n")
  }

  static let cases: [(String, [String], [String], ReasonCode)] = [
    ("a pod alone", [pod], [], .noSource),
    ("by a Source", [pod, source], [], .waitingForRuntimeInspection),
    ("several documents", ["\(pod)\n---\n\(source)\n---\n"], ["app=python:3.12"], .injected),
    ("a list, as kubectl writes it", ["kind: List\nitems:\n" + listed([pod, source])], ["app=python"], .injected),
    (
      "lists of one kind each",
      [
        pod,
        "kind: SourceList\nitems:\n"
          + listed(["spec: {workload: {kind: Namespace, name: shop, namespace: shop}}\nmetadata: {namespace: shop}"]),
      ], ["app=python"], .injected
    ),
    (
      "by a label", [pod, "kind: Namespace\nmetadata: {name: shop, labels: {odigos-instrumentation: enabled}}"],
      ["app=python"], .injected
    ),
    ("ignored by the settings alone", [pod, source, "ignoredContainers: [app]"], ["app=python"], .ignoredContainer),
    (
      "ignored by a ConfigMap",
      [pod, source, "kind: ConfigMap\ndata: {config.yaml: 'ignoredContainers: [app]'}"], ["app=python"],
      .ignoredContainer
    ),
    (
      "a collector that is away",
      [pod, source, "kind: CollectorsGroup\nmetadata: {name: odigos-data-collection}\nstatus: {ready: false}"],
      ["app=python"], .waitingForNodeCollector
    ),
    (
      "a rule",
      [
        pod, source, "kind: InstrumentationRule\nmetadata: {name: r}\nspec: {traceConfig: {disabled: true}}",
        "kind: CollectorsGroup\nmetadata: {name: odigos-data-collection}\n"
          + "status: {ready: true, receiverSignals: [TRACES]}",
      ], ["app=python"], .noCollectedSignals
    ),
    (
      "what was seen before",
      [
        pod, source,
        "kind: InstrumentationConfig\nmetadata: {name: pod-web}\n"
          + "status: {runtimeDetailsByContainer: [{containerName: app, language: python, runtimeVersion: 3.12.1}]}",
      ], [], .injected
    ),
  ]

  @Test(arguments: cases) func filesSayEnough(
    _ title: String, _ files: [String], _ runtimes: [String], _ expected: ReasonCode
  ) throws {
    let explanation = try Self.explain(files, runtimes: runtimes)
    #expect(explanation.verdict.code == expected, "\(explanation.verdict)")
    let text = ExplanationReport(explanation: explanation).text
    #expect(text.contains("Verdict: \(expected.rawValue)") && text.contains("What to do: "))
    #expect(text.contains("Patch of a new pod:") == (expected == .injected))
  }

  @Test func whatAPodWithoutNamesIsToldIsAssumed() throws {
    let pod = Self.pod.replacing("spec:\n", with: "spec:\n  hostNetwork: true\n")
    let explanation = try Self.explain([pod, Self.source], runtimes: ["app=python:3.12"])
    let text = ExplanationReport(explanation: explanation).text
    #expect(explanation.verdict.code == .injected && text.contains("http://192.0.2.1:4318"), "\(text)")
    #expect(text.contains("192.0.2.1 and 192.0.2.2, which are examples"), "\(text)")
    let other = ExplanationReport(explanation: try Self.explain([Self.pod, Self.source], runtimes: ["app=python"])).text
    #expect(!other.contains("192.0.2"))
  }

  @Test func whatIsNotLookedAtIsTold() throws {
    let other = "kind: Service\nmetadata: {name: web}\n---\nkind: Ingress\nmetadata: {name: web}"
    let text = ExplanationReport(explanation: try Self.explain([Self.pod, Self.source, other])).text
    #expect(text.contains("What file.yaml has of kind Ingress, Service makes no difference."), "\(text)")
  }

  static let refused: [([String], [String], String)] = [
    ([source], [], "no file has a pod"), ([pod, "kind: Deployment\nmetadata: {name: b}"], [], "both web and b"),
    (["a: [b"], [], "no YAML"), (["- a"], [], "no object"), (["kind: Source\nspec: {}"], [], "names no workload"),
    ([pod], ["app"], "CONTAINER=LANGUAGE"), ([pod], ["app=cobol"], "python"),
  ]

  @Test(arguments: refused) func saysWhatIsWrongWithFiles(_ files: [String], _ runtimes: [String], _ mention: String) {
    let failure = #expect(throws: CommandFailure.self) { try Self.explain(files, runtimes: runtimes) }
    #expect(failure?.description.contains(mention) == true, "\(String(describing: failure))")
  }

  /// The node agents without the device, and the image that pods then copy the files from.
  private static let mounts: [(path: String, body: JSONValue)] = [
    (
      "/apis/apps/v1/namespaces/own/daemonsets/odiglet",
      [
        "metadata": ["name": "odiglet", "namespace": "own"],
        "spec": [
          "template": [
            "spec": [
              "containers": [
                ["name": "odiglet", "env": [["name": "ODIGOS_NODE_FEATURES", "value": "runtime-inspection"]]]
              ]
            ]
          ]
        ], "status": ["numberReady": 1],
      ]
    ),
    (
      "/apis/apps/v1/deployments",
      [
        "metadata": ["resourceVersion": "1"],
        "items": [
          [
            "metadata": ["name": "odigos-instrumentor", "namespace": "own"],
            "spec": [
              "template": [
                "spec": [
                  "containers": [
                    [
                      "name": "instrumentor",
                      "env": [["name": "ODIGOS_INIT_CONTAINER_IMAGE", "value": "registry.example/odigos:1"]],
                    ]
                  ]
                ]
              ]
            ],
          ]
        ],
      ]
    ),
  ]

  @Test(arguments: ["k8s-host-path", "k8s-virtual-device"])
  func theClusterIsAskedForEverythingThatCounts(_ mountMethod: String) async throws {
    let server = try ScriptedServer()
    func answers(_ bodies: [(path: String, body: JSONValue)]) -> String {
      var script: JSONValue = [:]
      for (path, body) in bodies { script["GET \(path)"] = [["body": body]] }
      return String(decoding: script.serialized(), as: UTF8.self)
    }
    func list(_ items: JSONValue...) -> JSONValue { ["metadata": ["resourceVersion": "1"], "items": .array(items)] }
    let odigos = "/apis/odigos.io/v1alpha1/namespaces"
    try server.play(
      answers(
        [
          (
            "/apis/apps/v1/namespaces/shop/deployments/web",
            [
              "metadata": ["name": "web", "namespace": "shop"],
              "spec": ["template": ["spec": ["containers": [["name": "app"]]]]],
            ]
          ),
          ("/api/v1/namespaces/shop", ["metadata": ["name": "shop", "labels": ["odigos-instrumentation": "enabled"]]]),
          ("\(odigos)/shop/sources", list()), ("\(odigos)/own/instrumentationrules", list()),
          ("\(odigos)/own/actions", list()),
          (
            "/api/v1/nodes",
            list([
              "metadata": [
                "name": "n1", "annotations": ["odigos.io/agents": #"{"distributions": {"python-community": {}}}"#],
              ]
            ])
          ),
          (
            "\(odigos)/own/collectorsgroups/odigos-data-collection",
            ["metadata": ["name": "odigos-data-collection"], "status": ["ready": true, "receiverSignals": ["TRACES"]]]
          ), ("/version", ["gitVersion": "v1.25.3", "major": "1", "minor": "25"]),
          (
            "/api/v1/namespaces/own/configmaps/effective-config",
            [
              "metadata": ["name": "effective-config"],
              "data": ["config.yaml": .string("mountMethod: \(mountMethod)\n")],
            ]
          ),
          (
            "\(odigos)/shop/instrumentationconfigs/deployment-web",
            [
              "metadata": ["name": "deployment-web", "namespace": "shop"], "spec": ["agentsMetaHash": "old"],
              "status": ["runtimeDetailsByContainer": [["containerName": "app", "language": "python"]]],
            ]
          ),
        ] + Self.mounts))
    let client = KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
    defer { client.shutdown() }
    let query = ExplanationQuery(client: client, system: "own")
    let explanation = Explanation.make(try await query.facts(.deployment, ObjectKey(namespace: "shop", name: "web")))
    #expect(explanation.verdict.code == .injected, "\(explanation.verdict)")
    #expect(explanation.steps.contains { $0.code == .namespaceLabel })
    #expect(explanation.steps.contains { $0.sentence.contains("does not say so yet") })
    let patch = String(decoding: explanation.patch ?? [], as: UTF8.self)
    #expect(patch.contains("$(NODE_IP):4318"), "the version of the cluster")
    let isHostPath = mountMethod == "k8s-host-path"
    #expect(patch.contains("hostPath") == isHostPath, "settings of the cluster")
    #expect(patch.contains("registry.example/odigos:1") != isHostPath, "where nodes do not offer the device")
    #expect(!patch.contains("instrumentation.odigos.io/generic"))
    let failure = await #expect(throws: CommandFailure.self) {
      try await query.facts(.pod, ObjectKey(namespace: "shop", name: "nothing"))
    }
    #expect(failure?.description.contains("there is no Pod shop/nothing") == true)
  }
}
