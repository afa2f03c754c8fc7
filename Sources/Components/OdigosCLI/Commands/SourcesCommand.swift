import ArgumentParser
import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy

struct SourcesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sources", abstract: "Opt namespaces and workloads in and out.",
    subcommands: [SourcesEnableCommand.self, SourcesDisableCommand.self, SourcesStatusCommand.self])
}

/// What a Source is about.
struct SourceTarget: ParsableArguments {
  static let kinds: [(argument: String, type: ResourceType)] = [
    ("deployment", Deployment.type), ("daemonset", DaemonSet.type), ("statefulset", StatefulSet.type),
    ("cronjob", CronJob.type), ("job", Job.type), ("rollout", ArgoRollout.type),
    ("deploymentconfig", DeploymentConfig.type), ("pod", Pod.type), ("namespace", Namespace.type),
  ]

  @Argument(
    help:
      "deployment, daemonset, statefulset, cronjob, job, rollout, deploymentconfig, pod, namespace, or cluster (every namespace that ignoredNamespaces does not name)."
  )
  var kind: String

  @Argument(help: "Its name; none for the cluster.")
  var name: String?

  @Option(name: .shortAndLong, help: "Its namespace.")
  var namespace = "default"

  @Flag(help: "Only say what would be done.")
  var dryRun = false

  /// Makes the Sources, or flips those that are there.
  func set(disabled: Bool, _ client: KubeClient) async throws {
    let system = try await InstalledSystem.require(client)
    if kind.lowercased() == "cluster", name == nil {
      for namespace in try await namespaces(client, system) {
        let part = SourceSwitch(type: Namespace.type, name: namespace, namespace: namespace, dryRun: dryRun)
        try await part.set(disabled: disabled, client)
      }
      return
    }
    guard let type = Self.kinds.first(where: { $0.argument == kind.lowercased() })?.type else {
      throw CommandFailure(
        "unknown kind \(kind)", next: "give one of " + Self.kinds.map(\.argument).joined(separator: ", "))
    }
    guard let name else { throw CommandFailure("which \(kind) is missing", next: "give its name") }
    try await SourceSwitch(
      type: type, name: name, namespace: type == Namespace.type ? name : namespace, dryRun: dryRun
    ).set(disabled: disabled, client)
  }

  /// The namespaces that "everything" means.
  private func namespaces(_ client: KubeClient, _ system: InstalledSystem) async throws -> [String] {
    let user = try await ConfigurationStore(client: client, namespace: system.namespace).read()
    let configuration = EffectiveConfiguration.resolve(user: user, ownNamespace: system.namespace).configuration
    return configuration.instrumentable(
      try await client.list(Namespace.self).map(\.name), ownNamespace: system.namespace)
  }
}

/// Opts one workload or namespace in or out.
struct SourceSwitch {
  var type: ResourceType
  var name: String
  /// The namespace of the Source.
  var namespace: String
  /// Only say what would be done.
  var dryRun: Bool

  /// Makes the Source, or flips the one that is there.
  func set(disabled: Bool, _ client: KubeClient) async throws {
    let key = ObjectKey(namespace: type.isNamespaced ? namespace : "", name: name)
    do { _ = try await client.get(type, key) } catch {
      guard let failure = error as KubeError?, failure.isNotFound else { throw error }
      throw CommandFailure("there is no \(type.kind) \(key)", next: "check --namespace and the name")
    }
    let verb = disabled ? "disabled" : "enabled"
    let existing = try await client.list(Source.self, namespace: namespace).first {
      $0.spec.workload
        == WorkloadIdentity(json: ["name": .string(name), "namespace": .string(namespace), "kind": .string(type.kind)])
    }
    if let existing, (existing.spec.disableInstrumentation ?? false) == disabled {
      print("\(type.kind) \(name) is \(verb) already (Source \(existing.key))")
      return
    }
    if dryRun {
      print("would have \(type.kind) \(name) \(verb) (\(existing.map { "Source \($0.key)" } ?? "a new Source"))")
      return
    }
    if let existing {
      let patch: JSONValue = ["spec": ["disableInstrumentation": .bool(disabled)]]
      _ = try await client.patch(Source.type, existing.key, .merge, patch, fieldManager: Installer.fieldManager)
    } else {
      var source = Source(name: "\(type.kind.lowercased())-\(name)", namespace: namespace)
      source.metadata.labels = [
        OdigosLabel.workloadName: name, OdigosLabel.workloadNamespace: namespace, OdigosLabel.workloadKind: type.kind,
        "\(OdigosLabel.dataStreamPrefix)default": "true",
      ]
      source.json["spec"] = [
        "workload": ["name": .string(name), "namespace": .string(namespace), "kind": .string(type.kind)],
        "disableInstrumentation": .bool(disabled),
      ]
      _ = try await client.create(Source.type, source.json)
    }
    print("\u{2714} \(type.kind) \(name) is \(verb)")
  }
}

struct SourcesEnableCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enable", abstract: "Instrument a workload or a namespace.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var target: SourceTarget

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    try await target.set(disabled: false, client)
  }
}

struct SourcesDisableCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disable", abstract: "Do not instrument a workload or a namespace.")

  @OptionGroup var global: GlobalOptions
  @OptionGroup var target: SourceTarget

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    try await target.set(disabled: true, client)
  }
}

struct SourcesStatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Print what is instrumented and what stands in the way.")

  @OptionGroup var global: GlobalOptions

  @Flag(help: "Only those with an error.")
  var error = false

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    _ = try await InstalledSystem.require(client)
    for config in try await client.list(InstrumentationConfig.self) {
      let condition = config.status.conditions.condition("AgentEnabled")
      let healthy = condition?.status == ConditionStatus.yes.rawValue
      if error && healthy { continue }
      print("\(config.key)  \(condition?.reason ?? "Waiting")  \(condition?.message ?? "")")
    }
  }
}
