import JSON
import Policy
import Testing

@Suite struct ConfigurationTests {
  @Test(arguments: [JSONValue.null, .object([:])]) func nothingSetIsTheDefault(_ json: JSONValue) {
    let (configuration, problems) = OdigosConfiguration.parse(json)
    #expect(configuration == OdigosConfiguration() && problems.isEmpty)
    #expect(configuration.mountMethod == .virtualDevice)
    #expect(configuration.agentEnvVarsInjectionMethod == .loaderWithFallback)
    #expect(configuration.ignoredContainers.contains("istio-proxy"))
    #expect(configuration.rollbackGraceTime == .seconds(300))
  }

  @Test func everyKeyIsReadAndWritten() throws {
    let text = """
      {"configVersion":3,"telemetryEnabled":true,"openshiftEnabled":true,"ignoredNamespaces":["mine"],
       "ignoredContainers":["sidecar"],"ignoreOdigosNamespace":false,"psp":true,"imagePrefix":"registry.local",
       "skipWebhookIssuerCreation":true,"profiles":["size_s"],"allowConcurrentAgents":true,"uiMode":"readonly",
       "uiPaginationLimit":50,"centralBackendURL":"https://c","clusterName":"c1","mountMethod":"k8s-host-path",
       "customContainerRuntimeSocketPath":"/run/x.sock","agentEnvVarsInjectionMethod":"pod-manifest",
       "nodeSelector":{"pool":"a"},"karpenterEnabled":true,"podsWebhookTimeoutSeconds":20,
       "rollout":{"automaticRolloutDisabled":true,"maxConcurrentRollouts":2,
         "canary":{"enabled":true,"mode":"pod","stabilitySeconds":5},"repairMissedPods":false,"maxRepairsPerMinute":4},
       "rollbackDisabled":true,
       "rollbackGraceTime":"90s","rollbackStabilityWindow":"1h30m","resourceSizePreset":"size_m",
       "collectorGateway":{"minReplicas":2,"maxReplicas":4,"requestMemoryMiB":100,"limitMemoryMiB":200,
         "requestCPUm":10,"limitCPUm":20,"memoryLimiterLimitMiB":150,"memoryLimiterSpikeLimitMiB":30,
         "goMemLimitMiB":120,"serviceGraph":{"disabled":true},"clusterMetricsEnabled":true,
         "httpsProxyAddress":"http://p:1","nodeSelector":{"pool":"b"}},
       "collectorNode":{"collectorOwnMetricsPort":1234,"requestMemoryMiB":50,"enableDataCompression":true,
         "k8sNodeLogsDirectory":"/logs"},"collectorImage":"contrib:1","imagePullSecrets":["pull"]}
      """
    let json = try JSONValue(parsing: text)
    let (configuration, problems) = OdigosConfiguration.parse(json)
    #expect(problems.allSatisfy { $0.message.contains("no effect yet") }, "\(problems)")
    #expect(configuration.mountMethod == .hostPath && configuration.uiMode == .readonly)
    #expect(configuration.rollbackStabilityWindow.milliseconds == 5_400_000)
    #expect(configuration.collectorGateway.sizing.goMemLimitMiB == 120)
    #expect(configuration.ignoredNamespaces.contains("mine") && configuration.ignoredNamespaces.contains("kube-system"))
    let written = configuration.json
    #expect(OdigosConfiguration.parse(written).configuration == configuration)
    for (key, value) in json.object ?? [:]
    where !["ignoredNamespaces", "ignoredContainers", "rollbackGraceTime"].contains(key) {
      #expect(written[key] == value, "\(key)")
    }
    #expect(written["rollbackGraceTime"] == "1m30s")
  }

  static let wrongValues: [(String, JSONValue, String)] = [
    ("mountMethod", "k8s-csi-driver", "k8s-virtual-device, k8s-host-path"),
    ("agentEnvVarsInjectionMethod", "magic", "pod-manifest"), ("telemetryEnabled", "yes", "true or false"),
    ("ignoredNamespaces", "default", "a list"), ("nodeSelector", ["a": 1], "quote"),
    ("rollbackGraceTime", "5 minutes", "5m"), ("uiPaginationLimit", -1, "from 0"),
    ("podsWebhookTimeoutSeconds", 31, "to 30"),
    ("rollout", "fast", "an object"),
    ("uiMode", "dark", "default, readonly"), ("resourceSizePreset", "huge", "size_s"),
  ]

  @Test(arguments: wrongValues) func wrongValuesNameTheKeyAndWhatIsAllowed(
    _ key: String, _ value: JSONValue, _ mention: String
  ) {
    let (configuration, problems) = OdigosConfiguration.parse(.object([key: value]))
    #expect(configuration == OdigosConfiguration())
    #expect(problems.count == 1)
    #expect(problems.first?.severity == .error && problems.first?.key == key)
    #expect(problems.first?.message.contains(mention) ?? false, "\(problems)")
  }

