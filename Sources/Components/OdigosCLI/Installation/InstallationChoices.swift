import JSON
import Policy

/// What an installation is made of that no configuration keeps, as the command line gives it; nil leaves it as it is
/// installed.
struct InstallationChoices: Equatable {
  static let standardImage = "localhost/odigos:dev"
  static let standardPullPolicy = "IfNotPresent"

  var image: String?
  var imagePullPolicy: String?
  var nodeFeatures: Set<NodeFeature>?

  /// Everything chosen: what is given counts, then what the node agent of an installation says, then the defaults.
  ///
  /// - Parameter nodeAgent: the installed DaemonSet `odiglet`; nil where there is none.
  /// - Throws: when the installed one names a feature that this version does not have.
  func completed(by nodeAgent: JSONValue?) throws(CommandFailure) -> (
    image: String, imagePullPolicy: String, nodeFeatures: Set<NodeFeature>
  ) {
    let containers = nodeAgent?.at("spec", "template", "spec", "containers")?.array ?? []
    let container = containers.first { $0["name"]?.string == OdigosName.odiglet }
    // Only where nothing is given: what is wrong there can be mended so.
    let features =
      if let nodeFeatures { nodeFeatures } else { try Self.features(of: container) ?? NodeFeature.standard }
    return (
      image ?? container?["image"]?.string ?? Self.standardImage,
      imagePullPolicy ?? container?["imagePullPolicy"]?.string ?? Self.standardPullPolicy,
      features
    )
  }

  /// What the variable of the installed node agent says; nil where it has none.
  private static func features(of container: JSONValue?) throws(CommandFailure) -> Set<NodeFeature>? {
    let variable = container?["env"]?.array?.first { $0["name"]?.string == Self.variable }
    guard let text = variable?["value"]?.string, !text.isEmpty else { return nil }
    do throws(NodeFeatureError) { return try NodeFeature.parse(text) } catch {
      throw CommandFailure(
        "the installed DaemonSet \(OdigosName.odiglet) has \(Self.variable)=\(text): \(error)",
        next: "give --node-features")
    }
  }

  private static let variable = "ODIGOS_NODE_FEATURES"
}
