import ArgumentParser
import Policy

/// What `odigos install` and `odigos upgrade` take about the programs that run.
struct ImageOptions: ParsableArguments {
  @Option(help: "Image of all components (default: the installed one, else \(InstallationChoices.standardImage)).")
  var image: String?

  @Option(
    help: ArgumentHelp(
      "When nodes pull the image: Always, IfNotPresent or Never (default: as it is installed, else "
        + "\(InstallationChoices.standardPullPolicy)).")
  )
  var imagePullPolicy: String?

  @Option(
    help: ArgumentHelp(
      "What the node agent does, with commas between: device-plugin, runtime-inspection, process-events; none "
        + "(default: as it is installed, else \(NodeFeature.text(of: NodeFeature.standard))).")
  )
  var nodeFeatures: String?

  @Flag(help: "Do not wait until the components are ready.")
  var nowait = false

  @Option(help: "Seconds to wait for the components.")
  var timeout = 180

  func validate() throws {
    if let imagePullPolicy, !["Always", "IfNotPresent", "Never"].contains(imagePullPolicy) {
      throw ValidationError("--image-pull-policy \(imagePullPolicy): give Always, IfNotPresent or Never")
    }
    if let image, image.isEmpty { throw ValidationError("--image: give the name of an image") }
    do throws(NodeFeatureError) { _ = try nodeFeatures.map(NodeFeature.parse) } catch {
      throw ValidationError("--node-features: \(error)")
    }
  }

  func choices() throws -> InstallationChoices {
    InstallationChoices(
      image: image, imagePullPolicy: imagePullPolicy, nodeFeatures: try nodeFeatures.map(NodeFeature.parse))
  }

  /// How long to wait for the components; nil for not at all.
  var patience: Duration? { nowait ? nil : .seconds(timeout) }
}
