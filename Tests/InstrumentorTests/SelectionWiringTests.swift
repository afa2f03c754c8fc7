import Concurrency
import JSON
import KubeClient
import KubeObjects
import Logging
import OdigosObjects
import Policy
import TestSupport
import Testing

@testable import Instrumentor

@Suite struct SelectionWiringTests {
  static func situation(
    _ kind: WorkloadKind, _ object: JSONValue, sources: [SourceFacts]? = nil, hashes: [String] = [""],
    rules: [InstrumentationRuleFacts] = []
  ) -> WorkloadSituation {
    let reference = WorkloadReference(namespace: "shop", kind: kind, name: "web")
    let sources =
      sources ?? [SourceFacts(name: "s", namespace: "shop", target: .workload(kind), workloadName: "web")]
    let selection = Selection.decide(
      workload: reference, workloadLabels: [:], namespaceLabels: [:], sources: SourceIndex(sources),
      ownNamespace: "own")
    var config = InstrumentationConfig(name: reference.instrumentationConfigName, namespace: "shop")
    config.json.set(
      ["status", "runtimeDetailsByContainer"],
      [["containerName": "app", "language": "python", "runtimeVersion": "3.12"]])
    return WorkloadSituation(
      workload: WorkloadObject(reference, object), selection: selection, config: config,
      nodeCollector: .ready([.traces]), configuration: OdigosConfiguration(), rules: rules,
      pods: hashes.enumerated().map { PodFacts(name: "web-\($0)", hash: $1) },
      now: "2025-01-01T00:00:00Z")
  }

  static func object(_ kind: WorkloadKind) -> JSONValue {
    var object: JSONValue = ["metadata": ["name": "web", "namespace": "shop", "uid": "u"]]
    object.set(kind.templatePath + ["spec", "containers"], [["name": "app"], ["name": "side"]])
    return object
  }

  @Test(arguments: WorkloadKind.allCases) func everyKindShowsItsContainers(_ kind: WorkloadKind) {
    let reference = WorkloadReference(namespace: "shop", kind: kind, name: "web")
    #expect(WorkloadObject(reference, Self.object(kind)).containerNames == ["app", "side"])
  }

  @Test(arguments: [WorkloadKind.cronJob, .job, .pod]) func kindsThatCannotRestartAreNeverPatched(_ kind: WorkloadKind)
  {
    let plan = WorkloadPlan.make(Self.situation(kind, Self.object(kind)))
    guard case .apply(let config) = plan.config else {
      Issue.record("no InstrumentationConfig for \(kind)")
      return
    }
    #expect(config.spec.agentInjectionEnabled == true && plan.workloadPatch == nil)
    var leaving = Self.situation(kind, Self.object(kind), sources: [], hashes: ["0123456789abcdef"])
    leaving.config = nil
    #expect(WorkloadPlan.make(leaving) == WorkloadPlan())
  }

  @Test func whatASourceSaysOfAPodOutlivesThePod() {
    func owners(_ sources: [SourceFacts]) -> [String] {
      let plan = WorkloadPlan.make(Self.situation(.pod, Self.object(.pod), sources: sources))
      guard case .apply(let config) = plan.config else { return ["none"] }
      return config.metadata.ownerReferences.map(\.kind)
    }
    let named = SourceFacts(name: "s", namespace: "shop", target: .workload(.pod), workloadName: "web")
    let namespace = SourceFacts(name: "n", namespace: "shop", target: .namespace, workloadName: "shop")
    #expect(owners([named]) == [])
    #expect(owners([namespace]) == ["Pod"])
  }

  @Test func anArgoRolloutTellsItsPhase() {
    let reference = WorkloadReference(namespace: "shop", kind: .rollout, name: "web")
    func ongoing(_ phase: String) -> Bool {
      WorkloadObject(
        reference, ["metadata": ["generation": 3], "status": ["observedGeneration": "3", "phase": .string(phase)]]
      ).isRolloutOngoing
    }
    #expect(ongoing("Progressing") && ongoing("Paused") && !ongoing("Healthy") && !ongoing("Degraded"))
  }

  @Test func rulesReachTheInstrumentationConfig() {
    let rule = InstrumentationRuleFacts(
      key: ObjectKey(namespace: "own", name: "r"),
      spec: ["headersCollection": ["headerKeys": ["x"]], "codeAttributes": ["function": true]])
    let plan = WorkloadPlan.make(Self.situation(.deployment, Self.object(.deployment), rules: [rule]))
    guard case .apply(let config) = plan.config else {
      Issue.record("no InstrumentationConfig")
      return
    }
    let container = config.json.at("spec", "containers")?[0]
    #expect(container?["traces"] == ["headersCollection": ["headerKeys": ["x"]], "codeAttributes": ["function": true]])
    #expect(config.json.at("spec", "sdkConfigs") == [["language": "python", "codeAttributes": ["function": true]]])
  }

  @Test func agentsThatNeedNoNewPodsAreNotedWithTheTime() throws {
    var situation = Self.situation(.deployment, Self.object(.deployment))
    let ebpf = ContainerOverrideFacts(containerName: "app", distributionName: "opentelemetry-ebpf-instrumentation")
    func desired(_ overrides: [ContainerOverrideFacts]) -> InstrumentationConfig {
      situation.selection.containerOverrides = overrides
      var facts = AgentFacts(
        selection: situation.selection, containerNames: ["app"],
        runtimeDetails: [RuntimeFacts(containerName: "app", language: .python, runtimeVersion: "3.12")],
        nodeCollector: .ready([.traces]), configuration: OdigosConfiguration(), rules: [], rollback: nil, templates: [])
      facts.inventory = .everything
      return DesiredConfig.make(situation, AgentPolicy.decide(facts), RollbackState(situation))
    }
    let first = desired([ebpf])
    #expect(first.spec.podManifestInjectionOptional == true)
    #expect(first.metadata.annotations[OdigosAnnotation.restartOptionalSince] == situation.now)
    #expect(!DesiredConfig.isApplied(first, in: situation.config))
    situation.config = first
    let since = situation.now
    situation.now = "2025-02-01T00:00:00Z"
    #expect(desired([ebpf]).metadata.annotations[OdigosAnnotation.restartOptionalSince] == since)
    #expect(DesiredConfig.isApplied(desired([ebpf]), in: first))
    let other = desired([])
    #expect(other.spec.podManifestInjectionOptional == nil)
    #expect(other.metadata.annotations[OdigosAnnotation.restartOptionalSince] == nil)
    #expect(!DesiredConfig.isApplied(other, in: first))
  }

