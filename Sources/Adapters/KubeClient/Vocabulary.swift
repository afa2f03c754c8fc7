/// Words of the API machinery that this target reads or writes.
enum Vocabulary {
  /// Where a pod finds its service account.
  static let serviceAccountDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"
  /// The address of the API server in a pod's environment.
  static let serviceHost = "KUBERNETES_SERVICE_HOST"
  static let servicePort = "KUBERNETES_SERVICE_PORT"
  /// The list of kubeconfig files, joined by colons.
  static let kubeconfig = "KUBECONFIG"
  /// What an exec plugin is told (client.authentication.k8s.io).
  static let execInfo = "KUBERNETES_EXEC_INFO"
  static let execGroup = "client.authentication.k8s.io"
  static let execVersions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]
}

extension KubeError {
  /// Reasons of errors that no Status object of a server gave.
  public enum LocalReason {
    /// No answer: refused, unresolved, TLS, broken.
    public static let unreachable = "Unreachable"
    /// No answer in time.
    public static let timeout = "RequestTimeout"
    /// The waiting task was cancelled.
    public static let cancelled = "Cancelled"
    /// A kubeconfig, credential or argument that cannot be used.
    public static let invalidConfiguration = "InvalidConfiguration"
    /// An answer that is not what the API promises.
    public static let invalidAnswer = "InvalidAnswer"
  }
}
