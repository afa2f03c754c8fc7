// swift-tools-version:6.2
import PackageDescription

/// Every Swift target of the project: Swift 6 mode, warnings are errors.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .treatAllWarnings(as: .error),
  // Debug builds, in which all tests run, check at run time that nobody changes what another one is changing. All that
  // several threads reach is behind locks or bound to a loop, and the checks cost the webhook two hundredths.
  .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

/// The C libraries that the project names: a module map each, nothing built.
func systemLibrary(_ name: String, _ pkgConfig: String, _ package: String) -> Target {
  .systemLibrary(
    name: name, path: "Sources/CLibraries/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

/// A target of one layer; its folder is `Sources/<layer>/<name>`.
func target(_ layer: String, _ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, path: "Sources/\(layer)/\(name)", swiftSettings: settings)
}

/// How the processes are linked, for the memory that they take: relocations packed (of 850 KB, all of which the start
/// reads, 20 remain), no table of all symbols for libraries that ask for none of them.
let leanly: [LinkerSetting] = [
  .unsafeFlags(["-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "pack-relative-relocs", "-Xlinker", "--no-export-dynamic"])
]

/// The process of one component: at most 40 lines around the component's library.
func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: "Sources/Executables/\(name)", swiftSettings: settings,
    linkerSettings: leanly)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests", exclude: exclude,
    swiftSettings: settings)
}

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

/// What the fuzz targets use: a suite that plays their corpus, or, for hack/fuzz, a program around libFuzzer.
let fuzzed: [Target.Dependency] = [
  "JSON", "KubeObjects", "OdigosObjects", "Policy", "OpAMP", "EventLoop", "HTTPTransport", "Instrumentor",
  "ProcessInspection", "CShims", "COpenSSL", logging,
]
let fuzzing: [Target] =
  Context.environment["ODIGOS_FUZZ"] == nil
  ? [
    .testTarget(
      name: "FuzzTests", dependencies: fuzzed + ["TestSupport"], path: "Tests/Fuzz",
      exclude: ["Driver", "Program", "corpus"], swiftSettings: settings)
  ]
  : [
    .target(name: "FuzzDriver", path: "Tests/Fuzz/Driver"),
    .executableTarget(
      name: "FuzzProgram", dependencies: fuzzed + ["FuzzDriver"], path: "Tests/Fuzz",
      exclude: ["CorpusTests.swift", "Driver", "corpus"], swiftSettings: settings),
  ]