  @Test func aRuleIsToldItsStandingOnce() throws {
    var rule = InstrumentationRule(name: "r", namespace: "own")
    rule.json["spec"] = ["otelDistros": ["otelDistroNames": ["nope"]]]
    let status = try #require(RuleStatusController.status(rule, now: "2025-01-01T00:00:00Z"))
    let condition = status.status.conditions.condition("Applied")
    #expect(condition?.status == "False" && condition?.reason == "InvalidRule")
    #expect(status.json["spec"] == nil, "only the status is ours")
    rule.status.conditions = status.status.conditions
    #expect(RuleStatusController.status(rule, now: "2025-01-02T00:00:00Z") == nil)
  }

  @Test func sourcesAreToldWhatComesOfThem() {
    func source(_ name: String, _ spec: JSONValue) -> Source {
      var source = Source(name: name, namespace: "shop")
      source.json["spec"] = spec
      return source
    }
    func workload(_ name: String, _ kind: String = "Deployment") -> JSONValue {
      ["kind": .string(kind), "name": .string(name), "namespace": "shop"]
    }
    let sources = [
      source("good", ["workload": workload("api")]), source("one", ["workload": workload("web")]),
      source("two", ["workload": workload("w.b"), "matchWorkloadNameAsRegex": true]),
      source("broken", ["workload": workload("w("), "matchWorkloadNameAsRegex": true]),
      source("off", ["workload": workload("db"), "disableInstrumentation": true]),
      source("kind", ["workload": workload("x", "Gadget")]), source("all", ["workload": workload("shop", "Namespace")]),
      source("astray", ["workload": workload("other", "Namespace")]),
    ]
    let told = SourceStatusController.statuses(sources, now: "2025-01-01T00:00:00Z")
    let reasons = told.map { "\($0.name) \($0.status.conditions.condition("Applied")?.reason ?? "")" }
    #expect(
      reasons == [
        "good WorkloadSource", "one ConflictingSources", "two WorkloadSource", "broken InvalidSource",
        "off WorkloadSourceDisabled", "kind InvalidSource", "all NamespaceSource", "astray InvalidSource",
      ])
    let again = zip(sources, told).map { source, status in
      var source = source
      source.json["status"] = status.json["status"]
      return source
    }
    #expect(SourceStatusController.statuses(again, now: "2025-01-02T00:00:00Z").isEmpty)
  }

  @Test func onlyKindsThatTheClusterHasAreWatched() async throws {
    let server = try ScriptedServer()
    func resources(_ names: [String]) -> String {
      #"[{"body":{"resources":["# + names.map { #"{"name":"\#($0)"}"# }.joined(separator: ",") + "]}}]"
    }
    try server.play(
      #"{"GET /apis/batch/v1":\#(resources(["jobs", "jobs/status"])),"# + #""GET /apis/batch/v1beta1":"#
        + resources(["cronjobs"]) + #","GET /apis/argoproj.io/v1alpha1":\#(resources(["workflows", "rollouts"]))}"#)
    let client = KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
    defer { client.shutdown() }
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let found = try await WorkloadDiscovery(client: client, logger: logger).informers()
    // Argo Rollouts and DeploymentConfigs come with definitions of their own, maybe later.
    #expect(found.map(\.kind) == [.cronJob, .job, .rollout, .deploymentConfig])
  }

  @Test func aKindThatComesLaterIsWatchedFromThenOn() async throws {
    let server = try ScriptedServer()
    let rollouts = "/apis/argoproj.io/v1alpha1"
    let nothing = ReconcilerBench.failure(404, "NotFound")
    let script: JSONValue = [
      "GET \(rollouts)": [nothing, nothing, ReconcilerBench.answer(["resources": [["name": "rollouts"]]])],
      "GET /apis/batch/v1": [nothing], "GET /apis/batch/v1beta1": [nothing],
      "GET \(rollouts)/rollouts": [
        ReconcilerBench.list([
          ["metadata": ["name": "web", "namespace": "shop", "resourceVersion": "3"], "spec": ["replicas": 1]]
        ])
      ], "WATCH \(rollouts)/rollouts": [["lines": [], "then": "hold"]],
    ]
    try server.play(String(decoding: script.serialized(), as: UTF8.self))
    let client = KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
    let discovery = WorkloadDiscovery(client: client, logger: AdmissionSample.logger, period: .milliseconds(20))
    let found = try await discovery.informers()
    let informer = try #require(found.first { $0.kind == .rollout })
    let seen = Locked<[ObjectKey]>([])
    informer.onChange { key in seen.withLock { $0.append(key) } }
    let task = Task { await informer.run() }
    await informer.waitForSync()
    #expect(informer.keys().isEmpty, "nobody waits for what may never come")
    try await eventually("the Rollout is seen") {
      seen.withLock { $0 } == [ObjectKey(namespace: "shop", name: "web")]
    }
    task.cancel()
    client.shutdown()
    await task.value
  }
}
