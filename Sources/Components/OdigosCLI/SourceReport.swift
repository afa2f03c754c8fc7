import JSON
import KubeObjects
import OdigosObjects
import Policy

/// What `odigos describe source` prints: pure, from the objects as they were read.
struct SourceReport {
  var kind: WorkloadKind
  var key: ObjectKey
  var config: InstrumentationConfig?
  var sources: [Source]
  var pods: [Pod]
  var workload: JSONValue
  /// Those of its namespace.
  var instances: [InstrumentationInstance] = []

  var text: String {
    var lines = ["Name: \(key.name)", "Kind: \(kind.rawValue)", "Namespace: \(key.namespace)"]
    lines += sourceLines
    guard let config else {
      return (lines + ["Instrumented: no (there is no InstrumentationConfig)"]).joined(separator: "\n")
    }
    lines.append("Service name: \(config.spec.serviceName ?? key.name)")
    lines.append("Conditions:")
    for condition in config.status.conditions {
      lines.append("  \(condition.type ?? "?"): \(condition.status ?? "?") \(condition.reason ?? "")")
      if let message = condition.message, !message.isEmpty { lines.append("    \(message)") }
    }
    lines += detailLines(config) + agentLines(config) + podLines(config)
    return lines.joined(separator: "\n")
  }

  private var sourceLines: [String] {
    let reference = WorkloadReference(namespace: key.namespace, kind: kind, name: key.name)
    var lines = ["Sources:"]
    for source in sources.compactMap(SourceFacts.init) where source.concerns(reference) {
      let subject =
        switch source.target {
        case .namespace: "Namespace"
        case .workload(let kind): kind.rawValue + (source.matchesByExpression ? " like \(source.workloadName)" : "")
        case .unknown(let kind): kind
        }
      let state = source.isBeingDeleted ? "being deleted" : source.isDisabled ? "disabled" : "enabled"
      lines.append("  \(source.name): \(subject) \(state)")
    }
    let label = workload.at("metadata", "labels", OdigosLabel.instrumentation)?.string
    if let label { lines.append("  label odigos-instrumentation=\(label) on the workload") }
    return lines.count == 1 ? ["Sources: none for this workload (a namespace label may opt it in)"] : lines
  }

  private func detailLines(_ config: InstrumentationConfig) -> [String] {
    ["Runtime details:"]
      + config.status.runtimeDetailsByContainer.flatMap { details in
        ["  \(details.containerName ?? "?"): \(details.language ?? "unknown") \(details.runtimeVersion ?? "")"]
          + (details.criErrorMessage.map { ["    container runtime: \($0)"] } ?? [])
          + details.evidence.map { "    evidence: \($0)" }
      }
  }

  private func agentLines(_ config: InstrumentationConfig) -> [String] {
    ["Agents:"]
      + config.spec.containers.map { container in
        let state = container.agentEnabled == true ? "enabled \(container.otelDistroName ?? "")" : "not enabled"
        return "  \(container.containerName ?? "?"): \(state) (\(container.agentEnabledReason ?? "")) "
          + (container.agentEnabledMessage ?? "")
      }
  }

  private func podLines(_ config: InstrumentationConfig) -> [String] {
    ["Pods:"]
      + pods.flatMap { pod in
        let hash = pod.metadata.labels[OdigosLabel.agentsMetaHash]
        let state =
          hash.map { $0 == config.spec.agentsMetaHash ? "injected" : "injected, out of date" } ?? "not injected"
        let phase = pod.json.at("status", "phase")?.string ?? "?"
        let trouble = Readiness.trouble(pod.json).map { ": \($0)" } ?? ""
        let node = pod.json.at("spec", "nodeName")?.string ?? "no node"
        return ["  \(pod.name): \(phase) on \(node), \(state)\(trouble)"] + instanceLines(pod)
      }
  }

  /// The instrumented processes of a pod whose agents report, and what is wrong with them.
  private func instanceLines(_ pod: Pod) -> [String] {
    let own = instances.filter { $0.metadata.ownerReferences.contains { $0.uid == pod.metadata.uid } }
    return own.sorted { $0.name < $1.name }.flatMap { instance in
      let status = instance.status
      let health = status.healthy.map { $0 ? "healthy" : "unhealthy" } ?? "not known yet"
      let words = [health, status.reason ?? "", status.message ?? ""].filter { !$0.isEmpty }.joined(separator: ", ")
      var lines = ["    agent \(instance.name) in \(instance.spec.containerName ?? "?"): \(words)"]
      for component in status.components where component.healthy == false {
        lines.append("      \(component.name ?? "?"): unhealthy, \(component.message ?? component.reason ?? "")")
      }
      if let condition = status.conditions.condition("RemoteConfigApplied"), condition.status != "True" {
        lines.append("      configuration: \(condition.reason ?? "") \(condition.message ?? "")")
      }
      return lines
    }
  }
}
