import CollectorConfig
import KubeObjects
import OdigosObjects
import Policy

/// Everything in the cluster that the collectors depend on, at one moment.
struct PipelineSnapshot: Sendable {
  var gatewayGroup: CollectorsGroup?
  var nodeGroup: CollectorsGroup?
  var destinations: [Destination] = []
  var processors: [Processor] = []
  /// By name.
  var secrets: [String: SecretFacts] = [:]
  var configuration = OdigosConfiguration()
  var gatewayDeployment: Deployment?
  var nodeDaemonSet: DaemonSet?
}

extension SecretFacts {
  /// The facts of a Secret.
  init(_ secret: Secret) {
    self.init(
      keys: Set(secret.json["data"]?.object?.keys ?? []),
      version: "\(secret.metadata.uid ?? "")/\(secret.metadata.resourceVersion ?? "")")
  }
}

extension Secret {
  /// The Secret without its values: this component needs only their names and must not hold what it does not need.
  func withoutValues() -> Secret {
    var result = self
    for key in json["data"]?.object?.keys ?? [] { result.json.set(["data", key], "") }
    result.json.set(["metadata", "annotations"], nil)
    return result
  }
}
