import JSON

/// The rules for Actions that somebody creates or changes.
public enum ActionAdmission {
  /// The parts of a spec that say what an Action does.
  static let blocks = [
    "addClusterInfo", "deleteAttribute", "renameAttribute", "piiMasking", "k8sAttributes", "urlTemplatization",
    "extractAttribute", "dbQueryTemplatization", "inferDbAttributes", "spanRenamer", "samplers",
  ]

  /// Whether an Action may be stored.
  ///
  /// - Parameters:
  ///   - action: as it would be stored.
  ///   - old: as it is stored; nil for a new one.
  ///   - namespace: where it is stored.
  ///   - ownNamespace: where the system runs, and looks for Actions.
  public static func validate(
    _ action: JSONValue, old: JSONValue?, namespace: String, ownNamespace: String
  ) -> ObjectVerdict {
    var verdict = ObjectVerdict()
    // What does not change what it does is never refused: labels, finalizers, or one that was there before us.
    if action.at("metadata", "deletionTimestamp") != nil || old.map({ $0["spec"] == action["spec"] }) == true {
      return verdict
    }
    if namespace != ownNamespace {
      verdict.refuse(
        "metadata.namespace",
        "the Action is in \(namespace), where nobody looks for it; create it in \(ownNamespace)")
    }
    let found = blocks.filter { name in action.at("spec", name).map { $0 != .null } ?? false }
    switch found.count {
    case 0: verdict.refuse("spec", "it does nothing; add one of \(blocks.joined(separator: ", "))")
    case 1: break
    default:
      verdict.refuse("spec", "it has \(found.joined(separator: " and ")); make an Action for each of them")
    }
    return verdict
  }
}
