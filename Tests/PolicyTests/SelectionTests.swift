import JSON
import OdigosObjects
import Policy
import Testing

@Suite struct SelectionTests {
  static let workload = WorkloadReference(namespace: "shop", kind: .deployment, name: "web")

  static func source(
    _ name: String, _ workload: String = "web", disabled: Bool = false, expression: Bool = false,
    deleting: Bool = false, kind: WorkloadKind = .deployment, namespace: String = "shop"
  ) -> SourceFacts {
    SourceFacts(
      name: name, namespace: namespace, target: .workload(kind), workloadName: workload,
      matchesByExpression: expression,
      isDisabled: disabled, isBeingDeleted: deleting)
  }
  static func namespaceSource(_ name: String = "ns", disabled: Bool = false, deleting: Bool = false) -> SourceFacts {
    SourceFacts(
      name: name, namespace: "shop", target: .namespace, workloadName: "shop", isDisabled: disabled,
      isBeingDeleted: deleting)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var title: String
    var sources: [SourceFacts] = []
    var workloadLabel: String?
    var namespaceLabel: String?
    var expected: ReasonCode
    var outcome: SelectionVerdict.Outcome
    var testDescription: String { title }
  }

  static let cases: [Case] = [
    Case(title: "nothing", expected: .noSource, outcome: .leave),
    Case(title: "workload Source", sources: [source("s")], expected: .workloadSource, outcome: .instrument),
    Case(
      title: "disabled workload Source beats everything below",
      sources: [source("s", disabled: true), namespaceSource()],
      workloadLabel: "enabled", namespaceLabel: "enabled", expected: .workloadSourceDisabled, outcome: .leave),
    Case(
      title: "workload Source beats the workload's label", sources: [source("s")], workloadLabel: "disabled",
      expected: .workloadSource, outcome: .instrument),
    Case(title: "workload label", workloadLabel: "enabled", expected: .workloadLabel, outcome: .instrument),
    Case(
      title: "workload label disabled in an opted-in namespace", sources: [namespaceSource()],
      workloadLabel: "disabled",
      namespaceLabel: "enabled", expected: .workloadLabelDisabled, outcome: .leave),
    Case(title: "namespace Source", sources: [namespaceSource()], expected: .namespaceSource, outcome: .instrument),
    Case(
      title: "namespace Source beats its label", sources: [namespaceSource()], namespaceLabel: "disabled",
      expected: .namespaceSource, outcome: .instrument),
    Case(
      title: "disabled namespace Source beats the namespace's label", sources: [namespaceSource(disabled: true)],
      namespaceLabel: "enabled", expected: .namespaceSourceDisabled, outcome: .leave),
    Case(
      title: "disabled namespace Source leaves the workload's label", sources: [namespaceSource(disabled: true)],
      workloadLabel: "enabled", expected: .workloadLabel, outcome: .instrument),
    Case(
      title: "disabled namespace Source alone", sources: [namespaceSource(disabled: true)], expected: .noSource,
      outcome: .leave),
    Case(title: "namespace label", namespaceLabel: "enabled", expected: .namespaceLabel, outcome: .instrument),
    Case(title: "namespace label disabled", namespaceLabel: "disabled", expected: .noSource, outcome: .leave),
    Case(title: "another value of the label", namespaceLabel: "yes", expected: .noSource, outcome: .leave),
    Case(
      title: "Sources under deletion are absent",
      sources: [source("s", deleting: true), namespaceSource(deleting: true)],
      expected: .noSource, outcome: .leave),
    Case(
      title: "other kinds, names and namespaces",
      sources: [
        source("a", kind: .daemonSet), source("b", "webby"), source("c", namespace: "other"),
        SourceFacts(name: "d", namespace: "shop", target: .unknown("Deployments"), workloadName: "web"),
      ], expected: .noSource, outcome: .leave),
    Case(
      title: "expression", sources: [source("s", "w.b|api", expression: true)], expected: .workloadSource,
      outcome: .instrument),
    Case(
      title: "expressions match whole names", sources: [source("s", "we", expression: true)], expected: .noSource,
      outcome: .leave),
    Case(
      title: "two Sources", sources: [source("one"), source("two", "w.*", expression: true)],
      expected: .conflictingSources, outcome: .undecided),
    Case(
      title: "two namespace Sources", sources: [namespaceSource("one"), namespaceSource("two")],
      expected: .conflictingSources, outcome: .undecided),
    Case(
      title: "broken expression", sources: [source("s", "w(", expression: true), namespaceSource()],
      expected: .invalidSource, outcome: .undecided),
    Case(
      title: "a broken expression does not stop a Source that names the workload",
      sources: [source("s", "w(", expression: true), source("t")], expected: .workloadSource, outcome: .instrument),
    Case(
      title: "a broken expression of another kind",
      sources: [source("s", "w(", expression: true, kind: .daemonSet), namespaceSource()],
      expected: .namespaceSource, outcome: .instrument),
    Case(
      title: "two expressions",
      sources: [source("one", "w.*", expression: true, deleting: false), source("two", "[a-z]+", expression: true)],
      expected: .conflictingSources, outcome: .undecided),
    Case(
      title: "a namespace Source under another name",
      sources: [SourceFacts(name: "n", namespace: "shop", target: .namespace, workloadName: "other")],
      expected: .noSource, outcome: .leave),
  ]

