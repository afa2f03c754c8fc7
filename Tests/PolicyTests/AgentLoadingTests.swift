import JSON
import OdigosObjects
import Policy
import Testing

/// How the agent of a container is loaded, and what is said about it.
@Suite struct AgentLoadingTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var title: String
    var details: RuntimeFacts
    var template: ContainerTemplate?
    var method = EnvironmentInjectionMethod.loaderWithFallback
    var inventory = AgentInventory.everything
    var expected = ReasonCode.enabledSuccessfully
    var loads: EnvironmentInjectionMethod?
    var mentions = ""
    var testDescription: String { title }
  }

  private static func python(
    secure: Bool? = false, process: [NamedValue] = [], image: [NamedValue] = []
  ) -> RuntimeFacts {
    RuntimeFacts(
      containerName: "app", language: .python, runtimeVersion: "3.12", secureExecutionMode: secure, envVars: process,
      envFromContainerRuntime: image)
  }
  private static func dotnet(_ process: [NamedValue] = [], libc: String? = "glibc") -> RuntimeFacts {
    RuntimeFacts(
      containerName: "app", language: .dotnet, runtimeVersion: "8.0.1", libCType: libc, envVars: process)
  }
  private static let preload = NamedValue(name: "LD_PRELOAD", value: "")
  private static let path = NamedValue(name: "PYTHONPATH", value: "/x")
  private static let withoutLoader = AgentInventory.release

  static let cases: [Case] = [
    Case(title: "loader", details: python(), loads: .loader),
    Case(title: "strict loader", details: python(), method: .loader, loads: .loader),
    Case(title: "variables wanted", details: python(), method: .podManifest, loads: .podManifest),
    Case(title: "no loader there", details: python(), inventory: withoutLoader, loads: .podManifest),
    Case(
      title: "no loader there, strict", details: python(), method: .loader, inventory: withoutLoader,
      expected: .injectionConflict, mentions: "do not have the loader"),
    Case(title: "secure", details: python(secure: true), loads: .podManifest),
    Case(
      title: "secure, strict", details: python(secure: true), method: .loader, expected: .injectionConflict,
      mentions: "secure-execution"),
    Case(title: "perhaps secure", details: python(secure: nil), loads: .podManifest),
    Case(title: "preload in the process", details: python(process: [preload]), loads: .podManifest),
    Case(
      title: "preload in the image, strict", details: python(image: [preload]), method: .loader,
      expected: .injectionConflict, mentions: "LD_PRELOAD is set in the image"),
    Case(
      title: "preload in the pod", details: python(),
      template: ContainerTemplate(name: "app", variables: ["LD_PRELOAD": "/own.so"]), loads: .podManifest),
    Case(
      title: "our preload in the pod", details: python(),
      template: ContainerTemplate(name: "app", variables: ["LD_PRELOAD": "/var/odigos/loader/loader.so"]),
      loads: .loader),
    Case(
      title: "what the loader cannot load is loaded as ever", details: dotnet(), method: .loader, loads: .podManifest),
    Case(
      title: "computed by the start-up", details: python(process: [path]), template: ContainerTemplate(name: "app"),
      method: .podManifest, loads: .podManifest, mentions: "PYTHONPATH is set by the container's own start-up"),
    Case(
      title: "computed, but the loader does not mind", details: python(process: [path]),
      template: ContainerTemplate(name: "app"), loads: .loader),
    Case(
      title: "another profiler in the process",
      details: dotnet([NamedValue(name: "CORECLR_PROFILER", value: "{x}")]), expected: .injectionConflict,
      mentions: "CORECLR_PROFILER"),
    Case(
      title: "our profiler in the process",
      details: dotnet([NamedValue(name: "CORECLR_PROFILER_PATH", value: "/var/odigos/dotnet/x.so")]),
      loads: .podManifest),
    Case(
      title: "another profiler in the pod", details: dotnet(),
      template: ContainerTemplate(name: "app", variables: ["CORECLR_PROFILER_PATH": nil]), expected: .injectionConflict,
      mentions: "CORECLR_PROFILER_PATH"),
    Case(
      title: "no C library known", details: dotnet(libc: nil), expected: .missingDistroParameter, mentions: "LIBC_TYPE"),
    Case(
      title: "not on the nodes", details: dotnet(), inventory: withoutLoader, expected: .noAvailableAgent,
      mentions: "There are: python-community"),
    Case(
      title: "an older runtime has another distribution",
      details: RuntimeFacts(containerName: "app", language: .javascript, runtimeVersion: "16.3.1"), loads: .podManifest,
      mentions: "for 14 to 20.5"),
  ]

  @Test(arguments: cases) func decides(_ item: Case) throws {
    var facts = AgentPolicyTests.facts([item.details]) { $0.agentEnvVarsInjectionMethod = item.method }
    facts.inventory = item.inventory
    facts.templates = item.template.map { [$0] } ?? []
    let verdict = try #require(AgentPolicy.decide(facts).containers.first)
    #expect(verdict.reason.code == item.expected, "\(verdict.reason)")
    #expect(verdict.environmentMethod == item.loads)
    #expect(verdict.reason.message.contains(item.mentions), "\(verdict.reason)")
    let isRemarked = verdict.reason.message.contains("start-up")
    #expect(isRemarked == item.mentions.contains("start-up"))
  }

  @Test func parametersComeFromTheProcess() throws {
    for (language, version, expected) in [
      (ProgrammingLanguage.php, "8.2.11", ["RUNTIME_VERSION_MAJOR_MINOR": "8.2"]),
      (.ruby, "3.3", ["RUNTIME_VERSION_MAJOR_MINOR": "3.3"]),
    ] {
      var facts = AgentPolicyTests.facts([
        RuntimeFacts(containerName: "app", language: language, runtimeVersion: version)
      ])
      facts.inventory = .everything
      #expect(AgentPolicy.decide(facts).containers.first?.distributionParameters == expected)
    }
    let dotnet = AgentPolicyTests.facts([Self.dotnet(libc: "musl")])
    var there = dotnet
    there.inventory = .everything
    #expect(AgentPolicy.decide(there).containers.first?.distributionParameters == ["LIBC_TYPE": "musl"])
  }

  @Test func anOverrideOfTheRuntimeKeepsWhatWasSeenOfItsVariables() throws {
    var seen = Self.python(process: [Self.path], image: [NamedValue(name: "PYTHONPATH", value: "/image")])
    seen.language = .unknown
    seen.criErrorMessage = "connection refused"
    let override = try #require(
      ContainerOverrideFacts(json: ["containerName": "app", "runtimeInfo": ["language": "python"]]))
    let verdict = AgentPolicy.decide(AgentPolicyTests.facts([seen], overrides: [override]))
    // The image's variables could not be read, which an override of the language does not change.
    #expect(verdict.reason.code == .missingDistroParameter, "\(verdict.reason)")
  }

  @Test func whatIsInstrumentedFromTheKernelNeedsNoRestart() {
    func facts(_ overrides: [ContainerOverrideFacts]) -> AgentFacts {
      var second = Self.python()
      second.containerName = "second"
      var facts = AgentPolicyTests.facts([Self.python(), second], overrides: overrides, containers: ["app", "second"])
      facts.inventory = .everything
      return facts
    }
    let ebpf = ["app", "second"].map {
      ContainerOverrideFacts(containerName: $0, distributionName: "opentelemetry-ebpf-instrumentation")
    }
    let both = AgentPolicy.decide(facts(ebpf))
    #expect(both.isRestartOptional && both.containers[0].environmentMethod == nil)
    #expect(both.containers[0].json["podManifestInjectionOptional"] == true)
    #expect(!AgentPolicy.decide(facts([ebpf[0]])).isRestartOptional)
    #expect(!AgentPolicy.decide(facts([])).isRestartOptional)
  }

  @Test func templatesAreRead() {
    let template = ContainerTemplate(json: [
      "name": "app", "envFrom": [["configMapRef": ["name": "m"]]],
      "env": [
        ["name": "A", "value": "1"], ["name": "A", "value": "2"], ["name": "B", "valueFrom": ["x": [:]]], ["name": "C"],
      ],
    ])
    #expect(template == ContainerTemplate(name: "app", variables: ["A": "2", "B": nil, "C": ""], hasEnvFrom: true))
    #expect(ContainerTemplate(json: ["image": "x"]) == nil)
  }

  @Test func whatAnAgentLearnsFromVariablesIsInTheHash() {
    func hash(_ language: ProgrammingLanguage, _ spec: JSONValue) -> String {
      let details = RuntimeFacts(containerName: "app", language: language, runtimeVersion: "8.2")
      var facts = AgentPolicyTests.facts([details])
      facts.inventory = .everything
      let rule: JSONValue = ["metadata": ["name": "r", "namespace": "odigos-system"], "spec": spec]
      facts.rules = [InstrumentationRuleFacts(InstrumentationRule(json: rule))].compactMap { $0 }
      return AgentPolicy.decide(facts).agentsMetaHash
    }
    let custom: JSONValue = [
      "customInstrumentations": ["php": [["className": "Cart", "functionName": "add"]]]
    ]
    #expect(hash(.php, custom) != hash(.php, [:]) && !hash(.php, [:]).isEmpty)
    #expect(hash(.java, custom) == hash(.java, [:]))
  }

  @Test func theUsersVariablesAreInTheHash() {
    func hash(_ language: String) -> String {
      AgentPolicy.decide(
        AgentPolicyTests.facts([Self.python()]) {
          $0 =
            OdigosConfiguration.parse([
              "userInstrumentationEnvs": ["languages": .object([language: ["enabled": true, "env": ["A": "1"]]])]
            ]).configuration
        }
      ).agentsMetaHash
    }
    let plain = AgentPolicy.decide(AgentPolicyTests.facts([Self.python()])).agentsMetaHash
    #expect(hash("python") != plain && hash("java") == plain)
  }
}
