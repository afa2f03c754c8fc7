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
