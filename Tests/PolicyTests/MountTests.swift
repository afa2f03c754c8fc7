import JSON
import Policy
import Testing

@Suite struct MountTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var wanted = MountMethod.automatic
    var facts = MountFacts(agentsImage: "i")
    var expected: MountMethod
    var mentions: String
    var testDescription: String { "\(wanted.rawValue) -> \(expected.rawValue), \(mentions)" }
  }

  private static func facts(_ change: (inout MountFacts) -> Void) -> MountFacts {
    var facts = MountFacts(agentsImage: "registry.example/odigos:1")
    change(&facts)
    return facts
  }

  static let cases: [Case] = [
    Case(expected: .virtualDevice, mentions: "offer the device"),
    Case(facts: facts { $0.nodesHaveDevice = false }, expected: .initContainer, mentions: "do not offer the device"),
    Case(
      facts: facts {
        $0.nodesHaveDevice = false; $0.podSecurity = .baseline; $0.imageVolumes = .present
      },
      expected: .imageVolume, mentions: "an image volume asks nothing"),
    Case(
      facts: facts {
        $0.nodesHaveDevice = false; $0.podSecurity = .restricted; $0.imageVolumes = .present
      },
      expected: .initContainer, mentions: "an init container asks nothing"),
    Case(facts: facts { $0.nodesAreMadeOnDemand = true }, expected: .initContainer, mentions: "made on demand"),
    Case(
      facts: facts {
        $0.nodesAreMadeOnDemand = true; $0.imageVolumes = .present
      }, expected: .imageVolume,
      mentions: "made on demand"),
    Case(
      facts: facts {
        $0.nodesAreMadeOnDemand = true; $0.agentsImage = ""
      }, expected: .hostPath,
      mentions: "nothing that asks less"),
    Case(
      facts: facts {
        $0.nodesHaveDevice = false; $0.agentsImage = ""; $0.podSecurity = .baseline
      },
      expected: .virtualDevice, mentions: "nothing that asks less"),
    Case(
      wanted: .virtualDevice, facts: facts { $0.nodesHaveDevice = false }, expected: .virtualDevice, mentions: "asks"),
    Case(
      wanted: .virtualDevice, facts: facts { $0.isDeviceOff = true }, expected: .initContainer,
      mentions: "asks for k8s-virtual-device, but the node agents run without device-plugin"),
    Case(facts: facts { $0.isDeviceOff = true }, expected: .initContainer, mentions: "do not offer the device"),
    Case(
      facts: facts {
        $0.isDeviceOff = true; $0.agentsImage = ""
      }, expected: .hostPath, mentions: "nothing that asks less"),
    Case(
      wanted: .hostPath,
      facts: facts {
        $0.isDeviceOff = true; $0.podSecurity = .baseline
      }, expected: .initContainer, mentions: "baseline forbids it"),
    Case(wanted: .hostPath, expected: .hostPath, mentions: "asks for it"),
    Case(
      wanted: .hostPath, facts: facts { $0.podSecurity = .restricted }, expected: .virtualDevice,
      mentions: "restricted forbids it"),
    Case(
      wanted: .imageVolume, facts: facts { $0.nodesAreMadeOnDemand = true }, expected: .initContainer,
      mentions: "no image volumes"),
    Case(
      wanted: .imageVolume,
      facts: facts {
        $0.imageVolumes = .present; $0.podSecurity = .restricted
      },
      expected: .virtualDevice, mentions: "forbids"),
    Case(wanted: .imageVolume, facts: facts { $0.imageVolumes = .present }, expected: .imageVolume, mentions: "asks"),
    Case(wanted: .initContainer, expected: .initContainer, mentions: "asks"),
    Case(
      wanted: .initContainer, facts: facts { $0.agentsImage = "" }, expected: .virtualDevice, mentions: "not known"),
  ]

  @Test(arguments: cases) func aPodCanAlwaysBeScheduled(_ item: Case) {
    let decision = MountDecision(item.wanted, item.facts)
    #expect(decision.method == item.expected)
    #expect(decision.explanation.contains(item.mentions), "\(decision.explanation)")
    #expect(decision.obstacle == nil)
  }

  @Test(
    arguments: [
      (20, nil, .absent), (30, true, .absent), (33, nil, .absent), (33, true, .present), (34, nil, .absent),
      (35, nil, .unproven), (35, true, .present), (36, false, .absent),
    ] as [(Int, Bool?, ImageVolumeSupport)])
  func imageVolumesByVersionAndSetting(_ minor: Int, _ setting: Bool?, _ expected: ImageVolumeSupport) {
    #expect(ImageVolumeSupport(minorVersion: minor, setting: setting) == expected)
  }

  @Test func imageVolumesThatMayFailAreTakenOnlyWhenAskedFor() {
    let facts = MountFacts(
      nodesHaveDevice: false, imageVolumes: .unproven, agentsImage: "registry.example/odigos:1")
    #expect(MountDecision(.automatic, facts).method == .initContainer)
    #expect(MountDecision(.imageVolume, facts).method == .imageVolume)
  }

  @Test(
    arguments: [
      ([:], .privileged), (["pod-security.kubernetes.io/enforce": "baseline"], .baseline),
      (["pod-security.kubernetes.io/enforce": "restricted", "a": "b"], .restricted),
      (["pod-security.kubernetes.io/enforce": "unheard-of"], .privileged),
      (["pod-security.kubernetes.io/warn": "restricted"], .privileged),
    ] as [([String: String], PodSecurityLevel)]) func levels(_ labels: [String: String], _ expected: PodSecurityLevel)
  {
    #expect(PodSecurityLevel(namespaceLabels: labels) == expected)
  }

  @Test func anUnknownMethodIsReportedAndTheDefaultUsed() {
    let (configuration, findings) = OdigosConfiguration.parse(["mountMethod": "k8s-csi-driver", "psp": true])
    let problems = findings.filter { $0.severity == .error }
    #expect(configuration.mountMethod == .virtualDevice && configuration.psp)
    #expect(problems.count == 1 && problems[0].key == "mountMethod")
    #expect(problems[0].message.contains("k8s-init-container") && problems[0].message.contains("k8s-csi-driver"))
    let again = OdigosConfiguration.parse(["mountMethod": "auto", "imageVolumesEnabled": true])
    #expect(again.configuration.mountMethod == .automatic && again.problems.isEmpty)
    #expect(OdigosConfiguration.parse(again.configuration.json).configuration == again.configuration)
  }

  private static func settings(_ method: MountMethod, _ change: (inout InjectionSettings) -> Void = { _ in })
    -> InjectionSettings
  {
    var settings = InjectionTests.settings(method)
    settings.mounts = MountFacts(imageVolumes: .present, agentsImage: "registry.example/odigos:1")
    change(&settings)
    return settings
  }

  @Test func theNamespaceDecidesToo() throws {
    let app = AgentPolicyTests.python()
    let facts = try InjectionFacts(
      workload: WorkloadReference(namespace: "shop", kind: .deployment, name: "web"), serviceName: "web",
      verdict: AgentPolicy.decide(AgentPolicyTests.facts([app])), runtimeDetails: [app],
      settings: Self.settings(.hostPath), podSecurity: .restricted)
    let (result, plan) = try inject(InjectionTests.pod([:]), facts)
    #expect(result.at("spec", "volumes") == nil && result.at("spec", "affinity") == nil)
    #expect(plan.reason.message.contains("restricted forbids it"), "\(plan.reason)")
    #expect(facts.mount.method == .virtualDevice)
  }

  /// A pod that asked for what no node will ever offer would wait for ever.
  @Test(arguments: MountMethod.allCases) func whereNoMethodIsPossibleThePodStaysAsItIs(_ method: MountMethod) throws {
    let settings = Self.settings(method) {
      $0.mounts = MountFacts(isDeviceOff: true, imageVolumes: .present)
    }
    let app = AgentPolicyTests.python()
    let error = #expect(throws: Reason.self) {
      _ = try InjectionFacts(
        workload: WorkloadReference(namespace: "shop", kind: .deployment, name: "web"), serviceName: "web",
        verdict: AgentPolicy.decide(AgentPolicyTests.facts([app])), runtimeDetails: [app], settings: settings,
        podSecurity: .baseline)
    }
    #expect(error?.code == .unsupportedMountMethod && error?.message.contains("device-plugin") == true)
  }

  @Test func theInitContainerIsAllowedInRestrictedNamespaces() throws {
    let configuration = OdigosConfiguration.parse([
      "mountMethod": "k8s-init-container", "agentsInitContainerResources": ["requestCPUm": 50, "limitMemoryMiB": 100],
    ]).configuration
    var settings = InjectionSettings(
      configuration: configuration, ownNamespace: "odigos-system", endpoint: .nodeAddress, signals: [.traces],
      mounts: MountFacts(agentsImage: "registry.example/odigos:1"))
    let pod = InjectionTests.pod([:], spec: ["initContainers": [["name": "migrate"]]])
    let result = try inject(pod, InjectionTests.facts(settings)).pod
    let container = result.at("spec", "initContainers")?[1]
    #expect(result.at("spec", "initContainers")?[0] == ["name": "migrate"])
    #expect(container?["command"] == ["/usr/bin/odiglet", "copy", "python"])
    #expect(container?.at("resources", "requests") == ["cpu": "50m", "memory": "100Mi"])
    #expect(container?.at("resources", "limits") == ["cpu": "300m", "memory": "100Mi"])
    let security = container?["securityContext"]
    #expect(security?["allowPrivilegeEscalation"] == false && security?["runAsNonRoot"] == true)
    #expect(security?.at("capabilities", "drop") == ["ALL"])
    #expect(security?.at("seccompProfile", "type") == "RuntimeDefault" && security?["runAsUser"] == 65532)
    settings.initContainer.leavesUserToCluster = true
    let open = try inject(pod, InjectionTests.facts(settings)).pod.at("spec", "initContainers")?[1]?["securityContext"]
    #expect(open?["runAsUser"] == nil && open?["seccompProfile"] == nil && open?["runAsNonRoot"] == true)
  }

  @Test(arguments: MountMethod.allCases, MountMethod.allCases)
  func aPodThatHasItsFilesKeepsTheirMethod(_ first: MountMethod, _ second: MountMethod) throws {
    func facts(_ method: MountMethod) throws -> InjectionFacts {
      try InjectionTests.facts(Self.settings(method) { $0.inventory.hasOpAMPServer = true })
    }
    let once = try inject(InjectionTests.pod([:]), facts(first)).pod
    let again = try inject(once, facts(second))
    #expect(again.plan.isEmpty, "\(String(decoding: again.plan.patch(), as: UTF8.self))")
  }

  @Test func whatNeedsNoFilesNeedsNoMethod() throws {
    var app = AgentPolicyTests.python()
    app.language = .go
    var facts = AgentPolicyTests.facts([app])
    facts.inventory = .everything
    let injection = try InjectionFacts(
      workload: WorkloadReference(namespace: "shop", kind: .deployment, name: "web"), serviceName: "web",
      verdict: AgentPolicy.decide(facts), runtimeDetails: [app], settings: Self.settings(.initContainer))
    let (result, plan) = try inject(InjectionTests.pod([:]), injection)
    #expect(result.at("spec", "volumes") == nil && result.at("spec", "initContainers") == nil)
    #expect(!plan.reason.message.contains("the files come by"))
  }
}
