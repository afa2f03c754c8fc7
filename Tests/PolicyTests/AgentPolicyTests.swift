import JSON
import Policy
import Testing

@Suite struct AgentPolicyTests {
  static func selection(_ overrides: [ContainerOverrideFacts] = [], serviceName: String = "web") -> SelectionVerdict {
    var source = SourceFacts(
      name: "s", namespace: "shop", target: .workload(.deployment), workloadName: "web", containerOverrides: overrides)
    source.serviceName = serviceName
    return Selection.decide(
      workload: WorkloadReference(namespace: "shop", kind: .deployment, name: "web"), workloadLabels: [:],
      namespaceLabels: [:], sources: SourceIndex([source]), ownNamespace: "odigos-system")
  }

  static func facts(
    _ details: [RuntimeFacts], overrides: [ContainerOverrideFacts] = [], containers: [String] = ["app"],
    collector: NodeCollectorState = .ready([.traces]), change: (inout OdigosConfiguration) -> Void = { _ in }
  ) -> AgentFacts {
    var configuration = OdigosConfiguration()
    change(&configuration)
    return AgentFacts(
      selection: selection(overrides), containerNames: containers, runtimeDetails: details, nodeCollector: collector,
      configuration: configuration)
  }

  static func python(_ version: String = "3.11.2", name: String = "app") -> RuntimeFacts {
    RuntimeFacts(containerName: name, language: .python, runtimeVersion: version)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var title: String
    var facts: AgentFacts
    var expected: ReasonCode
    var mentions = ""
    var testDescription: String { title }
  }

