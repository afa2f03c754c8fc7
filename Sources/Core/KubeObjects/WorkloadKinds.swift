import JSON

/// A CronJob as Kubernetes up to 1.20 serves it (batch/v1beta1).
public struct CronJobBeta: KubeResource {
  /// CronJob objects of batch/v1beta1.
  public static let type = ResourceType(
    group: "batch", version: "v1beta1", kind: "CronJob", plural: "cronjobs", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A Rollout of Argo (argoproj.io/v1alpha1).
public struct ArgoRollout: KubeResource {
  /// Rollout objects of argoproj.io/v1alpha1.
  public static let type = ResourceType(
    group: "argoproj.io", version: "v1alpha1", kind: "Rollout", plural: "rollouts", isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}

/// A DeploymentConfig of OpenShift (apps.openshift.io/v1).
public struct DeploymentConfig: KubeResource {
  /// DeploymentConfig objects of apps.openshift.io/v1.
  public static let type = ResourceType(
    group: "apps.openshift.io", version: "v1", kind: "DeploymentConfig", plural: "deploymentconfigs",
    isNamespaced: true)
  /// The object.
  public var json: JSONValue
  /// Views an object.
  public init(json: JSONValue) { self.json = json }
}
