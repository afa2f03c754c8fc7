import JSON
import OdigosObjects

/// Everything that the injection of a workload's pods depends on, prepared once when something changes and not while
/// a pod waits for admission.
public struct InjectionFacts: Sendable {
  /// The workload.
  public let workload: WorkloadReference
  /// What pods are labelled with.
  public let agentsMetaHash: String
  /// How the agent files come into containers.
  public let mountMethod: MountMethod
  /// Whether pods must go to nodes where the agent files are.
  let needsNodeAffinity: Bool
  let containers: [InjectedContainer]

  /// Prepares the injection of a workload from its verdict.
  ///
  /// - Throws: a `Reason` why its pods are not injected.
  public init(
    workload: WorkloadReference, serviceName: String, verdict: AgentVerdict, runtimeDetails: [RuntimeFacts],
    settings: InjectionSettings
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
    agentsMetaHash = verdict.agentsMetaHash
    mountMethod = settings.mountMethod
    containers = verdict.containers.compactMap { container in
      guard container.enabled, let distribution = container.distributionName.flatMap(Distributions.named) else {
        return nil
      }
      let details = runtimeDetails.first { $0.containerName == container.containerName }
      let environment = InjectedEnvironment(
        container: container, distribution: distribution, details: details, workload: workload,
        serviceName: serviceName, settings: settings)
      return InjectedContainer(
        name: container.containerName, distribution: distribution, environment: environment)
    }
    guard !containers.isEmpty else {
      let names = verdict.containers.compactMap(\.distributionName).joined(separator: ", ")
      throw Reason(.noAvailableAgent, "None of these distributions is known: \(names).")
    }
    // The device itself leads a pod to a node that has it.
    needsNodeAffinity =
      settings.mountMethod == .hostPath && !settings.karpenterEnabled
      && containers.contains { !$0.distribution.directories.isEmpty }
  }

  /// Prepares the injection of a workload from its InstrumentationConfig.
  ///
  /// - Throws: a `Reason` why its pods are not injected.
  public init(instrumentationConfig config: InstrumentationConfig, settings: InjectionSettings) throws(Reason) {
    guard
      let workload = WorkloadReference(instrumentationConfigName: config.name, namespace: config.namespace ?? "")
    else { throw Reason(.noWorkload, "The name \(config.name) of an InstrumentationConfig names no workload.") }
    guard config.spec.agentInjectionEnabled == true else {
      throw Reason(.injectionDisabled, "The InstrumentationConfig \(config.name) does not enable injection.")
    }
    let verdicts = config.json.at("spec", "containers")?.array?.compactMap(ContainerVerdict.init) ?? []
    let enabled = verdicts.filter(\.enabled).map(\.containerName).joined(separator: ", ")
    let verdict = AgentVerdict(
      reason: Reason(.enabledSuccessfully, "Containers with an agent: \(enabled)."), containers: verdicts,
      agentsMetaHash: config.spec.agentsMetaHash ?? "")
    var details = config.json.at("status", "runtimeDetailsByContainer")?.array?.compactMap(RuntimeFacts.init) ?? []
    for override in config.json.at("spec", "containersOverrides")?.array ?? [] {
      guard let facts = ContainerOverrideFacts(json: override), let runtime = facts.runtimeInfo else { continue }
      details.removeAll { $0.containerName == facts.containerName }
      details.append(runtime)
    }
    try self.init(
      workload: workload, serviceName: config.spec.serviceName ?? "", verdict: verdict, runtimeDetails: details,
      settings: settings)
  }
}

/// One container that gets an agent. A class, so that admission does not count references to each of its parts.
final class InjectedContainer: Sendable {
  let name: String
  let distribution: Distribution
  let environment: InjectedEnvironment
  /// The directories of the agent that it mounts with the host path method, and the entries for them.
  let mounts: [(path: String, entry: [UInt8])]

  init(name: String, distribution: Distribution, environment: InjectedEnvironment) {
    self.name = name
    self.distribution = distribution
    self.environment = environment
    mounts = distribution.directories.map { directory in
      let path = OdigosPath.agentsPrefix + directory
      let entry: JSONValue = [
        "name": .string(OdigosName.agentVolume), "mountPath": .string(path), "subPath": .string(directory),
        "readOnly": true,
      ]
      return (path, entry.serialized())
    }
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
