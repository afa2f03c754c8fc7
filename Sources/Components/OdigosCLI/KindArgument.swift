import KubeObjects
import Policy

/// Kinds of workloads as commands take them: the same names and short names everywhere.
enum KindArgument {
  /// Short names, as kubectl has them.
  private static let shortNames = [
    "po": "pod", "deploy": "deployment", "sts": "statefulset", "ds": "daemonset", "cj": "cronjob",
    "dc": "deploymentconfig", "ro": "rollout",
  ]

  /// The names, for help and errors.
  static let names = WorkloadKind.allCases.map(\.lowercased).joined(separator: ", ")

  /// The kind that is meant.
  static func parse(_ text: String) throws(CommandFailure) -> WorkloadKind {
    let lower = text.lowercased()
    guard let kind = WorkloadKind(named: shortNames[lower] ?? lower) else {
      throw CommandFailure("unknown kind \(text)", next: "give one of \(names)")
    }
    return kind
  }
}

extension WorkloadKind {
  /// How the API server has objects of this kind: static pods are pods there.
  var servedType: ResourceType { resourceType ?? Pod.type }
}