  static var cases: [Case] {
    let app = "app"
    func language(_ language: ProgrammingLanguage, _ version: String = "") -> RuntimeFacts {
      RuntimeFacts(containerName: app, language: language, runtimeVersion: version)
    }
    var datadog = python()
    datadog.otherAgents = ["Datadog"]
    var withoutImage = python()
    withoutImage.criErrorMessage = "connection refused"
    return [
      Case(title: "python", facts: facts([python()]), expected: .enabledSuccessfully, mentions: "1 of 1"),
      Case(title: "python of unknown version", facts: facts([python("")]), expected: .enabledSuccessfully),
      Case(
        title: "old python", facts: facts([python("3.6.9")]), expected: .unsupportedRuntimeVersion, mentions: ">=3.9"),
      Case(title: "java", facts: facts([language(.java, "17")]), expected: .noAvailableAgent, mentions: "Java"),
      Case(
        title: "node", facts: facts([language(.javascript, "20.1")]), expected: .noAvailableAgent, mentions: "Node.js"),
      Case(title: "go", facts: facts([language(.go, "1.22")]), expected: .noAvailableAgent, mentions: "Go"),
      Case(title: "old java", facts: facts([language(.java, "1.7.0_80")]), expected: .unsupportedRuntimeVersion),
      Case(title: "java 1.8", facts: facts([language(.java, "1.8.0_402")]), expected: .noAvailableAgent),
      Case(title: "rust", facts: facts([language(.rust)]), expected: .unsupportedProgrammingLanguage, mentions: "rust"),
      Case(title: "unknown", facts: facts([language(.unknown)]), expected: .unsupportedProgrammingLanguage),
      Case(title: "ignored process", facts: facts([language(.ignored)]), expected: .ignoredContainer),
      Case(
        title: "ignored container", facts: facts([python(name: "istio-proxy")], containers: ["istio-proxy"]),
        expected: .ignoredContainer),
      Case(
        title: "waiting beside an ignored container",
        facts: facts(
          [python(), python(name: "istio-proxy")], containers: [app, "istio-proxy"], collector: .notReady),
        expected: .waitingForNodeCollector),
      Case(title: "not inspected", facts: facts([]), expected: .waitingForRuntimeInspection),
      Case(title: "no container known", facts: facts([], containers: []), expected: .waitingForRuntimeInspection),
      Case(
        title: "one container not seen", facts: facts([language(.rust)], containers: [app, "late"]),
        expected: .unsupportedProgrammingLanguage),
      Case(title: "collector away", facts: facts([python()], collector: .notReady), expected: .waitingForNodeCollector),
      Case(title: "no signals", facts: facts([python()], collector: .ready([])), expected: .noCollectedSignals),
      Case(title: "another agent", facts: facts([datadog]), expected: .otherAgentDetected, mentions: "Datadog"),
      Case(
        title: "another agent allowed", facts: facts([datadog]) { $0.allowConcurrentAgents = true },
        expected: .enabledWithOtherAgents),
      Case(
        title: "another agent allowed by override",
        facts: facts([datadog], overrides: [ContainerOverrideFacts(containerName: app, allowConcurrentAgents: true)]),
        expected: .enabledWithOtherAgents),
      Case(
        title: "another agent forbidden by override",
        facts: facts(
          [datadog], overrides: [ContainerOverrideFacts(containerName: app, allowConcurrentAgents: false)]
        ) { $0.allowConcurrentAgents = true }, expected: .otherAgentDetected),
      Case(
        title: "loader demanded", facts: facts([python()]) { $0.agentEnvVarsInjectionMethod = .loader },
        expected: .injectionConflict, mentions: "agentEnvVarsInjectionMethod"),
      Case(
        title: "image not readable", facts: facts([withoutImage]), expected: .missingDistroParameter,
        mentions: "connection refused"),
      Case(
        title: "override of detection",
        facts: facts(
          [language(.unknown)], overrides: [ContainerOverrideFacts(containerName: app, runtimeInfo: python())]),
        expected: .enabledSuccessfully),
      Case(
        title: "override without detection",
        facts: facts([], overrides: [ContainerOverrideFacts(containerName: app, runtimeInfo: python())]),
        expected: .enabledSuccessfully),
      Case(
        title: "override with an unknown distribution",
        facts: facts([python()], overrides: [ContainerOverrideFacts(containerName: app, distributionName: "nope")]),
        expected: .noAvailableAgent, mentions: "python-community"),
      Case(
        title: "override with a distribution of another language",
        facts: facts(
          [python()], overrides: [ContainerOverrideFacts(containerName: app, distributionName: "java-community")]),
        expected: .injectionConflict, mentions: "java"),
      Case(
        title: "override makes an unknown language known",
        facts: facts(
          [language(.unknown)],
          overrides: [ContainerOverrideFacts(containerName: app, distributionName: "python-community")]),
        expected: .enabledSuccessfully),
      Case(
        title: "one of two", facts: facts([python(), python(name: "istio-proxy")], containers: [app, "istio-proxy"]),
        expected: .enabledSuccessfully, mentions: "1 of 2"),
    ]
  }

  @Test(arguments: cases) func decides(_ item: Case) {
    let verdict = AgentPolicy.decide(item.facts)
    #expect(verdict.reason.code == item.expected, "\(verdict.reason)")
    #expect(verdict.reason.message.contains(item.mentions), "\(verdict.reason)")
    let isEnabled = item.expected.verdict == .positive
    #expect(verdict.isInjectionEnabled == isEnabled)
    #expect(verdict.agentsMetaHash.isEmpty != isEnabled)
    #expect(verdict.containers.map { ContainerVerdict(json: $0.json) } == verdict.containers)
  }

  @Test(arguments: [(nil, true), (true, true), (false, false)] as [(Bool?, Bool)])
  func theSourcesWordOnOtherAgentsIsBetween(_ source: Bool?, _ expected: Bool) {
    var datadog = Self.python()
    datadog.otherAgents = ["Datadog"]
    var facts = Self.facts([datadog]) { $0.allowConcurrentAgents = true }
    facts.selection.allowConcurrentAgents = source
    #expect(AgentPolicy.decide(facts).isInjectionEnabled == expected)
    facts.selection.containerOverrides = [ContainerOverrideFacts(containerName: "app", allowConcurrentAgents: true)]
    #expect(AgentPolicy.decide(facts).isInjectionEnabled)
  }

