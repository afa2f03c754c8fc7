// The words of the instrumentor that others rely on.

/// Types of the conditions of an InstrumentationConfig that the instrumentor writes.
enum InstrumentorCondition {
  static let markedForInstrumentation = "MarkedForInstrumentation"
  static let agentEnabled = "AgentEnabled"
  static let workloadRollout = "WorkloadRollout"
  static let podsManifestInjection = "PodsManifestInjection"
  /// On an InstrumentationRule and on a Source.
  static let applied = "Applied"

  /// All that an InstrumentationConfig has from the instrumentor.
  static let all = [markedForInstrumentation, agentEnabled, workloadRollout, podsManifestInjection]
}

/// What the instrumentor calls itself.
enum InstrumentorName {
  /// The name under which it applies what it owns.
  static let fieldManager = "odigos-instrumentor"
  /// The name under which it applies statuses. Kubernetes before 1.22 does not tell a subresource's fields apart: under
  /// one name an applied status would give up the ownership of what was applied to the object, and what the object
  /// is to lose later would stay.
  static let statusManager = "odigos-instrumentor-status"
  /// The Lease that its leader holds.
  static let lease = "odigos-instrumentor"
}

/// The webhooks.
enum WebhookWord {
  /// Where the API server sends pods.
  static let path = "/mutate--v1-pod"
  /// Where it sends Sources to be completed.
  static let sourceDefaultsPath = "/mutate-odigos-io-v1alpha1-source"
  /// Where it sends Sources to be validated.
  static let sourceValidationPath = "/validate-odigos-io-v1alpha1-source"
  /// Where it sends Actions to be validated.
  static let actionValidationPath = "/validate-odigos-io-v1alpha1-action"
  static let port: UInt16 = 9443
  /// The Service in front of them, which the serving certificate is for.
  static let service = "odigos-instrumentor"
  /// The Secret with the certificates.
  static let secret = "instrumentor-webhooks-cert"
  /// Makes the API server send pods.
  static let configuration = "odigos-pod-mutating-webhook-configuration"
  /// Makes the API server send Sources to be completed.
  static let sourceDefaults = "odigos-source-mutating-webhook-configuration"
  /// Makes the API server send Sources to be validated.
  static let sourceValidation = "odigos-source-validating-webhook-configuration"
  /// Makes the API server send Actions to be validated.
  static let actionValidation = "odigos-action-validating-webhook-configuration"
  /// Every configuration that changes objects.
  static let mutatingConfigurations = [configuration, sourceDefaults]
  /// Every configuration that only judges them.
  static let validatingConfigurations = [sourceValidation, actionValidation]
}

/// Annotations of the webhooks' own objects.
enum WebhookAnnotation {
  /// On the Secret: `leaf` or `authority` asks for another certificate; the instrumentor takes it off again.
  static let rotate = "odigos.io/rotate"
  /// On the Secret: begins the names of annotations that say what a replica serves with.
  static let servingPrefix = "serving.odigos.io/"
  /// On a webhook configuration: cert-manager fills in `caBundle` from that Certificate.
  static let injectAuthorityFrom = "cert-manager.io/inject-ca-from"
  /// On the webhook configuration of pods: `static` keeps the instrumentor from changing who reaches the webhook.
  static let scope = "odigos.io/webhook-scope"
}