  @Test func nestedProblemsHaveTheWholeKey() {
    let json: JSONValue = ["collectorGateway": ["minReplicas": 5, "maxReplicas": 2, "serviceGraph": ["disabled": 1]]]
    let keys = OdigosConfiguration.parse(json).problems.map(\.key)
    #expect(keys == ["collectorGateway.serviceGraph.disabled", "collectorGateway.maxReplicas"])
  }

  @Test func unknownKeysAreReportedAndKept() {
    let json: JSONValue = [
      "mountMetod": "x", "oidc": ["tenantUrl": "t"], "rollout": ["speed": 3],
      "collectorGateway": ["serviceGraph": ["extraDimensions": ["a"]]],
    ]
    let (configuration, problems) = OdigosConfiguration.parse(json)
    #expect(
      Set(problems.map(\.key)) == [
        "mountMetod", "oidc", "rollout.speed", "collectorGateway.serviceGraph",
      ])
    #expect(problems.allSatisfy { $0.severity == .warning })
    #expect(configuration.json["mountMetod"] == "x" && configuration.json.at("rollout", "speed") == 3)
    #expect(configuration.json.at("collectorGateway", "serviceGraph", "extraDimensions") == ["a"])
  }

  @Test(
    arguments: [
      (["mountMetod": "x"], "did you mean mountMethod?"),
      (["maxConcurrentRollouts": 3], "did you mean rollout.maxConcurrentRollouts?"),
      (["collectorGateway": ["minReplica": 3]], "did you mean collectorGateway.minReplicas?"),
      (["clickhouseDestinationJsonType": true], "clickhouseJsonTypeEnabled"),
      (["zzzzzzzz": 1], "check its spelling"),
    ] as [(JSONValue, String)])
  func unknownKeysComeWithTheKeyThatMayBeMeant(_ json: JSONValue, _ advice: String) {
    let problem = OdigosConfiguration.parse(json).problems.first
    #expect(problem?.message.contains(advice) == true, "\(String(describing: problem))")
  }

  @Test func theOlderWordOfTheUIModeCounts() {
    let (configuration, problems) = OdigosConfiguration.parse(["uiMode": "normal"])
    #expect(configuration.uiMode == .default && problems.isEmpty)
  }

  @Test func aConfigurationMustBeAnObject() {
    #expect(OdigosConfiguration.parse("text").problems.first?.severity == .error)
    #expect(!EffectiveConfiguration.resolve(user: ["a"]).isValid)
  }

  @Test(
    arguments: [
      ("5m", 300_000), ("1h30m", 5_400_000), ("250ms", 250), ("0s", 0), ("2h", 7_200_000),
    ] as [(String, Int)]) func durations(_ text: String, _ milliseconds: Int)
  {
    #expect(ConfigurationDuration(text)?.milliseconds == milliseconds)
    #expect(ConfigurationDuration(milliseconds: milliseconds).description == text)
  }

  @Test(arguments: ["", "5", "m", "-5m", "5x", "99999999999999999999s", "9223372036854775807h"])
  func otherTextsAreNoDuration(_ text: String) { #expect(ConfigurationDuration(text) == nil) }
}

@Suite struct EffectiveConfigurationTests {
  static func resolve(_ user: JSONValue, _ overlays: [JSONValue] = []) -> EffectiveConfiguration {
    EffectiveConfiguration.resolve(user: user, overlays: overlays)
  }

  @Test func overlaysWinFieldByField() {
    let result = Self.resolve(
      ["clusterName": "a", "collectorNode": ["requestMemoryMiB": 10, "limitMemoryMiB": 20], "uiMode": "readonly"],
      [["collectorNode": ["limitMemoryMiB": 30]], ["clusterName": "b", "uiMode": .null]])
    #expect(result.configuration.clusterName == "b" && result.configuration.uiMode == .readonly)
    #expect(result.configuration.collectorNode.sizing.requestMemoryMiB == 10)
    #expect(result.configuration.collectorNode.sizing.limitMemoryMiB == 30)
  }

  @Test func aWrongValueKeepsItsLastGoodOneAndStopsNothing() {
    let user: JSONValue = [
      "mountMethod": "by-magic", "clusterName": "new", "rollbackGraceTime": "soon",
      "collectorGateway": ["minReplicas": 9, "maxReplicas": 3],
    ]
    let first = Self.resolve(user)
    let errors = first.problems.filter { $0.severity == .error }
    #expect(!first.isValid && first.isReadable && errors.count == 3)
    #expect(first.configuration.clusterName == "new" && first.configuration.mountMethod == .virtualDevice)
    #expect(errors.allSatisfy { $0.message.contains("its default holds") })
    let lastGood: JSONValue = ["mountMethod": "k8s-host-path", "collectorGateway": ["maxReplicas": 4]]
    let later = EffectiveConfiguration.resolve(user: user, lastGood: lastGood)
    #expect(later.configuration.mountMethod == .hostPath && later.configuration.rollbackGraceTime == .seconds(300))
    #expect(later.problems.contains { $0.message.contains("k8s-host-path\"") })
    // The last good value does not go with the new one either.
    #expect(later.configuration.collectorGateway.maxReplicas == nil)
    #expect(later.configuration.collectorGateway.minReplicas == 9)
  }

