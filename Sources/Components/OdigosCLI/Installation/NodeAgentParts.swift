/// What of the node agent a version of Kubernetes can have beside the DaemonSet.
struct NodeAgentParts {
  var major: Int
  var minor: Int

  /// The Service that keeps traffic on its node (`internalTrafficPolicy`).
  var hasService: Bool { (major, minor) >= (1, 26) }
  /// The policy about its writes: from there on tokens of pods name their node, and admission policies are stable.
  var hasPolicy: Bool { (major, minor) >= (1, 30) }
  /// The field that names an AppArmor profile; before it, an annotation does.
  var hasAppArmorField: Bool { (major, minor) >= (1, 30) }

  /// The components that are installed for it.
  var components: [String] { (hasService ? ["odiglet-local"] : []) + (hasPolicy ? ["node-agent-policy"] : []) }
}
