import JSON
import OdigosObjects

/// Everything that the injection of a workload's pods depends on, prepared once when something changes and not while
/// a pod waits for admission.
public struct InjectionFacts: Sendable {
  /// The workload.
  public let workload: WorkloadReference
  /// The workload as text.
  public let workloadText: String
  /// What pods are labelled with.
  public let agentsMetaHash: String
  /// How the agent files come into containers, and why so.
  public let mount: MountDecision
  /// How the agent files come into containers; never `automatic`.
  public var mountMethod: MountMethod { mount.method }
  /// What brings them into a pod, with the methods that need it.
  let volume: AgentVolume?
  /// Whether pods must go to nodes where the agent files are.
  let needsNodeAffinity: Bool
  let containers: [InjectedContainer]
  /// What is said of a pod all of whose containers get their agents.
  let wholeReason: Reason

  /// Prepares the injection of a workload from its verdict.
  ///
  /// - Parameters:
  ///   - workload: the workload.
  ///   - serviceName: the name of its service.
  ///   - verdict: what was decided for its containers.
  ///   - runtimeDetails: what is known of their processes.
  ///   - settings: what injection depends on beside the workload.
  ///   - podSecurity: the level that the workload's namespace enforces.
  /// - Throws: a `Reason` why its pods are not injected.
  public init(
    workload: WorkloadReference, serviceName: String, verdict: AgentVerdict, runtimeDetails: [RuntimeFacts],
    settings: InjectionSettings, podSecurity: PodSecurityLevel = .privileged
  ) throws(Reason) {
    try self.init(
      workload: workload, serviceName: serviceName, verdict: verdict, runtimeDetails: runtimeDetails,
      settings: settings, podSecurity: podSecurity, configurations: [:])
  }

  /// - Parameter configurations: the entries of the InstrumentationConfig, by container, where there is one.
  private init(
    workload: WorkloadReference, serviceName: String, verdict: AgentVerdict, runtimeDetails: [RuntimeFacts],
    settings: InjectionSettings, podSecurity: PodSecurityLevel, configurations: [String: JSONValue]
  ) throws(Reason) {
    guard workload.kind != .staticPod else {
      throw Reason(
        .podNotChangeable, "The kubelet reads a static pod from its node; what is patched here has no effect.")
    }
    guard verdict.isInjectionEnabled else { throw Reason(.injectionDisabled, verdict.reason.description) }
    guard !serviceName.isEmpty else {
      throw Reason(.noServiceName, "The InstrumentationConfig has no serviceName yet.")
    }
    self.workload = workload
    workloadText = workload.description
    agentsMetaHash = verdict.agentsMetaHash
    var mounts = settings.mounts
    mounts.podSecurity = podSecurity
    let mount = MountDecision(settings.mountMethod, mounts)
    self.mount = mount
    containers = verdict.containers.compactMap { container in
      guard container.enabled, let distribution = container.distributionName.flatMap(Distributions.named) else {
        return nil
      }
      let environment = InjectedEnvironment(
        container: container, configuration: configurations[container.containerName] ?? container.json,
        distribution: distribution, details: runtimeDetails.first { $0.containerName == container.containerName },
        workload: workload, serviceName: serviceName, settings: settings, mountMethod: mount.method)
      return InjectedContainer(
        name: container.containerName, distribution: distribution, environment: environment,
        hasOpAMPServer: settings.inventory.hasOpAMPServer, mountMethod: mount.method)
    }
    guard !containers.isEmpty else {
      let names = verdict.containers.compactMap(\.distributionName).joined(separator: ", ")
      throw Reason(.noAvailableAgent, "None of these distributions is known: \(names).")
    }
    var directories: [String] = []
    directories.appendMissing(containers.flatMap(\.directories))
    if let obstacle = mount.obstacle, !directories.isEmpty {
      throw Reason(
        .unsupportedMountMethod, "No mount method is possible: for \(mount.method.rawValue), \(obstacle).")
    }
    volume = directories.isEmpty ? nil : AgentVolume(mount.method, settings: settings, directories: directories)
    // The device itself leads a pod to a node that has it; what comes from an image needs no node.
    needsNodeAffinity = mount.method == .hostPath && !settings.karpenterEnabled && !directories.isEmpty
    wholeReason = Reason(.injected, Self.sentence(workload, mount, containers[...]))
  }

  /// What is said of a pod of which these containers get their agents.
  func sentence(_ injected: [Int]) -> String { Self.sentence(workload, mount, injected.map { containers[$0] }[...]) }

  private static func sentence(
    _ workload: WorkloadReference, _ mount: MountDecision, _ containers: ArraySlice<InjectedContainer>
  ) -> String {
    let files =
      containers.contains { !$0.directories.isEmpty }
      ? "; the files come by \(mount.method.rawValue): \(mount.explanation)" : ""
    return "Pod of \(workload) gets \(agents(containers))\(files)."
  }