  @Test func aTextIsNoConfiguration() { #expect(!Self.resolve("text").isReadable) }

  @Test func theOwnNamespaceIsIgnoredUnlessSaidOtherwise() {
    #expect(Self.resolve(.null).configuration.ignores(namespace: "odigos-system"))
    #expect(!Self.resolve(["ignoreOdigosNamespace": false]).configuration.ignores(namespace: "odigos-system"))
    #expect(Self.resolve(["openshiftEnabled": true]).configuration.ignores(namespace: "openshift-dns"))
    #expect(!Self.resolve(.null).configuration.ignores(namespace: "openshift-dns"))
  }

  @Test func everythingLeavesOutIgnoredAndSystemNamespaces() {
    let names = ["default", "kube-system", "kube-public", "istio-system", "mine", "own", "shop"]
    let configuration = Self.resolve(["ignoredNamespaces": ["mine"], "ignoreOdigosNamespace": false]).configuration
    #expect(configuration.instrumentable(names, ownNamespace: "own") == ["default", "shop"])
  }

  static let mountMethods: [([String], JSONValue, MountMethod)] = [
    (["mount-method-k8s-host-path"], .null, .hostPath),
    (["mount-method-k8s-host-path"], "k8s-virtual-device", .virtualDevice),
    (["mount-method-k8s-virtual-device"], "k8s-host-path", .virtualDevice),
    (["mount-method-k8s-host-path", "mount-method-k8s-virtual-device"], .null, .virtualDevice),
    ([], .null, .virtualDevice),
  ]

  @Test(arguments: mountMethods) func mountMethodProfiles(
    _ profiles: [String], _ set: JSONValue, _ expected: MountMethod
  ) {
    let result = Self.resolve(["profiles": .array(profiles.map { .string($0) }), "mountMethod": set])
    #expect(result.configuration.mountMethod == expected)
    #expect(result.isValid && result.problems.isEmpty && result.appliedProfiles == profiles)
  }

  @Test func settingsOfOtherProfiles() {
    let result = Self.resolve(["profiles": ["allow_concurrent_agents", "pod-manifest-env-var-injection", "size_l"]])
    #expect(result.configuration.allowConcurrentAgents)
    #expect(result.configuration.agentEnvVarsInjectionMethod == .podManifest)
    #expect(result.configuration.resourceSizePreset == .large)
  }

  @Test func unknownProfilesAreReported() {
    let result = Self.resolve(["profiles": ["sise_s", "kratos", "avoid-java-opts"]])
    #expect(result.problems.dropFirst().first?.message.contains("on-prem edition") ?? false)
    #expect(result.isValid && result.appliedProfiles.isEmpty && result.problems.count == 3)
    #expect(result.problems.first?.message.contains("size_s") ?? false)
  }

  @Test func profilesBringObjects() throws {
    let result = Self.resolve(["profiles": ["small-batches"]])
    let object = try #require(result.profileObjects.first)
    #expect(object.at("metadata", "namespace") == "odigos-system" && object["kind"] == "Processor")
    #expect(object.at("metadata", "labels", "odigos.io/profiles-hash")?.string == result.profilesHash)
    #expect(object.at("metadata", "annotations", "odigos.io/profile") == "small-batches")
    #expect(object.at("spec", "processorConfig", "send_batch_max_size") == 256)
    #expect(result.profilesHash.count == 16)
  }

  @Test func processorsThatOurCollectorLacksNeedAnotherImage() {
    let without = Self.resolve(["profiles": ["semconv"]])
    #expect(without.isValid && without.profileObjects.isEmpty && without.problems.count == 1)
    let with = Self.resolve(["profiles": ["semconv"], "collectorImage": "otel/opentelemetry-collector-contrib:0.130.0"])
    #expect(with.profileObjects.count == 1 && with.problems.isEmpty)
  }

  @Test(arguments: Profile.all.map(\.name)) func everyProfileResolves(_ name: String) {
    let result = Self.resolve(["profiles": [.string(name), .string(name)], "collectorImage": "x"])
    #expect(result.isValid)
    #expect(result.appliedProfiles == (Profile.named(name)?.unavailable == nil ? [name] : []))
  }
}