let package = Package(
  name: "odigos",
  products: [
    .executable(name: "odigos-instrumentor", targets: ["InstrumentorMain"]),
    .executable(name: "odiglet", targets: ["OdigletMain"]),
    .executable(name: "odigos-autoscaler", targets: ["AutoscalerMain"]),
    .executable(name: "odigos-scheduler", targets: ["SchedulerMain"]),
    .executable(name: "odigos-collector", targets: ["CollectorMain"]),
    .executable(name: "odigos", targets: ["OdigosMain"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
  ],
  targets: [
    // C libraries
    systemLibrary("COpenSSL", "openssl", "libssl-dev"),
    systemLibrary("CNGHTTP2", "libnghttp2", "libnghttp2-dev"),
    systemLibrary("CCurl", "libcurl", "libcurl4-openssl-dev"),
    systemLibrary("CYAML", "yaml-0.1", "libyaml-dev"),
    systemLibrary("CZlib", "zlib", "zlib1g-dev"),
    .target(name: "CShims", dependencies: ["COpenSSL", "CCurl"], path: "Sources/CLibraries/CShims"),
    .target(name: "CManifests", path: "Sources/CLibraries/CManifests"),
    .target(name: "CText", path: "Sources/CLibraries/CText"),

    // Core: values and decisions
    target("Core", "JSON", ["CText"]),
    target("Core", "KubeObjects", ["JSON"]),
    target("Core", "OdigosObjects", ["JSON", "KubeObjects"]),
    target("Core", "Policy", ["JSON", "KubeObjects", "OdigosObjects"]),
    target("Core", "CollectorConfig", ["JSON", "KubeObjects", "OdigosObjects"]),
    target("Core", "Telemetry", ["JSON"]),
    target("Core", "ProtobufWire"),
    target("Core", "OpAMP", ["ProtobufWire"]),

    // Adapters: one outside system each
    target("Adapters", "Concurrency"),
    target("Adapters", "YAML", ["JSON", "CYAML"]),
    target("Adapters", "EventLoop", ["Concurrency", "CShims"]),
    target("Adapters", "HTTPTransport", ["EventLoop", "Concurrency", "CShims", "COpenSSL", "CNGHTTP2", "CZlib"]),
    target("Adapters", "HTTPClient", ["Concurrency", "CShims", "CCurl"]),
    target("Adapters", "KubeClient", ["HTTPClient", "Concurrency", "YAML", "JSON", "KubeObjects"]),
    target("Adapters", "KubeRuntime", ["KubeClient", "Concurrency", "JSON", "KubeObjects", logging]),
    target("Adapters", "ServingCertificates", ["HTTPTransport", "Concurrency", "CShims", "COpenSSL"]),
    target("Adapters", "KubeletPlugin", ["ProtobufWire", "HTTPTransport", "EventLoop", "Concurrency", logging]),
    target(
      "Adapters", "ProcessInspection",
      ["JSON", "ProtobufWire", "HTTPTransport", "EventLoop", "Concurrency", "CShims"]),
    target("Adapters", "ServiceShell", ["HTTPTransport", "EventLoop", "Concurrency", "CShims", logging]),

    // Components: one library per process
    target(
      "Components", "Instrumentor",
      [
        "JSON", "KubeObjects", "OdigosObjects", "Policy", "YAML", "Concurrency", "EventLoop", "HTTPTransport",
        "KubeClient", "KubeRuntime", "ServingCertificates", "ServiceShell", logging,
      ]),
    target(
      "Components", "Odiglet",
      [
        "JSON", "KubeObjects", "OdigosObjects", "Policy", "ProtobufWire", "OpAMP", "Concurrency", "EventLoop",
        "HTTPTransport", "KubeClient", "KubeRuntime", "KubeletPlugin", "ProcessInspection", "ServiceShell", logging,
      ]),
    target(
      "Components", "Autoscaler",
      [
        "JSON", "KubeObjects", "OdigosObjects", "Policy", "CollectorConfig", "YAML", "Concurrency", "KubeClient",
        "KubeRuntime", "ServiceShell", logging,
      ]),
    target(
      "Components", "Scheduler",
      [
        "JSON", "KubeObjects", "OdigosObjects", "Policy", "CollectorConfig", "YAML", "Concurrency", "KubeClient",
        "KubeRuntime", "ServiceShell", logging,
      ]),
    target(
      "Components", "Collector",
      [
        "JSON", "Telemetry", "YAML", "Concurrency", "EventLoop", "HTTPTransport", "HTTPClient", "ServiceShell", logging,
      ]),
    target(
      "Components", "OdigosCLI",
      [
        "JSON", "KubeObjects", "OdigosObjects", "Policy", "YAML", "Concurrency", "KubeClient", "KubeRuntime",
        "CManifests", logging, argumentParser,
      ]),

    // Executables
    executable("InstrumentorMain", ["Instrumentor", "ServiceShell"]),
    executable("OdigletMain", ["Odiglet", "ServiceShell"]),
    executable("AutoscalerMain", ["Autoscaler", "ServiceShell"]),
    executable("SchedulerMain", ["Scheduler", "ServiceShell"]),
    executable("CollectorMain", ["Collector", "ServiceShell"]),
    executable("OdigosMain", ["OdigosCLI"]),

    // Benchmarks
    .target(name: "CAllocationCount", path: "benchmarks/policy/CAllocationCount"),
    .executableTarget(
      name: "PolicyBenchmark", dependencies: ["JSON", "Policy", "CAllocationCount"],
      path: "benchmarks/policy/PolicyBenchmark", swiftSettings: settings),
    .executableTarget(
      name: "DetectionBenchmark", dependencies: ["ProcessInspection", "Odiglet"],
      path: "benchmarks/node/detection/DetectionBenchmark", swiftSettings: settings),

    // Tests
    .target(
      name: "TestSupport", dependencies: ["JSON", "KubeObjects", "OdigosObjects", "Concurrency"],
      path: "Tests/TestSupport", swiftSettings: settings),
    .target(
      name: "ComponentAccess", dependencies: ["JSON", "YAML"], path: "Tests/ComponentAccess", swiftSettings: settings),
    .target(
      name: "InjectionProperties", dependencies: ["JSON", "OdigosObjects", "Policy"],
      path: "Tests/InjectionProperties", exclude: ["apply_patches.py"], swiftSettings: settings),
    .executableTarget(
      name: "InjectionFuzz", dependencies: ["InjectionProperties"], path: "Tests/InjectionFuzz",
      swiftSettings: settings),
    tests("JSON", ["TestSupport", "JSON", "CText"]),
    tests("KubeObjects", ["TestSupport", "JSON", "KubeObjects"]),
    tests("OdigosObjects", ["TestSupport", "JSON", "KubeObjects", "OdigosObjects"]),
    tests(
      "Policy", ["TestSupport", "InjectionProperties", "JSON", "KubeObjects", "OdigosObjects", "Policy"],
      exclude: ["Fixtures"]),
    tests(
      "CollectorConfig",
      ["TestSupport", "JSON", "YAML", "KubeObjects", "OdigosObjects", "CollectorConfig", "Collector"],
      exclude: ["Fixtures"]),
    tests("Telemetry", ["TestSupport", "JSON", "Telemetry"]),
    tests("Concurrency", ["TestSupport", "Concurrency"]),
    tests("YAML", ["TestSupport", "JSON", "YAML"]),
    tests("EventLoop", ["TestSupport", "EventLoop", "Concurrency"]),
    tests(
      "HTTPTransport",
      ["TestSupport", "HTTPTransport", "EventLoop", "Concurrency", "ServingCertificates", "CShims", "COpenSSL"]),
    // the server by itself, for hack/h2spec and hack/tls-posture
    .executableTarget(
      name: "HTTPServerProbe", dependencies: ["HTTPTransport", "EventLoop", "ServingCertificates"],
      path: "Tests/HTTPServerProbe", swiftSettings: settings),
    tests("HTTPClient", ["TestSupport", "JSON", "HTTPClient", "HTTPTransport", "EventLoop", "Concurrency"]),
    tests(
      "KubeClient",
      [
        "TestSupport", "KubeClient", "HTTPClient", "HTTPTransport", "EventLoop", "YAML", "JSON", "KubeObjects",
        "Concurrency",
      ]),
    tests(
      "KubeRuntime",
      [
        "TestSupport", "KubeRuntime", "KubeClient", "HTTPTransport", "EventLoop", "JSON", "KubeObjects", "Concurrency",
        logging,
      ]),
    tests("ServingCertificates", ["TestSupport", "ServingCertificates", "HTTPTransport", "EventLoop"]),
    tests("ProtobufWire", ["TestSupport", "ProtobufWire"]),
    tests("OpAMP", ["TestSupport", "OpAMP", "ProtobufWire"]),
    tests(
      "KubeletPlugin",
      ["TestSupport", "KubeletPlugin", "ProtobufWire", "HTTPTransport", "EventLoop", "Concurrency", logging]),
    tests(
      "ProcessInspection",
      ["TestSupport", "ProcessInspection", "JSON", "ProtobufWire", "HTTPTransport", "EventLoop", "Concurrency"]),
    tests("ServiceShell", ["TestSupport", "ServiceShell", "HTTPTransport", "EventLoop", "HTTPClient", logging]),
    tests(
      "Instrumentor",
      [
        "TestSupport", "ComponentAccess", "Instrumentor", "JSON", "YAML", "KubeObjects", "OdigosObjects", "Policy",
        "HTTPTransport", "EventLoop", "KubeClient", "KubeRuntime", "ServingCertificates", "ServiceShell", "Concurrency",
        logging,
      ]),
    tests(
      "Odiglet",
      [
        "TestSupport", "ComponentAccess", "Odiglet", "JSON", "KubeObjects", "OdigosObjects", "Policy", "OpAMP",
        "ProtobufWire", "Concurrency", "EventLoop", "HTTPTransport", "KubeClient", "KubeRuntime", "KubeletPlugin",
        "ProcessInspection", "ServiceShell", logging,
      ], exclude: ["OpAMP/opamp_peer.py"]),
    tests("Autoscaler", ["TestSupport", "Autoscaler", "JSON", "KubeObjects", "OdigosObjects", "CollectorConfig"]),
    tests("Scheduler", ["TestSupport", "Scheduler", "JSON", "KubeObjects", "OdigosObjects", "Policy"]),
    tests(
      "Collector",
      [
        "TestSupport", "Collector", "JSON", "YAML", "Telemetry", "HTTPTransport", "HTTPClient", "EventLoop",
        "Concurrency", logging,
      ]),
    tests(
      "OdigosCLI",
      ["TestSupport", "OdigosCLI", "JSON", "KubeObjects", "OdigosObjects", "Policy", "YAML", "KubeClient"]),
    tests("Cluster", ["TestSupport", "JSON", "KubeClient", "KubeObjects", "OdigosObjects", "YAML"]),
  ] + fuzzing
)
