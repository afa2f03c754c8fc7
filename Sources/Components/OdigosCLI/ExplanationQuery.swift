import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy
import YAML

/// Gathers from a cluster what an explanation rests on.
struct ExplanationQuery {
  let client: KubeClient
  /// The namespace of the system.
  let system: String

  /// The facts about a pod or workload by its name.
  func facts(_ kind: WorkloadKind, _ key: ObjectKey) async throws -> ExplanationFacts {
    let type = kind.servedType
    let object: JSONValue
    do { object = try await client.get(type, key) } catch {
      guard error.isNotFound else { throw error }
      throw CommandFailure("there is no \(type.kind) \(key)", next: "check --namespace and the name")
    }
    var facts: ExplanationFacts
    if type == Pod.type {
      let workload = WorkloadReference(ownerOf: Pod(json: object))
      facts = ExplanationFacts(
        pod: object, namespace: key.namespace, workload: try await workload.flatMapAsync(self.object))
    } else {
      facts = ExplanationFacts(workload: object, kind: kind, namespace: key.namespace)
    }
    try await complete(&facts, key.namespace)
    return facts
  }

  private func object(of workload: WorkloadReference) async throws -> JSONValue? {
    guard let type = workload.kind.resourceType, !workload.kind.isSinglePod else { return nil }
    do {
      return try await client.get(type, ObjectKey(namespace: workload.namespace, name: workload.name))
    } catch {
      if error.isNotFound { return nil }
      throw error
    }
  }

  private func complete(_ facts: inout ExplanationFacts, _ namespace: String) async throws {
    facts.ownNamespace = system
    facts.namespaceLabels =
      try await client.get(Namespace.self, ObjectKey(name: namespace))?.metadata.labels ?? [:]
    facts.sources = try await client.list(Source.self, namespace: namespace).compactMap { SourceFacts($0) }
    facts.rules = try await client.list(InstrumentationRule.self, namespace: system).map {
      InstrumentationRuleFacts($0)
    }
    facts.actions = try await client.list(Action.self, namespace: system).compactMap { AgentActionFacts($0) }
    let group = try await client.get(
      CollectorsGroup.self, ObjectKey(namespace: system, name: OdigosName.dataCollection))
    facts.nodeCollector = group?.state ?? .notReady
    let version = try await client.serverVersion()
    facts.endpoint = (version.major, version.minor) >= (1, 26) ? .localTrafficService : .nodeAddress
    try await readAddresses(&facts)
    try await readConfiguration(&facts)
    try await readInventory(&facts)
    try await readMounts(&facts, minorVersion: version.minor)
    guard let workload = facts.workload else { return }
    let name = ObjectKey(namespace: workload.namespace, name: workload.instrumentationConfigName)
    guard let config = try await client.get(InstrumentationConfig.self, name) else { return }
    facts.knownHash = config.spec.agentsMetaHash ?? ""
    facts.runtimeDetails = config.status.runtimeDetailsByContainer.compactMap { RuntimeFacts(json: $0.json) }
    if config.status.rollbackOccurred == true {
      let condition = config.status.conditions.condition("AgentEnabled")
      let code = condition?.reason.flatMap(ReasonCode.init(rawValue:))
      facts.rollback = code.map { Reason($0, condition?.message ?? "") }
    }
  }

  private func readAddresses(_ facts: inout ExplanationFacts) async throws {
    if facts.knowsClusterNames { return }
    var services: [String: Service] = [:]
    do throws(KubeError) {
      for service in try await client.list(Service.self, namespace: system) { services[service.name] = service }
      facts.serviceAddresses = ServiceAddresses { services[$0] }
    } catch {
      guard error.status == 403 else { throw error }
      facts.assumeServiceAddresses(because: "you may not list Services")
    }
  }

  private func readMounts(_ facts: inout ExplanationFacts, minorVersion: Int) async throws {
    do throws(KubeError) {
      let nodeAgents = try await client.get(DaemonSet.self, ObjectKey(namespace: system, name: OdigosName.odiglet))
      let deployments = try await client.list(Deployment.self)
      let webhook = deployments.first { $0.namespace == system && $0.name == OdigosName.instrumentor }
      let variables = webhook?.json.at("spec", "template", "spec", "containers")?.array?.flatMap {
        $0["env"]?.array ?? []
      }
      let image = variables?.last { $0["name"]?.string == OdigosEnvironment.agentsImage }?["value"]?.string
      facts.mounts = MountFacts(
        nodeAgents: nodeAgents, deployments: deployments.map(\.name), minorVersion: minorVersion,
        agentsImage: image ?? "", configuration: facts.configuration)
    } catch {
      guard error.status == 403 else { throw error }
      facts.assumptions.append("The nodes offer the device: you may not read DaemonSets or Deployments.")
    }
  }

  private func readInventory(_ facts: inout ExplanationFacts) async throws {
    let reports: [NodeAgents]
    do throws(KubeError) { reports = try await NodeAgents.groups(client) } catch {
      guard error.status == 403 else { throw error }
      facts.assumptions.append("The nodes have what every release has: you may not list nodes.")
      return
    }
    if let common = AgentInventory.common(reports.map { ($0.nodes, $0.report.inventory) }) {
      facts.inventory = common
    } else {
      facts.assumptions.append("The nodes have what every release has: none has said anything yet.")
    }
  }

  private func readConfiguration(_ facts: inout ExplanationFacts) async throws {
    let key = ObjectKey(namespace: system, name: OdigosName.effectiveConfiguration)
    guard let text = try await client.get(ConfigMap.self, key)?.json.at("data", OdigosName.configurationKey)?.string
    else {
      facts.assumptions.append("Everything in the configuration has its default: there is no ConfigMap \(key) yet.")
      return
    }
    let (configuration, problems) = OdigosConfiguration.parse(try YAML.parse(Array(text.utf8)))
    facts.configuration = configuration
    facts.configurationProblems = problems
  }
}

extension Optional {
  /// The value that an asynchronous question about the present one has; nil for none.
  fileprivate func flatMapAsync<Result>(_ transform: (Wrapped) async throws -> Result?) async rethrows -> Result? {
    guard let self else { return nil }
    return try await transform(self)
  }
}
