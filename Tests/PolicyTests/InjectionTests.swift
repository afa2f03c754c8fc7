import JSON
import KubeObjects
import OdigosObjects
import Policy
import Testing

/// Injects a pod of the namespace `shop` and gives what the patch makes of it.
func inject(_ pod: JSONValue, _ facts: InjectionFacts) throws -> (pod: JSONValue, plan: InjectionPlan) {
  let view = try JSONDocument(parsing: pod.serialized()).root
  let owner = try #require(WorkloadOwner(pod: view, namespace: "shop"))
  let plan = Injection.plan(pod: view, owner: owner, facts: facts)
  if plan.isEmpty {
    #expect(plan.patch().isEmpty)
    return (pod, plan)
  }
  let patch = try JSONPatch(json: JSONValue(parsing: plan.patch()))
  return (try patch.applied(to: pod), plan)
}

@Suite struct InjectionTests {
  static func settings(
    _ method: MountMethod = .virtualDevice, karpenter: Bool = false,
    endpoint: InjectionSettings.Endpoint = .nodeAddress
  ) -> InjectionSettings {
    // What agents are told of the OpAMP server is the matter of other tests.
    var settings = InjectionSettings(
      ownNamespace: "odigos-system", mountMethod: method, karpenterEnabled: karpenter, endpoint: endpoint,
      signals: [.traces])
    settings.inventory = AgentInventory(directories: ["python"])
    return settings
  }

  /// The facts of a Deployment `web` whose container `app` runs Python.
  static func facts(
    _ settings: InjectionSettings = settings(), image: [NamedValue] = []
  ) throws -> InjectionFacts {
    let app = RuntimeFacts(
      containerName: "app", language: .python, runtimeVersion: "3.11", envFromContainerRuntime: image)
    let verdict = AgentPolicy.decide(AgentPolicyTests.facts([app]))
    return try InjectionFacts(
      workload: WorkloadReference(namespace: "shop", kind: .deployment, name: "web"), serviceName: "web",
      verdict: verdict, runtimeDetails: [app], settings: settings)
  }

  static func pod(_ container: JSONValue, spec: JSONValue = [:], labels: JSONValue = [:]) -> JSONValue {
    var container = container
    container["name"] = "app"
    var spec = spec
    spec["containers"] = [container]
    return [
      "metadata": [
        "labels": labels,
        "ownerReferences": [["kind": "ReplicaSet", "name": "web-6bc8d", "uid": "u-1", "controller": true]],
      ],
      "spec": spec,
    ]
  }

  @Test(arguments: [MountMethod.virtualDevice, .hostPath]) func goldenPairs(_ method: MountMethod) throws {
    let config = InstrumentationConfig(json: try fixture("python.instrumentationconfig.json"))
    let facts = try InjectionFacts(instrumentationConfig: config, settings: Self.settings(method))
    let pod = try fixture("python.pod.json")
    let expected = try fixture("python.\(method.rawValue).json")
    let (result, plan) = try inject(pod, facts)
    #expect(result == expected)
    #expect(plan.reason.code == .injected && plan.containerNames == ["app", "worker", "plain"])
    #expect(try inject(result, facts).plan.reason.code == .alreadyInjected)
    #expect(Removal.remove(from: result) == pod)
    #expect(Removal.remove(from: pod) == nil)
  }

  /// The variable of the first container after injection.
  private func variable(_ name: String, _ pod: JSONValue) -> JSONValue? {
    let entries = pod.at("spec", "containers")?[0]?["env"]?.array ?? []
    let named = entries.filter { $0["name"]?.string == name }
    #expect(named.count <= 1)
    return named.last
  }

