import JSON
import OdigosObjects
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
  /// - Throws: when the installed one names a feature that this version does not have, or is of another version and
  ///   no image is given: manifests and programs must be of one version.
  func completed(by nodeAgent: JSONValue?) throws(CommandFailure) -> (
    image: String, imagePullPolicy: String, nodeFeatures: Set<NodeFeature>
  ) {
    let containers = nodeAgent?.at("spec", "template", "spec", "containers")?.array ?? []
    let container = containers.first { $0["name"]?.string == OdigosName.odiglet }
    if image == nil, let version = Self.version(of: container), version != Release.version {
      throw CommandFailure(
        "Odigos \(version) is installed and this program is of version \(Release.version)",
        next: "give --image with the image of version \(Release.version), or use the program of version \(version)")
    }
    // Only where nothing is given: what is wrong there can be mended so.
    let features =
      if let nodeFeatures { nodeFeatures } else { try Self.features(of: container) ?? NodeFeature.standard }
    return (
      image ?? container?["image"]?.string ?? Self.standardImage,
      imagePullPolicy ?? container?["imagePullPolicy"]?.string ?? Self.standardPullPolicy,
      features
    )
  }

  /// The version that the installed node agent was installed by; nil where it does not say.
  private static func version(of container: JSONValue?) -> String? {
    container?["env"]?.array?.first { $0["name"]?.string == "ODIGOS_VERSION" }?["value"]?.string
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
