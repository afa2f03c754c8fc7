import JSON

/// One question that is asked about a workload or pod on the way to its agents, and the answer.
public struct ExplanationStep: Sendable, Hashable {
  /// What an answer comes to.
  public enum Answer: String, Sendable, Hashable {
    case yes, no
    /// Not yet, or it cannot be said.
    case unknown
    /// Neither: a fact that the other answers rest on.
    case fact
  }

  /// The question.
  public var question: String
  /// The answer.
  public var answer: Answer
  /// The stable code; nil where a fact is told.
  public var code: ReasonCode?
  /// The answer as a sentence.
  public var sentence: String

  /// A decision.
  init(_ question: String, _ reason: Reason) {
    self.question = question
    code = reason.code
    sentence = reason.message
    answer =
      switch reason.code.verdict {
      case .positive: .yes
      case .negative: .no
      case .unknown: .unknown
      }
  }

  /// A fact.
  init(_ question: String, fact: String) {
    self.question = question
    answer = .fact
    sentence = fact
  }

  /// `{question, answer, reason, message}`.
  public var json: JSONValue {
    var value: JSONValue = ["question": .string(question), "answer": .string(answer.rawValue)]
    value["reason"] = code.map { .string($0.rawValue) }
    value["message"] = .string(sentence)
    return value
  }
}

/// Why a workload or pod gets its agents, or does not, step by step. It asks the very functions that the controllers
/// and the webhook ask, in their order, so that it cannot say anything else than they do.
public struct Explanation: Sendable {
  /// The workload; nil when the pod belongs to none.
  public let workload: WorkloadReference?
  /// The questions and answers in order.
  public let steps: [ExplanationStep]
  /// What it all comes to.
  public let verdict: Reason
  /// What admission would do to a new pod (RFC 6902), as JSON text; nil when the pod stays as it is.
  public let patch: [UInt8]?

  /// Explains.
  public static func make(_ facts: ExplanationFacts) -> Explanation {
    var steps: [ExplanationStep] = []
    func end(_ verdict: Reason, _ workload: WorkloadReference?, patch: [UInt8]? = nil) -> Explanation {
      Explanation(workload: workload, steps: steps, verdict: verdict, patch: patch)
    }
    for assumption in facts.assumptions { steps.append(ExplanationStep("What is assumed?", fact: assumption)) }
    guard let workload = facts.workload else {
      let reason = Reason(.noWorkload, "No workload of a known kind owns the pod, and it has no name of its own.")
      steps.append(ExplanationStep("Which workload is it?", reason))
      return end(reason, nil)
    }
    steps.append(ExplanationStep("Which workload is it?", fact: "It is \(workload)."))

    let selection = Selection.decide(
      workload: workload, workloadLabels: facts.workloadLabels, namespaceLabels: facts.namespaceLabels,
      sources: SourceIndex(facts.sources), ownNamespace: facts.ownNamespace)
    steps.append(ExplanationStep("Is it selected?", selection.reason))
    guard selection.isInstrumented else { return end(selection.reason, workload) }
    steps.append(ExplanationStep("What does its selection say?", fact: Self.sentence(selection)))
    for problem in facts.configurationProblems {
      steps.append(ExplanationStep("Is the configuration as it should be?", fact: problem.description))
    }

    let agents = AgentPolicy.decide(facts.agentFacts(selection))
    for container in agents.containers {
      steps += Self.steps(of: container, facts, workload, selection)
    }
    steps.append(ExplanationStep("Does the workload get an agent?", agents.reason))
    guard agents.isInjectionEnabled else { return end(agents.reason, workload) }
    if let known = facts.knownHash, known != agents.agentsMetaHash {
      let text = "The InstrumentationConfig does not say so yet; the instrumentor will bring it up to date."
      steps.append(ExplanationStep("Does the cluster know?", fact: text))
    }

    let (outcome, patch) = Self.admission(facts, selection, agents)
    steps.append(ExplanationStep("What happens to a new pod?", outcome))
    return end(outcome, workload, patch: patch)
  }

  private static func sentence(_ selection: SelectionVerdict) -> String {
    let streams = selection.dataStreams.isEmpty ? "no data stream" : selection.dataStreams.joined(separator: ", ")
    var text = "Its service is \(selection.serviceName), its data streams are: \(streams)."
    if !selection.sourceNames.isEmpty { text += " Its Sources are: \(selection.sourceNames.joined(separator: ", "))." }
    return text
  }

  private static func steps(
    of container: ContainerVerdict, _ facts: ExplanationFacts, _ workload: WorkloadReference,
    _ selection: SelectionVerdict
  ) -> [ExplanationStep] {
    let name = container.containerName
    var steps: [ExplanationStep] = []
    let override = selection.containerOverrides.first { $0.containerName == name }?.runtimeInfo
    if let details = override ?? facts.runtimeDetails.first(where: { $0.containerName == name }) {
      let version = details.runtimeVersion.isEmpty ? "of unknown version" : details.runtimeVersion
      var text = "\(details.language.rawValue) \(version)"
      if override != nil { text += ", as an override says" }
      if !details.otherAgents.isEmpty { text += "; other agents: \(details.otherAgents.joined(separator: ", "))" }
      steps.append(ExplanationStep("What runs in container \(name)?", fact: text + "."))
      let rules = InstrumentationRules.merge(facts.rules, workload: workload, language: details.language).ruleNames
      if !rules.isEmpty {
        let text = "These do: \(rules.joined(separator: ", "))."
        steps.append(ExplanationStep("Which InstrumentationRules apply to container \(name)?", fact: text))
      }
    }
    steps.append(ExplanationStep("Does container \(name) get an agent?", container.reason))
    return steps
  }

  private static func admission(
    _ facts: ExplanationFacts, _ selection: SelectionVerdict, _ agents: AgentVerdict
  ) -> (Reason, patch: [UInt8]?) {
    var settings = InjectionSettings(
      configuration: facts.configuration, ownNamespace: facts.ownNamespace, endpoint: facts.endpoint,
      signals: facts.nodeCollector.signals ?? [], mounts: facts.mounts, inventory: facts.inventory)
    settings.serviceAddresses = facts.serviceAddresses
    guard let pod = try? JSONDocument(parsing: facts.pod.serialized()).root,
      let owner = WorkloadOwner(pod: pod, namespace: selection.workload.namespace)
    else { return (Reason(.malformedPod, "There is no pod, and no pod template, to inject into."), nil) }
    do throws(Reason) {
      let injection = try InjectionFacts(
        workload: selection.workload, serviceName: selection.serviceName, verdict: agents,
        runtimeDetails: facts.runtimeDetails, settings: settings,
        podSecurity: PodSecurityLevel(namespaceLabels: facts.namespaceLabels))
      let plan = Injection.plan(pod: pod, owner: owner, facts: injection)
      return (plan.reason, plan.isEmpty ? nil : plan.patch())
    } catch {
      return (error, nil)
    }
  }

  /// `{workload, verdict, steps, patch}`, for programs.
  public var json: JSONValue {
    var value: JSONValue = [:]
    if let workload {
      value["workload"] = [
        "namespace": .string(workload.namespace), "kind": .string(workload.kind.rawValue),
        "name": .string(workload.name),
      ]
    }
    value["verdict"] = ["reason": .string(verdict.code.rawValue), "message": .string(verdict.message)]
    value["verdict"]?["advice"] = (verdict.code.documentation?.advice).map { .string($0) }
    value["steps"] = .array(steps.map(\.json))
    value["patch"] = patch.flatMap { try? JSONValue(parsing: $0) }
    return value
  }
}