  @Test func resourceAttributesOfAPodOfAReplicaSet() throws {
    let result = try inject(Self.pod([:]), Self.facts()).pod
    #expect(
      variable("OTEL_RESOURCE_ATTRIBUTES", result)?["value"]
        == """
        k8s.pod.name=$(ODIGOS_POD_NAME),k8s.container.name=app,k8s.namespace.name=shop,k8s.deployment.name=web,\
        odigos.workload.kind=Deployment,odigos.workload.name=web,k8s.replicaset.name=web-6bc8d,k8s.replicaset.uid=u-1
        """)
  }

  @Test(
    arguments: [
      ("StatefulSet", "db", "k8s.statefulset.name=db,odigos.workload.kind=StatefulSet,odigos.workload.name=db"),
      (
        "Job", "report-28391820",
        "k8s.cronjob.name=report,odigos.workload.kind=CronJob,odigos.workload.name=report,"
          + "k8s.job.name=report-28391820,k8s.job.uid=u-1"
      ),
      ("Job", "once", "k8s.job.name=once,odigos.workload.kind=Job,odigos.workload.name=once,k8s.job.uid=u-1"),
    ] as [(String, String, String)]) func resourceAttributesOfOthers(
      _ kind: String, _ name: String, _ end: String
    ) throws
  {
    var pod = Self.pod([:])
    pod.set(["metadata", "ownerReferences"], [["kind": .string(kind), "name": .string(name), "uid": "u-1"]])
    let workload = try #require(WorkloadOwner(pod: try JSONDocument(parsing: pod.serialized()).root, namespace: "shop"))
    let app = AgentPolicyTests.python()
    let facts = try InjectionFacts(
      workload: workload.workload, serviceName: "x", verdict: AgentPolicy.decide(AgentPolicyTests.facts([app])),
      runtimeDetails: [app], settings: Self.settings())
    let value = variable("OTEL_RESOURCE_ATTRIBUTES", try inject(pod, facts).pod)?["value"]?.string
    #expect(value?.hasSuffix(",k8s.namespace.name=shop," + end) ?? false, "\(value ?? "")")
  }

  static let ours =
    "/var/odigos/python:/var/odigos/python/opentelemetry/instrumentation/auto_instrumentation"
  static let paths: [(String, JSONValue, String, String)] = [
    ("none", [], "", ours),
    ("literal", [["name": "PYTHONPATH", "value": "/a:/b"]], "", "/a:/b:" + ours),
    ("empty literal", [["name": "PYTHONPATH", "value": ""]], "/image", ours),
    ("no value", [["name": "PYTHONPATH"]], "", ours),
    ("image", [], "/image", "/image:" + ours),
    ("image with dollars", [], "/a$(B)$$", "/a$$(B)$$$$:" + ours),
    ("literal beats image", [["name": "PYTHONPATH", "value": "/a"]], "/image", "/a:" + ours),
    ("ours already", [["name": "PYTHONPATH", "value": "/var/odigos/python-old"]], "", "/var/odigos/python-old"),
    (
      "from elsewhere", [["name": "PYTHONPATH", "valueFrom": ["secretKeyRef": ["name": "s", "key": "k"]]]], "",
      "$(ORIGINAL_PYTHONPATH):" + ours
    ),
    (
      "from elsewhere, name taken",
      [
        ["name": "ORIGINAL_PYTHONPATH", "value": "x"],
        ["name": "PYTHONPATH", "valueFrom": ["secretKeyRef": ["name": "s", "key": "k"]]],
      ], "", "$(ORIGINAL_ORIGINAL_PYTHONPATH):" + ours
    ),
  ]

  @Test(arguments: paths.indices) func appendsToWhatIsThere(_ index: Int) throws {
    let (title, env, image, expected) = Self.paths[index]
    let pod = Self.pod(["env": env])
    let facts = try Self.facts(image: image.isEmpty ? [] : [NamedValue(name: "PYTHONPATH", value: image)])
    let result = try inject(pod, facts).pod
    #expect(variable("PYTHONPATH", result)?["value"]?.string == expected, "\(title)")
    #expect(try inject(result, facts).plan.isEmpty, "\(title)")
  }

  @Test func referencesToAMovedVariableStillResolve() throws {
    let env: JSONValue = [
      ["name": "A", "value": "1"], ["name": "PYTHONPATH", "valueFrom": ["fieldRef": ["fieldPath": "spec.x"]]],
      ["name": "B", "value": "$(PYTHONPATH)"],
    ]
    let result = try inject(Self.pod(["env": env]), Self.facts()).pod
    let names = result.at("spec", "containers")?[0]?["env"]?.array?.compactMap { $0["name"]?.string } ?? []
    #expect(names.prefix(4) == ["A", "ORIGINAL_PYTHONPATH", "PYTHONPATH", "B"])
  }

  @Test func theLastOfSeveralCounts() throws {
    let env: JSONValue = [["name": "PYTHONPATH", "value": "/a"], ["name": "PYTHONPATH", "value": "/b"]]
    let result = try inject(Self.pod(["env": env]), Self.facts()).pod
    let entries = result.at("spec", "containers")?[0]?["env"]
    #expect(entries?[0]?["value"] == "/a" && entries?[1]?["value"] == .string("/b:" + Self.ours))
  }

  @Test func namesThatAreThereAreNotTouched() throws {
    let taken = [
      "OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_TRACES_EXPORTER",
    ]
    let env = JSONValue.array(taken.map { ["name": .string($0), "value": "mine"] })
    let result = try inject(Self.pod(["env": env]), Self.facts()).pod
    for name in taken { #expect(variable(name, result)?["value"] == "mine") }
    #expect(variable("NODE_IP", result) == nil)
  }

  @Test func theServiceOfNewerClusters() throws {
    let result = try inject(Self.pod([:]), Self.facts(Self.settings(endpoint: .localTrafficService))).pod
    let endpoint = variable("OTEL_EXPORTER_OTLP_ENDPOINT", result)?["value"]
    #expect(endpoint == "http://odigos-data-collection-local-traffic.odigos-system:4318")
    #expect(variable("NODE_IP", result) == nil)
  }

  static let affinities: [(String, JSONValue, [JSONValue]?)] = {
    let demand: JSONValue = ["key": "odigos.io/odiglet-oss-installed", "operator": "In", "values": ["true"]]
    let pool: JSONValue = ["key": "pool", "operator": "Exists"]
    func required(_ terms: JSONValue) -> JSONValue {
      ["nodeAffinity": ["requiredDuringSchedulingIgnoredDuringExecution": ["nodeSelectorTerms": terms]]]
    }
    let alone: [JSONValue] = [["matchExpressions": [demand]]]
    return [
      ("none", .null, alone), ("empty", [:], alone), ("other kinds", ["podAffinity": ["x": 1]], alone),
      ("preferred only", ["nodeAffinity": ["preferredDuringSchedulingIgnoredDuringExecution": [["weight": 1]]]], alone),
      (
        "two terms", required([["matchExpressions": [pool]], ["matchExpressions": [pool], "matchFields": [pool]]]),
        [["matchExpressions": [pool, demand]], ["matchExpressions": [pool, demand], "matchFields": [pool]]]
      ),
      ("fields", required([["matchFields": [pool]]]), [["matchFields": [pool], "matchExpressions": [demand]]]),
      ("a term that matches nothing", required([[:], ["matchExpressions": []]]), [[:], ["matchExpressions": []]]),
      ("demanded already", required([["matchExpressions": [demand, pool]]]), [["matchExpressions": [demand, pool]]]),
    ]
  }()

  @Test(arguments: affinities.indices) func affinityIsDemandedInEveryTerm(_ index: Int) throws {
    let (title, affinity, expected) = Self.affinities[index]
    let pod = Self.pod([:], spec: affinity.isNull ? [:] : ["affinity": affinity])
    let facts = try Self.facts(Self.settings(.hostPath))
    let result = try inject(pod, facts).pod
    let path = ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"]
    #expect(result["spec"]?.at(path)?.array == expected, "\(title)")
    for (key, value) in affinity.object ?? [:] where key != "nodeAffinity" {
      #expect(result.at("spec", "affinity", key) == value)
    }
    #expect(try inject(result, facts).plan.isEmpty, "\(title)")
  }

  @Test func noAffinityWhereKarpenterMakesNodes() throws {
    let result = try inject(Self.pod([:]), Self.facts(Self.settings(.hostPath, karpenter: true))).pod
    #expect(result.at("spec", "affinity") == nil && result.at("spec", "volumes")?.array?.count == 1)
  }

  @Test(
    arguments: [.null, [:], ["limits": .null], ["limits": ["cpu": "1"]], ["requests": [:], "claims": []]] as [JSONValue]
  )
  func theDeviceIsInBothLists(_ resources: JSONValue) throws {
    let pod = Self.pod(resources.isNull ? [:] : ["resources": resources])
    let result = try inject(pod, Self.facts()).pod
    let after = result.at("spec", "containers")?[0]?["resources"]
    for list in ["limits", "requests"] {
      #expect(after?.at(list, "instrumentation.odigos.io/generic") == "1")
    }
    #expect(after?.at("limits", "cpu") == resources.at("limits", "cpu"))
  }

  @Test func aStaleLabelIsReplaced() throws {
    let facts = try Self.facts()
    let result = try inject(Self.pod([:], labels: ["odigos.io/agents-meta-hash": "old", "app": "web"]), facts).pod
    #expect(result.at("metadata", "labels", "odigos.io/agents-meta-hash") == .string(facts.agentsMetaHash))
    #expect(result.at("metadata", "labels", "app") == "web")
  }

  @Test(
    arguments: [
      [:], ["spec": ["containers": []]], ["metadata": [:]], ["metadata": [:], "spec": ["containers": "x"]], "text", [],
    ] as [JSONValue]) func malformedPodsStayAsTheyAre(_ pod: JSONValue) throws
  {
    let owner = try #require(WorkloadOwner(pod: Pod(json: Self.podInShop())))
    let view = try JSONDocument(parsing: pod.serialized()).root
    let plan = Injection.plan(pod: view, owner: owner, facts: try Self.facts())
    #expect(plan.isEmpty && plan.patch().isEmpty && plan.reason.code == .malformedPod)
  }

  private static func podInShop() -> JSONValue {
    var pod = pod([:])
    pod.set(["metadata", "namespace"], "shop")
    return pod
  }

  @Test func aPodWithoutTheContainersStaysAsItIs() throws {
    var pod = Self.pod([:])
    pod.set(["spec", "containers"], [["name": "other"], ["image": "nameless"]])
    let plan = try inject(pod, Self.facts()).plan
    #expect(plan.isEmpty && plan.reason.code == .notInstrumented)
  }

  @Test(
    arguments: [
      ("agentInjectionEnabled", false, ReasonCode.injectionDisabled), ("serviceName", "", .noServiceName),
      ("containers", [], .injectionDisabled),
      ("containers", [["containerName": "a", "agentEnabled": true, "otelDistroName": "nope"]], .noAvailableAgent),
    ] as [(String, JSONValue, ReasonCode)]) func configsThatInjectNothingSayWhy(
      _ key: String, _ value: JSONValue, _ expected: ReasonCode
    ) throws
  {
    var json = try fixture("python.instrumentationconfig.json")
    json.set(["spec", key], value)
    do {
      _ = try InjectionFacts(instrumentationConfig: InstrumentationConfig(json: json), settings: Self.settings())
      Issue.record("injects")
    } catch { #expect(error.code == expected && !error.message.isEmpty) }
  }
}
