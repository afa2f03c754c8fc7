import JSON
import OdigosObjects
import Policy
import Testing

/// How the variables of a container reach its process, in every way that a variable can exist.
@Suite struct EnvironmentInjectionTests {
  struct Container: Sendable {
    var distribution = "python-community"
    var parameters: [String: String] = [:]
    var method = "pod-manifest"
    var process: [NamedValue]? = []
    var image: [NamedValue] = []
    var extra: JSONValue = [:]
  }

  static func facts(_ container: Container, _ change: (inout InjectionSettings) -> Void = { _ in }) throws
    -> InjectionFacts
  {
    var entry = container.extra
    entry["containerName"] = "app"
    entry["agentEnabled"] = true
    entry["otelDistroName"] = .string(container.distribution)
    entry["envInjectionMethod"] = .string(container.method)
    for (key, value) in container.parameters { entry.set(["distroParams", key], .string(value)) }
    var details: JSONValue = ["containerName": "app", "language": "python"]
    func list(_ values: [NamedValue]) -> JSONValue {
      .array(values.map { ["name": .string($0.name), "value": .string($0.value)] })
    }
    details["envVars"] = list(container.process ?? [])
    details["envFromContainerRuntime"] = list(container.image)
    let isSeen = container.process != nil
    let config: JSONValue = [
      "metadata": ["name": "deployment-web", "namespace": "shop"],
      "spec": [
        "agentInjectionEnabled": true, "agentsMetaHash": "0123456789abcdef", "serviceName": "web",
        "containers": [entry],
        "containersOverrides": isSeen ? [] : [["containerName": "app", "runtimeInfo": details]],
      ],
      "status": ["runtimeDetailsByContainer": isSeen ? [details] : []],
    ]
    var settings = InjectionTests.settings()
    settings.inventory = .everything
    settings.inventory.hasOpAMPServer = false
    change(&settings)
    return try InjectionFacts(instrumentationConfig: InstrumentationConfig(json: config), settings: settings)
  }

  static func pod(_ container: JSONValue) -> JSONValue { InjectionTests.pod(container, labels: ["app": "web"]) }

  func env(_ pod: JSONValue) -> [JSONValue] { pod.at("spec", "containers")?[0]?["env"]?.array ?? [] }
  func named(_ name: String, _ pod: JSONValue) -> [JSONValue] {
    env(pod).filter { $0["name"] == .string(name) }
  }

  static let ours = InjectionTests.ours
  static let sources: JSONValue = [
    ["configMapRef": ["name": "settings"]], ["prefix": "PYTHON", "secretRef": ["name": "keys", "optional": true]],
    ["prefix": "OTHER_", "configMapRef": ["name": "settings"]],
  ]
  static let reference: [JSONValue] = [
    ["name": "ORIGINAL_PYTHONPATH", "value": "/image"],
    [
      "name": "ORIGINAL_PYTHONPATH",
      "valueFrom": ["configMapKeyRef": ["name": "settings", "key": "PYTHONPATH", "optional": true]],
    ],
    [
      "name": "ORIGINAL_PYTHONPATH",
      "valueFrom": ["secretKeyRef": ["name": "keys", "key": "PATH", "optional": true]],
    ],
    ["name": "PYTHONPATH", "value": .string("$(ORIGINAL_PYTHONPATH):" + ours)],
  ]

  @Test(arguments: [[NamedValue(name: "PYTHONPATH", value: "/from/map")], nil])
  func whatComesFromWholeObjectsIsAskedForByKey(_ process: [NamedValue]?) throws {
    let container = Container(process: process, image: [NamedValue(name: "PYTHONPATH", value: "/image")])
    let pod = Self.pod(["envFrom": Self.sources])
    let result = try inject(pod, Self.facts(container)).pod
    #expect(env(result).filter { $0["name"]?.string?.hasSuffix("PYTHONPATH") ?? false } == Self.reference)
    #expect(Removal.remove(from: result) == pod)
  }

  @Test(
    arguments: [
      ([], [], ours),
      (
        [NamedValue(name: "PYTHONPATH", value: "/image")], [NamedValue(name: "PYTHONPATH", value: "/image")],
        "/image:" + ours
      ),
    ] as [([NamedValue], [NamedValue], String)]) func whatTheSourcesDoNotHaveIsNotAskedFor(
      _ process: [NamedValue], _ image: [NamedValue], _ expected: String
    ) throws
  {
    let result = try inject(
      Self.pod(["envFrom": Self.sources]), Self.facts(Container(process: process, image: image))
    ).pod
    #expect(named("PYTHONPATH", result) == [["name": "PYTHONPATH", "value": .string(expected)]])
    #expect(named("ORIGINAL_PYTHONPATH", result).isEmpty)
  }

