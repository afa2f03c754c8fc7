import JSON
import Policy
import Testing

@Suite struct ExplanationTests {
  static let deployment: JSONValue = [
    "kind": "Deployment", "metadata": ["name": "web", "namespace": "shop", "labels": ["a": "b"]],
    "spec": [
      "template": [
        "metadata": ["labels": ["app": "web"]],
        "spec": ["containers": [["name": "app", "image": "x"], ["name": "istio-proxy", "image": "y"]]],
      ]
    ],
  ]

  static func facts(_ change: (inout ExplanationFacts) -> Void = { _ in }) -> ExplanationFacts {
    var facts = ExplanationFacts(workload: deployment, kind: .deployment, namespace: "shop")
    facts.sources = [SelectionTests.source("s")]
    facts.runtimeDetails = [AgentPolicyTests.python()]
    change(&facts)
    return facts
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var title: String
    var facts: ExplanationFacts
    var verdict: ReasonCode
    var codes: [ReasonCode]
    var testDescription: String { title }
  }

  static var cases: [Case] {
    [
      Case(
        title: "not selected", facts: facts { $0.sources = [] }, verdict: .noSource, codes: [.noSource]),
      Case(
        title: "system namespace", facts: facts { $0.ownNamespace = "shop" }, verdict: .ignoredNamespace,
        codes: [.ignoredNamespace]),
      Case(
        title: "not inspected", facts: facts { $0.runtimeDetails = [] }, verdict: .waitingForRuntimeInspection,
        codes: [
          .workloadSource, .waitingForRuntimeInspection, .ignoredContainer, .waitingForRuntimeInspection,
        ]),
      Case(
        title: "taken back", facts: facts { $0.rollback = Reason(.crashLoopBackOff, "Pod web-1 crashes.") },
        verdict: .crashLoopBackOff,
        codes: [.workloadSource, .crashLoopBackOff, .ignoredContainer, .crashLoopBackOff]),
      Case(
        title: "injected", facts: facts(), verdict: .injected,
        codes: [.workloadSource, .enabledSuccessfully, .ignoredContainer, .enabledSuccessfully, .injected]),
      Case(
        title: "a pod of nobody without a name",
        facts: ExplanationFacts(pod: ["metadata": [:], "spec": ["containers": []]], namespace: "shop"),
        verdict: .noWorkload, codes: [.noWorkload]),
    ]
  }

  @Test(arguments: cases) func stepsLeadToTheVerdict(_ item: Case) {
    let explanation = Explanation.make(item.facts)
    #expect(explanation.verdict.code == item.verdict)
    #expect(explanation.steps.compactMap(\.code) == item.codes)
    #expect((explanation.patch != nil) == (item.verdict == .injected))
    #expect(explanation.steps.last?.sentence == explanation.verdict.message)
    #expect(explanation.steps.allSatisfy { $0.question.hasSuffix("?") && !$0.sentence.isEmpty })
    #expect(explanation.json.at("verdict", "reason")?.string == item.verdict.rawValue)
  }

  @Test(arguments: WorkloadKind.allCases.filter { !$0.isSinglePod }) func aTemplateBecomesAPodOfItsWorkload(
    _ kind: WorkloadKind
  ) {
    var object: JSONValue = ["metadata": ["name": "web"]]
    object.set(kind.templatePath, Self.deployment.at("spec", "template"))
    let template = ExplanationFacts(workload: object, kind: kind, namespace: "shop")
    #expect(ExplanationFacts(pod: template.pod, namespace: "shop").workload == template.workload)
  }

  @Test func thePatchIsWhatAdmissionMakes() throws {
    let facts = Self.facts()
    let patch = try #require(Explanation.make(facts).patch)
    let pod = try JSONDocument(parsing: facts.pod.serialized()).root
    let owner = try #require(WorkloadOwner(pod: pod, namespace: "shop"))
    let selection = AgentPolicyTests.selection()
    var agents = AgentPolicyTests.facts([AgentPolicyTests.python()], containers: ["app", "istio-proxy"])
    agents.selection = selection
    agents.nodeCollector = facts.nodeCollector
    let injection = try InjectionFacts(
      workload: selection.workload, serviceName: "web", verdict: AgentPolicy.decide(agents),
      runtimeDetails: [AgentPolicyTests.python()],
      settings: InjectionSettings(
        configuration: facts.configuration, ownNamespace: "odigos-system", endpoint: .localTrafficService,
        signals: Set(CollectedSignal.allCases)))
    #expect(Injection.plan(pod: pod, owner: owner, facts: injection).patch() == patch)
  }

  @Test func factsAreTold() {
    let explanation = Explanation.make(
      Self.facts {
        $0.assumptions = ["The node collector is ready."]
        $0.knownHash = "0"
        $0.configurationProblems = [ConfigurationProblem(.warning, key: "x", "unknown key")]
        $0.rules = [InstrumentationRulesTests.rule("quiet", ["headersCollection": ["headerKeys": ["a"]]])]
      })
    let told = explanation.steps.filter { $0.answer == .fact }.map(\.sentence).joined(separator: "\n")
    for mention in [
      "node collector is ready", "shop/Deployment/web", "python 3.11.2", "quiet", "warning: x", "does not say so yet",
    ] { #expect(told.contains(mention), "\(mention) in \(told)") }
  }
}
