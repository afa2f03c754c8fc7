import KubeObjects

extension ResourceType {
  static let clusterRole = rbac("ClusterRole", "clusterroles", isNamespaced: false)
  static let clusterRoleBinding = rbac("ClusterRoleBinding", "clusterrolebindings", isNamespaced: false)
  static let role = rbac("Role", "roles")
  static let roleBinding = rbac("RoleBinding", "rolebindings")

  /// Every kind that our manifests hold.
  static let installed: [ResourceType] = [
    Namespace.type, CustomResourceDefinition.type, ConfigMap.type, ServiceAccount.type, Service.type, Deployment.type,
    DaemonSet.type, clusterRole, clusterRoleBinding, role, roleBinding, MutatingWebhookConfiguration.type,
    ValidatingWebhookConfiguration.type, podDisruptionBudget, admissionPolicy, admissionPolicyBinding,
  ]

  /// The kinds of workloads that carry labels of users; not every cluster has all of them.
  static let workloads = [
    Deployment.type, StatefulSet.type, DaemonSet.type, CronJob.type, CronJobBeta.type, Job.type, ArgoRollout.type,
    DeploymentConfig.type,
  ]

  /// Where what we have in our namespace is, in the order in which it goes: rights before what programs that are still
  /// ending could write anew, and last what is needed to find the rest again.
  static let inNamespace = [
    Deployment.type, DaemonSet.type, Pod.type, Service.type, podDisruptionBudget,
    ServedVersion.type(podDisruptionBudget, "v1beta1"), roleBinding, role, ServiceAccount.type, Secret.type,
    ConfigMap.type,
  ]

  /// What we have in the cluster outside of namespaces, but for the namespace itself.
  static let ofTheCluster = [
    MutatingWebhookConfiguration.type, ValidatingWebhookConfiguration.type, admissionPolicyBinding, admissionPolicy,
    clusterRoleBinding, clusterRole, CustomResourceDefinition.type,
  ]

  static let persistentVolumeClaim = ResourceType(
    group: "", version: "v1", kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims")

  /// Served from Kubernetes 1.30 on, as its binding.
  static let admissionPolicy = admission("ValidatingAdmissionPolicy", "validatingadmissionpolicies")
  static let admissionPolicyBinding = admission("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings")

  /// As the manifests have it; served from Kubernetes 1.21 on.
  static let podDisruptionBudget = ResourceType(
    group: "policy", version: "v1", kind: "PodDisruptionBudget", plural: "poddisruptionbudgets")

  private static func admission(_ kind: String, _ plural: String) -> ResourceType {
    ResourceType(
      group: "admissionregistration.k8s.io", version: "v1", kind: kind, plural: plural, isNamespaced: false)
  }

  private static func rbac(_ kind: String, _ plural: String, isNamespaced: Bool = true) -> ResourceType {
    ResourceType(
      group: "rbac.authorization.k8s.io", version: "v1", kind: kind, plural: plural, isNamespaced: isNamespaced)
  }
}