  /// The agents of these containers, in words.
  func agents(_ injected: [Int]) -> String { Self.agents(injected.map { containers[$0] }[...]) }

  private static func agents(_ containers: ArraySlice<InjectedContainer>) -> String {
    containers.map { "\($0.distribution.name) in \($0.name)" }.joined(separator: ", ")
  }

  /// Prepares the injection of a workload from its InstrumentationConfig.
  ///
  /// - Parameters:
  ///   - config: the InstrumentationConfig.
  ///   - settings: what injection depends on beside the workload.
  ///   - podSecurity: the level that the workload's namespace enforces.
  /// - Throws: a `Reason` why its pods are not injected.
  public init(
    instrumentationConfig config: InstrumentationConfig, settings: InjectionSettings,
    podSecurity: PodSecurityLevel = .privileged
  ) throws(Reason) {
    guard
      let workload = WorkloadReference(instrumentationConfigName: config.name, namespace: config.namespace ?? "")
    else { throw Reason(.noWorkload, "The name \(config.name) of an InstrumentationConfig names no workload.") }
    guard config.spec.agentInjectionEnabled == true else {
      throw Reason(.injectionDisabled, "The InstrumentationConfig \(config.name) does not enable injection.")
    }
    var configurations: [String: JSONValue] = [:]
    var verdicts: [ContainerVerdict] = []
    for entry in config.json.at("spec", "containers")?.array ?? [] {
      guard let verdict = ContainerVerdict(json: entry) else { continue }
      verdicts.append(verdict)
      configurations[verdict.containerName] = entry
    }
    let enabled = verdicts.filter(\.enabled).map(\.containerName).joined(separator: ", ")
    let verdict = AgentVerdict(
      reason: Reason(.enabledSuccessfully, "Containers with an agent: \(enabled)."), containers: verdicts,
      agentsMetaHash: config.spec.agentsMetaHash ?? "")
    var details = config.json.at("status", "runtimeDetailsByContainer")?.array?.compactMap(RuntimeFacts.init) ?? []
    for override in config.json.at("spec", "containersOverrides")?.array ?? [] {
      guard let facts = ContainerOverrideFacts(json: override), facts.runtimeInfo != nil else { continue }
      let seen = details.first { $0.containerName == facts.containerName }
      details.removeAll { $0.containerName == facts.containerName }
      if let whole = facts.details(seen: seen) { details.append(whole) }
    }
    try self.init(
      workload: workload, serviceName: config.spec.serviceName ?? "", verdict: verdict, runtimeDetails: details,
      settings: settings, podSecurity: podSecurity, configurations: configurations)
  }
}

/// One container that gets an agent. A class, so that admission does not count references to each of its parts.
final class InjectedContainer: Sendable {
  let name: String
  let distribution: Distribution
  let environment: InjectedEnvironment
  /// The directories of agent files that it needs.
  let directories: [String]
  /// Its mounts, with the methods that have a volume.
  let mounts: [AgentVolume.Mount]

  init(
    name: String, distribution: Distribution, environment: InjectedEnvironment, hasOpAMPServer: Bool,
    mountMethod: MountMethod
  ) {
    self.name = name
    self.distribution = distribution
    self.environment = environment
    var directories = distribution.directories
    if environment.loader != nil { directories.append(OdigosPath.loaderDirectory) }
    self.directories = directories
    if hasOpAMPServer, mountMethod == .hostPath, distribution.usesOpAMPSocket(mountMethod) {
      directories.append(OdigosPath.exchangeDirectory)
    }
    mounts = AgentVolume.Mount.all(directories, mountMethod)
  }
}

extension ContainerVerdict {
  /// Reads an entry of `spec.containers` of an InstrumentationConfig; nil without a container name.
  public init?(json: JSONValue) {
    guard let name = json["containerName"]?.string, !name.isEmpty else { return nil }
    let enabled = json["agentEnabled"]?.bool ?? false
    let code =
      json["agentEnabledReason"]?.string.flatMap(ReasonCode.init(rawValue:))
      ?? (enabled ? .enabledSuccessfully : .injectionDisabled)
    self.init(
      containerName: name, enabled: enabled, reason: Reason(code, json["agentEnabledMessage"]?.string ?? ""),
      distributionName: json["otelDistroName"]?.string)
    for (key, value) in json["distroParams"]?.object ?? [:] { distributionParameters[key] = value.string }
    environmentMethod = json["envInjectionMethod"]?.string.flatMap(EnvironmentInjectionMethod.init(rawValue:))
    traces = json["traces"]
    metrics = json["metrics"]
    logs = json["logs"]
    agentDiagnostics = json["agentDiagnostics"]
  }
}
