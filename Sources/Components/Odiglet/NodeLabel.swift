import KubeClient
import KubeObjects
import Logging
import Policy

/// The label on the node that says that the agent files and the device are there. Uninstalling removes it, an odiglet
/// that ends does not: what it brought stays usable.
struct NodeLabel: Sendable {
  var nodeName: String
  var client: KubeClient
  var logger: Logger

  /// Sets the label; tries until it succeeds or the task is cancelled.
  func set() async {
    var pause = Duration.seconds(1)
    while !Task.isCancelled {
      do throws(KubeError) {
        _ = try await client.patch(
          Node.type, ObjectKey(name: nodeName), .merge,
          ["metadata": ["labels": [OdigosLabel.odigletInstalled: "true"]]])
        logger.info("labelled the node", metadata: ["node": "\(nodeName)", "label": "\(OdigosLabel.odigletInstalled)"])
        return
      } catch {
        logger.warning(
          "the node could not be labelled; it is tried again",
          metadata: ["node": "\(nodeName)", "error": "\(error)"])
      }
      try? await Task.sleep(for: pause)
      pause = min(pause * 2, .seconds(60))
    }
  }
}
