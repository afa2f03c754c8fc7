import JSON
import KubeObjects
import Policy

/// The node agent's AppArmor profile. The manifest says it by annotation, as every cluster before 1.30 takes it.
enum AppArmor {
  /// The annotation for the node agent's container.
  static let annotation = "container.apparmor.security.beta.kubernetes.io/\(OdigosName.odiglet)"
  private static let annotations = ["spec", "template", "metadata", "annotations"]
  private static let containers = ["spec", "template", "spec", "containers"]

  /// The object with its profile where it is needed, in the form that the cluster knows.
  ///
  /// Only who looks into other processes needs it: the runtime's own profile lets it see those that have the same
  /// profile, and hides what runs without one or with another.
  ///
  /// - Parameters:
  ///   - features: what the node agent does.
  ///   - hasField: whether the cluster has `appArmorProfile` (Kubernetes 1.30), after which annotations went out of use.
  static func fitted(_ object: JSONValue, _ features: Set<NodeFeature>, hasField: Bool) -> JSONValue {
    guard object.at(annotations + [annotation]) != nil else { return object }
    var object = object
    let isNeeded = features.contains(.runtimeInspection)
    if isNeeded, !hasField { return object }
    object.set(annotations + [annotation], nil)
    if object.at(annotations)?.object?.isEmpty == true { object.set(annotations, nil) }
    guard isNeeded else { return object }
    let list = (object.at(containers)?.array ?? []).map { container in
      var container = container
      if container["name"]?.string == OdigosName.odiglet {
        container.set(["securityContext", "appArmorProfile"], ["type": "Unconfined"])
      }
      return container
    }
    object.set(containers, .array(list))
    return object
  }
}