  @Test(arguments: cases) func decides(_ item: Case) {
    let verdict = Selection.decide(
      workload: Self.workload, workloadLabels: label(item.workloadLabel), namespaceLabels: label(item.namespaceLabel),
      sources: SourceIndex(item.sources), ownNamespace: "odigos-system")
    #expect(verdict.reason.code == item.expected)
    #expect(verdict.outcome == item.outcome)
    #expect(verdict.isInstrumented == (item.outcome == .instrument))
    #expect(!verdict.reason.message.isEmpty)
  }

  private func label(_ value: String?) -> [String: String] { value.map { ["odigos-instrumentation": $0] } ?? [:] }

  @Test(arguments: ["kube-system", "kube-public", "kube-node-lease", "own"]) func systemNamespacesNever(
    _ namespace: String
  ) {
    let workload = WorkloadReference(namespace: namespace, kind: .deployment, name: "web")
    let verdict = Selection.decide(
      workload: workload, workloadLabels: ["odigos-instrumentation": "enabled"],
      namespaceLabels: ["odigos-instrumentation": "enabled"],
      sources: SourceIndex([Self.source("s", namespace: namespace)]), ownNamespace: "own")
    #expect(verdict.reason.code == .ignoredNamespace && !verdict.isInstrumented)
  }

  @Test(arguments: WorkloadKind.allCases) func everyKindCanBeSelected(_ kind: WorkloadKind) {
    let workload = WorkloadReference(namespace: "shop", kind: kind, name: "web")
    for source in [
      Self.source("s", kind: kind), Self.source("s", "w.b", expression: true, kind: kind), Self.namespaceSource("s"),
    ] {
      let verdict = Selection.decide(
        workload: workload, workloadLabels: [:], namespaceLabels: [:], sources: SourceIndex([source]),
        ownNamespace: "own")
      #expect(verdict.isInstrumented && verdict.sourceNames == ["s"])
      #expect(verdict.isNamedBySource == (source.target != .namespace && !source.matchesByExpression))
    }
  }

  @Test func theWorkloadsWordOnOtherAgentsCountsMore() {
    var (workload, namespace) = (Self.source("s"), Self.namespaceSource())
    #expect(decide([workload, namespace]).allowConcurrentAgents == nil)
    namespace.allowConcurrentAgents = true
    #expect(decide([workload, namespace]).allowConcurrentAgents == true)
    workload.allowConcurrentAgents = false
    #expect(decide([workload, namespace]).allowConcurrentAgents == false)
  }

  @Test func conflictsNameTheSources() {
    let verdict = decide([Self.source("one"), Self.source("two")])
    #expect(verdict.reason.message.contains("one, two"))
  }

  @Test func theServiceNameComesFromTheSource() {
    var source = Self.source("s")
    #expect(decide([source]).serviceName == "web")
    source.serviceName = "checkout"
    #expect(decide([source]).serviceName == "checkout")
  }

  @Test func streamsAreUnitedAndTheWorkloadWins() {
    var workload = Self.source("s")
    var namespace = Self.namespaceSource()
    #expect(decide([workload]).dataStreams == ["default"])
    #expect(decide([]).dataStreams == [])
    namespace.dataStreams = ["blue": true, "green": true]
    workload.dataStreams = ["green": false, "red": true]
    #expect(decide([workload, namespace]).dataStreams == ["blue", "red"])
    workload.dataStreams = ["blue": false, "green": false]
    #expect(decide([workload, namespace]).dataStreams == [])
  }

  private func decide(_ sources: [SourceFacts]) -> SelectionVerdict {
    Selection.decide(
      workload: Self.workload, workloadLabels: [:], namespaceLabels: [:], sources: SourceIndex(sources),
      ownNamespace: "own")
  }

  @Test func readsSourceObjects() throws {
    let text = """
      {"apiVersion":"odigos.io/v1alpha1","kind":"Source","metadata":{"name":"s","namespace":"shop",
       "deletionTimestamp":"2025-01-01T00:00:00Z",
       "labels":{"odigos.io/data-stream-blue":"true","odigos.io/data-stream-red":"false","x":"y"}},
       "spec":{"workload":{"name":"web","namespace":"shop","kind":"Deployment"},"disableInstrumentation":true,
       "otelServiceName":"checkout","matchWorkloadNameAsRegex":true,
       "containerOverrides":[{"containerName":"app","otelDistroName":"python-community","allowConcurrentAgents":true,
         "runtimeInfo":{"containerName":"app","language":"python","runtimeVersion":"3.11.2"}}]}}
      """
    let facts = try #require(SourceFacts(Source(json: try JSONValue(parsing: text))))
    #expect(facts.target == .workload(.deployment) && facts.workloadName == "web" && facts.namespace == "shop")
    #expect(facts.isDisabled && facts.isBeingDeleted && facts.matchesByExpression && facts.serviceName == "checkout")
    #expect(facts.dataStreams == ["blue": true, "red": false])
    #expect(facts.containerOverrides.first?.distributionName == "python-community")
    #expect(facts.containerOverrides.first?.runtimeInfo?.language == .python)
    #expect(SourceFacts(json: ["spec": [:]]) == nil)
    #expect(SourceFacts(json: ["spec": ["workload": ["kind": "Namespace", "name": "shop"]]])?.target == .namespace)
  }
}