  /// The entry of the pod, and whether the variable may come from a source of a kind that nobody knows.
  static let unknownSources: [(JSONValue?, Bool)] = [
    (nil, true), (["name": "PYTHONPATH", "value": "/a"], false),
    (["name": "PYTHONPATH", "valueFrom": ["fieldRef": ["fieldPath": "metadata.name"]]], false),
    (
      ["name": "PYTHONPATH", "valueFrom": ["secretKeyRef": ["name": "s", "key": "k", "optional": true]]], true
    ),
  ]

  @Test(arguments: unknownSources) func aSourceThatNobodyKnowsIsAConflictWithItsName(
    _ entry: JSONValue?, _ isConflict: Bool
  ) throws {
    let before = entry.map { [$0] } ?? []
    let pod = Self.pod(["env": .array(before), "envFrom": [["futureRef": ["name": "x"]]]])
    let (result, plan) = try inject(pod, Self.facts(Container(process: nil)))
    #expect(plan.reason.code == (isConflict ? .injectionConflict : .injected), "\(plan.reason)")
    #expect(plan.reason.message.contains("PYTHONPATH") == isConflict)
    #expect(plan.conflictingContainerNames == (isConflict ? ["app"] : []))
    #expect((env(result) == before) == isConflict)
  }

  @Test func anOptionalSourceMayGiveNothing() throws {
    let source: JSONValue = ["configMapKeyRef": ["name": "m", "key": "k", "optional": true]]
    let pod = Self.pod([
      "env": [["name": "PYTHONPATH", "valueFrom": source], ["name": "B", "value": "$(PYTHONPATH)"]]
    ])
    let result = try inject(pod, Self.facts(Container(image: [NamedValue(name: "PYTHONPATH", value: "/a$b")]))).pod
    #expect(
      Array(env(result).prefix(4)) == [
        ["name": "ORIGINAL_PYTHONPATH", "value": "/a$$b"], ["name": "ORIGINAL_PYTHONPATH", "valueFrom": source],
        ["name": "PYTHONPATH", "value": .string("$(ORIGINAL_PYTHONPATH):" + Self.ours)],
        ["name": "B", "value": "$(PYTHONPATH)"],
      ])
    #expect(Removal.remove(from: result) == pod)
  }

  // MARK: Variables that an agent needs for itself

  static let dotnet = Container(distribution: "dotnet-community", parameters: ["LIBC_TYPE": "musl"])
  static let conflicts: [(JSONValue, [String])] = [
    ([["name": "CORECLR_PROFILER", "value": "{846F5F1C-F9AE-4B07-969E-05C26BC060D8}"]], ["CORECLR_PROFILER"]),
    (
      [["name": "CORECLR_ENABLE_PROFILING", "value": "0"], ["name": "CORECLR_PROFILER_PATH", "value": "/opt/dd.so"]],
      ["CORECLR_ENABLE_PROFILING", "CORECLR_PROFILER_PATH"]
    ),
    (
      [["name": "OTEL_DOTNET_AUTO_HOME", "valueFrom": ["fieldRef": ["fieldPath": "metadata.name"]]]],
      ["OTEL_DOTNET_AUTO_HOME"]
    ),
    ([["name": "CORECLR_ENABLE_PROFILING", "value": "1"]], []),
    ([["name": "CORECLR_PROFILER_PATH", "value": "/var/odigos/dotnet/older/Native.so"]], []),
  ]

  @Test(arguments: conflicts) func onlyOneCanHaveTheProfiler(_ env: JSONValue, _ expected: [String]) throws {
    let facts = try Self.facts(Self.dotnet)
    let (result, plan) = try inject(Self.pod(["env": env]), facts)
    #expect(plan.reason.code == (expected.isEmpty ? .injected : .injectionConflict))
    for name in expected { #expect(plan.reason.message.contains(name), "\(plan.reason)") }
    if !expected.isEmpty {
      #expect(result.at("spec", "containers") == Self.pod(["env": env]).at("spec", "containers"))
    }
    #expect(try inject(result, facts).plan.isEmpty)
  }

  @Test func aConflictCostsNoOtherContainer() throws {
    var pod = Self.pod(["env": [["name": "CORECLR_PROFILER", "value": "{x}"]]])
    var config = Self.pod([:]).at("spec", "containers")?[0] ?? [:]
    config["name"] = "second"
    pod.set(["spec", "containers"], .array((pod.at("spec", "containers")?.array ?? []) + [config]))
    var details: [RuntimeFacts] = []
    for name in ["app", "second"] {
      details.append(RuntimeFacts(containerName: name, language: .dotnet, runtimeVersion: "8.0", libCType: "glibc"))
    }
    var agents = AgentPolicyTests.facts(details, containers: ["app", "second"])
    agents.inventory = .everything
    let facts = try InjectionFacts(
      workload: WorkloadReference(namespace: "shop", kind: .deployment, name: "web"), serviceName: "web",
      verdict: AgentPolicy.decide(agents), runtimeDetails: details, settings: InjectionTests.settings())
    let (result, plan) = try inject(pod, facts)
    #expect(plan.containerNames == ["second"] && plan.conflictingContainerNames == ["app"])
    #expect(plan.reason.code == .injected && plan.reason.message.contains("CORECLR_PROFILER"), "\(plan.reason)")
    #expect(result.at("spec", "containers")?[0] == pod.at("spec", "containers")?[0])
    #expect(result.at("metadata", "labels", "odigos.io/agents-meta-hash") != nil)
  }

  static let merged: [(Container, String, String?, String)] = [
    (
      dotnet, "DOTNET_STARTUP_HOOKS", "/own.dll",
      "/own.dll:/var/odigos/dotnet/net/OpenTelemetry.AutoInstrumentation.StartupHook.dll"
    ),
    (dotnet, "DOTNET_ADDITIONAL_DEPS", nil, "/var/odigos/dotnet/AdditionalDeps"),
    (dotnet, "DOTNET_SHARED_STORE", "/store", "/store:/var/odigos/dotnet/store"),
    (php, "PHP_INI_SCAN_DIR", nil, ":/var/odigos/php/8.2"),
    (php, "PHP_INI_SCAN_DIR", "/ini", "/ini:/var/odigos/php/8.2"),
    (php, "PHP_INI_SCAN_DIR", "", "/var/odigos/php/8.2"),
    (ruby, "RUBYOPT", "-W0", "-W0 -r/var/odigos/ruby/3.3/index.rb"),
    (
      Container(distribution: "java-community"), "JAVA_TOOL_OPTIONS", "-Xmx1g",
      "-Xmx1g -javaagent:/var/odigos/java/javaagent.jar"
    ),
    (
      Container(distribution: "nodejs-community-14"), "NODE_OPTIONS", nil,
      "--require /var/odigos/nodejs-community-14/autoinstrumentation.js"
    ),
  ]
  static let php = Container(distribution: "php-community", parameters: ["RUNTIME_VERSION_MAJOR_MINOR": "8.2"])
  static let ruby = Container(distribution: "ruby-community", parameters: ["RUNTIME_VERSION_MAJOR_MINOR": "3.3"])

  @Test(arguments: merged.indices) func whatCanBeMergedIs(_ index: Int) throws {
    let (container, name, before, expected) = Self.merged[index]
    var entry: JSONValue = ["name": .string(name)]
    if let before, !before.isEmpty { entry["value"] = .string(before) }
    let pod = Self.pod(before == nil ? [:] : ["env": [entry]])
    let facts = try Self.facts(container)
    let result = try inject(pod, facts).pod
    #expect(named(name, result) == [["name": .string(name), "value": .string(expected)]])
    #expect(try inject(result, facts).plan.isEmpty && Removal.remove(from: result) == pod)
  }

  // MARK: The loader

  @Test(
    arguments: [EnvironmentInjectionMethod.loader, .loaderWithFallback],
    [nil, "/var/odigos/loader/loader.so", "/own.so"])
  func thePodDecidesWhetherTheLoaderIsUsed(_ method: EnvironmentInjectionMethod, _ preload: String?) throws {
    let facts = try Self.facts(Container(method: "loader")) {
      $0.environmentMethod = method
      $0.mountMethod = .hostPath
    }
    let entry: JSONValue = ["name": "LD_PRELOAD", "value": .string(preload ?? "")]
    let pod = Self.pod(preload == nil ? [:] : ["env": [entry]])
    let (result, plan) = try inject(pod, facts)
    let isOther = preload == "/own.so"
    #expect(plan.reason.code == (isOther && method == .loader ? .injectionConflict : .injected))
    #expect(named("PYTHONPATH", result).isEmpty == !(isOther && method == .loaderWithFallback))
    if !isOther {
      #expect(named("LD_PRELOAD", result) == [["name": "LD_PRELOAD", "value": "/var/odigos/loader/loader.so"]])
      let mounts = result.at("spec", "containers")?[0]?["volumeMounts"]?.array?.compactMap { $0["mountPath"]?.string }
      #expect(mounts == ["/var/odigos/python", "/var/odigos/loader"])
    }
    #expect(try inject(result, facts).plan.isEmpty)
  }
}
