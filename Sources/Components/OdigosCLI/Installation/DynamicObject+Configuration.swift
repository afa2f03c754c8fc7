import JSON
import KubeObjects
import Policy

extension DynamicObject {
  /// The manifest with what the configuration says about pods: how all of our own pull their image, and which nodes the
  /// node agent runs on. Other objects stay as they are.
  func following(_ configuration: OdigosConfiguration) -> DynamicObject {
    guard [Deployment.type, DaemonSet.type].contains(type) else { return self }
    let pod = ["spec", "template", "spec"]
    var object = self
    if !configuration.imagePullSecrets.isEmpty {
      object.json.set(
        pod + ["imagePullSecrets"], .array(configuration.imagePullSecrets.map { ["name": .string($0)] }))
    }
    if metadata.name == OdigosName.odiglet {
      for (label, value) in configuration.nodeSelector.sorted(by: { $0.key < $1.key }) {
        object.json.set(pod + ["nodeSelector", label], .string(value))
      }
    }
    return object
  }
}
