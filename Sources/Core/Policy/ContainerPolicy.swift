/// The decision about one container.
struct ContainerPolicy {
  var facts: AgentFacts
  var containerName: String

  private var override: ContainerOverrideFacts? {
    facts.selection.containerOverrides.first { $0.containerName == containerName }
  }

  func decide() -> ContainerVerdict {
    if facts.configuration.ignoredContainers.contains(containerName) {
      return refuse(.ignoredContainer, "The configuration's ignoredContainers names this container.")
    }
    if let rollback = facts.rollback {
      return refuse(rollback.code, rollback.message)
    }
    let override = override
    let detected = facts.runtimeDetails.first { $0.containerName == containerName }
    guard let details = override?.details(seen: detected) ?? detected else { return withoutDetails(override) }
    if details.language == .ignored {
      return refuse(.ignoredContainer, "The container's process is one to be ignored.")
    }
    let rules = InstrumentationRules.merge(
      facts.rules, workload: facts.selection.workload, language: language(details, override))
    switch choose(details, override, rules) {
    case .refusal(let verdict): return verdict
    case .distribution(let distribution): return decide(details, distribution, override, rules)
    }
  }

  /// The language that rules are chosen for: where it was not recognised, an override's distribution tells.
  private func language(_ details: RuntimeFacts, _ override: ContainerOverrideFacts?) -> ProgrammingLanguage {
    guard details.language == .unknown else { return details.language }
    let named = override?.distributionName.flatMap(Distributions.named)?.language
    return named == .any ? .unknown : named ?? .unknown
  }

  private func withoutDetails(_ override: ContainerOverrideFacts?) -> ContainerVerdict {
    facts.runtimeDetails.isEmpty
      ? refuse(.waitingForRuntimeInspection, "The running processes have not been inspected yet.")
      : refuse(.runtimeDetailsUnavailable, "No process of this container has been seen running.")
  }

  private enum Choice {
    case distribution(Distribution)
    case refusal(ContainerVerdict)
  }

  /// The override's distribution, else the one that a rule asks for, else the usual one of the language.
  private func choose(
    _ details: RuntimeFacts, _ override: ContainerOverrideFacts?, _ rules: MergedRules
  ) -> Choice {
    let preferred: Distribution
    if let name = override?.distributionName {
      guard let named = Distributions.named(name) else {
        let known = Distributions.all.map(\.name).joined(separator: ", ")
        return .refusal(refuse(.noAvailableAgent, "There is no distribution \(name); there are: \(known)."))
      }
      guard named.language == details.language || named.language == .any || details.language == .unknown else {
        let text = "The distribution \(name) is for \(named.language.rawValue), but the process is \(details.language)."
        return .refusal(refuse(.injectionConflict, text, named))
      }
      preferred = named
    } else if let wanted = rules.distribution.flatMap({ Distributions.named($0.name) }) {
      preferred = wanted
    } else if details.language == .unknown {
      return .refusal(
        refuse(.unsupportedProgrammingLanguage, "The programming language of this container is not known."))
    } else if let found = Distributions.preferred(for: details.language) {
      preferred = found
    } else {
      let text = "There is no agent for programs in \(details.language.rawValue)."
      return .refusal(refuse(.unsupportedProgrammingLanguage, text))
    }
    return supporting(details.runtimeVersion, preferred)
  }

  /// The distribution, or the first of its fallbacks, that supports the version.
  private func supporting(_ version: String, _ preferred: Distribution) -> Choice {
    var candidate = preferred
    var tried: Set<String> = []
    while !candidate.supports(version: version) {
      tried.insert(candidate.name)
      guard let next = candidate.fallback.flatMap(Distributions.named), !tried.contains(next.name) else {
        let ranges = preferred.runtimes.map { "\($0.name) \($0.versions)" }.joined(separator: ", ")
        let text = "The version \(version) is not supported by \(preferred.name); it supports \(ranges)."
        return .refusal(refuse(.unsupportedRuntimeVersion, text, preferred))
      }
      candidate = next
    }
    return .distribution(candidate)
  }