  @Test func staticPodsCannotBeChanged() {
    var facts = Self.facts([Self.python()])
    facts.selection.workload.kind = .staticPod
    #expect(AgentPolicy.decide(facts).reason.code == .podNotChangeable)
    facts.selection.workload.kind = .pod
    #expect(AgentPolicy.decide(facts).reason.code == .enabledSuccessfully)
  }

  @Test func takenBack() {
    var facts = Self.facts([Self.python()])
    facts.rollback = Reason(.crashLoopBackOff, "Pod web-1 crashes.")
    let verdict = AgentPolicy.decide(facts)
    #expect(verdict.reason.code == .crashLoopBackOff && !verdict.isInjectionEnabled)
  }

  @Test func notSelected() {
    var facts = Self.facts([Self.python()])
    facts.selection = Selection.decide(
      workload: facts.selection.workload, workloadLabels: [:], namespaceLabels: [:], sources: SourceIndex([]),
      ownNamespace: "own")
    let verdict = AgentPolicy.decide(facts)
    #expect(verdict.reason.code == .noSource && verdict.containers.isEmpty && verdict.agentsMetaHash.isEmpty)
  }

  @Test func theHashChangesWithWhatIsInjected() {
    let base = AgentPolicy.decide(Self.facts([Self.python()])).agentsMetaHash
    #expect(base.count == 16 && base.allSatisfy { $0.isHexDigit && !$0.isUppercase })
    func hash(_ change: (inout AgentFacts) -> Void) -> String {
      var facts = Self.facts([Self.python()])
      change(&facts)
      return AgentPolicy.decide(facts).agentsMetaHash
    }
    #expect(hash { _ in } == base)
    #expect(hash { $0.configuration.mountMethod = .hostPath } != base)
    #expect(hash { $0.selection = Self.selection(serviceName: "checkout") } != base)
    #expect(hash { $0.nodeCollector = .ready([.traces, .metrics]) } != base)
    #expect(
      hash {
        $0.containerNames = ["app", "second"]; $0.runtimeDetails.append(Self.python(name: "second"))
      } != base)
    // What is injected stays the same: no restart.
    #expect(hash { $0.configuration.clusterName = "c" } == base)
    #expect(hash { $0.configuration.allowConcurrentAgents = true } == base)
    #expect(hash { $0.runtimeDetails = [Self.python("3.12")] } == base)
    #expect(hash { $0.containerNames = ["istio-proxy", "app"] } == base)
  }

  @Test func readsRuntimeDetailsOfBothGenerations() throws {
    let details = try #require(
      RuntimeFacts(json: [
        "containerName": "app", "language": "python", "runtimeVersion": "3.11", "otherAgent": ["name": "Datadog"],
        "envFromContainerRuntime": [["name": "PYTHONPATH", "value": "/a"]], "criErrorMessage": "",
      ]))
    #expect(details.otherAgents == ["Datadog"] && details.criErrorMessage == nil)
    #expect(details.envFromContainerRuntime == [NamedValue(name: "PYTHONPATH", value: "/a")])
    #expect(RuntimeFacts(json: details.json) == details)
    #expect(RuntimeFacts(json: ["containerName": "a", "language": "cobol"])?.language == .unknown)
    #expect(RuntimeFacts(json: ["language": "python"]) == nil)
  }

  @Test func whatTheAgentDoesNotCarryOutIsSaidOfTheContainerAndMeansNoOtherInjection() throws {
    var facts = Self.facts([Self.python()])
    let before = AgentPolicy.decide(facts)
    let spec: JSONValue = ["payloadCollection": ["httpRequest": [:], "messaging": [:]]]
    facts.rules = [InstrumentationRulesTests.rule("r", spec)]
    let after = AgentPolicy.decide(facts)
    let container = try #require(after.containers.first)
    #expect(container.enabled && container.reason.code == .enabledSuccessfully)
    #expect(container.reason.message.hasSuffix("python-community does not carry out: payloadCollection.messaging."))
    #expect(container.traces?["payloadCollection"] == spec["payloadCollection"])
    #expect(after.agentsMetaHash == before.agentsMetaHash)
  }
}