  private func decide(
    _ details: RuntimeFacts, _ distribution: Distribution, _ override: ContainerOverrideFacts?, _ rules: MergedRules
  ) -> ContainerVerdict {
    if let sentence = facts.inventory.absence(of: distribution) {
      return refuse(.noAvailableAgent, sentence, distribution)
    }
    if let needed = distribution.cLibrary, let library = details.libCType, library != needed {
      let text = "\(distribution.name) is made for \(needed), and the container has \(library)."
      return refuse(.noAvailableAgent, text, distribution)
    }
    if let sentence = unchangeable(distribution) { return refuse(.podNotChangeable, sentence, distribution) }
    let parameters = distribution.parameters(from: details)
    if let missing = distribution.requiredParameters.first(where: { parameters[$0] == nil }) {
      let text = "The parameter \(missing), which \(distribution.name) needs, could not be found out."
      return refuse(.missingDistroParameter, text, distribution)
    }
    if let sentence = facts.inventory.absence(of: distribution, parameters) {
      return refuse(.noAvailableAgent, sentence, distribution)
    }
    let loading = AgentLoading(
      distribution: distribution, details: details, template: facts.templates.first { $0.name == containerName },
      method: facts.configuration.agentEnvVarsInjectionMethod, inventory: facts.inventory, parameters: parameters
    ).decide()
    if case .impossible(let reason) = loading { return refuse(reason.code, reason.message, distribution) }
    let others = details.otherAgents.joined(separator: ", ")
    if !others.isEmpty, !allowsOtherAgents(override) {
      let text = "Another agent runs in this container: \(others). Remove it, or set allowConcurrentAgents."
      return refuse(.otherAgentDetected, text, distribution)
    }
    switch collected(rules) {
    case .failure(let reason): return refuse(reason.code, reason.message, distribution)
    case .success(let signals):
      var verdict = enable(distribution, parameters, loading, besides: others)
      tell(&verdict, rules, signals)
      if let remark = rules.remark(on: distribution) { verdict.reason.message += " " + remark }
      return verdict
    }
  }

  private func enable(
    _ distribution: Distribution, _ parameters: [String: String], _ loading: AgentLoading.Outcome,
    besides others: String
  ) -> ContainerVerdict {
    var verdict = ContainerVerdict(
      containerName: containerName, enabled: true,
      reason: others.isEmpty
        ? Reason(.enabledSuccessfully, "\(distribution.displayName) instruments this container.")
        : Reason(.enabledWithOtherAgents, "\(distribution.displayName) instruments this container beside \(others)."),
      distributionName: distribution.name)
    verdict.distributionParameters = parameters.filter { distribution.requiredParameters.contains($0.key) }
    switch loading {
    case .loader: verdict.environmentMethod = .loader
    case .podManifest(let remark):
      verdict.environmentMethod = .podManifest
      if let remark { verdict.reason.message += " " + remark }
    case .nothing, .impossible: break
    }
    return verdict
  }

  /// What the rules and the configuration tell the agent.
  private func tell(_ verdict: inout ContainerVerdict, _ rules: MergedRules, _ signals: Set<CollectedSignal>) {
    if signals.contains(.traces) {
      var traces = rules.traces(facts.configuration)
      let actions = AgentActions.merge(
        facts.actions, workload: facts.selection.workload, language: rules.language)
      for (key, value) in actions { traces[key] = value }
      verdict.traces = traces
    }
    if signals.contains(.metrics) { verdict.metrics = rules.metrics(facts.configuration) }
    if signals.contains(.logs) { verdict.logs = rules.logs }
    verdict.agentDiagnostics = rules.agentDiagnostics
  }

  /// The override's word on agents of others, else the Source's, else the configuration's.
  private func allowsOtherAgents(_ override: ContainerOverrideFacts?) -> Bool {
    override?.allowConcurrentAgents ?? facts.selection.allowConcurrentAgents
      ?? facts.configuration.allowConcurrentAgents
  }

  /// Why the pod cannot be changed for the distribution; nil when it can.
  private func unchangeable(_ distribution: Distribution) -> String? {
    guard facts.selection.workload.kind == .staticPod, distribution.changesPods else { return nil }
    return "The kubelet reads a static pod from its node, where the webhook cannot change it; \(distribution.name) "
      + "would have to be added there."
  }

  /// What the agent sends: what the node collector receives, without what rules take away.
  private func collected(_ rules: MergedRules) -> Result<Set<CollectedSignal>, Reason> {
    guard var signals = facts.nodeCollector.signals else {
      return .failure(Reason(.waitingForNodeCollector, "The node collector is not ready to receive telemetry."))
    }
    if signals.isEmpty { return .failure(Reason(.noCollectedSignals, "No Destination collects any signal; add one.")) }
    if !rules.tracesDisabledBy.isEmpty { signals.remove(.traces) }
    if signals.isEmpty {
      let names = rules.tracesDisabledBy.joined(separator: ", ")
      let text = "Only traces are collected, and these InstrumentationRules turn them off here: \(names)."
      return .failure(Reason(.noCollectedSignals, text))
    }
    return .success(signals)
  }

  private func refuse(_ code: ReasonCode, _ message: String, _ distribution: Distribution? = nil) -> ContainerVerdict {
    ContainerVerdict(
      containerName: containerName, enabled: false, reason: Reason(code, message), distributionName: distribution?.name)
  }
}

extension Distribution {
  /// Whether anything has to be done to the pod.
  var changesPods: Bool { !directories.isEmpty || !appendedVariables.isEmpty || !fixedVariables.isEmpty }
}
