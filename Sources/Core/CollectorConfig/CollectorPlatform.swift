/// The program of the collectors.
public struct CollectorImage: Sendable, Equatable {
  /// The image.
  public var reference: String
  /// `imagePullPolicy`; nil leaves it to the cluster.
  public var pullPolicy: String?
  /// Whether it is our own image, which holds several programs, so that the collector must be named. An image that the
  /// user chose (`collectorImage`) starts its collector itself.
  public var isOwn: Bool

  /// Makes the description.
  public init(reference: String, pullPolicy: String? = nil, isOwn: Bool) {
    self.reference = reference
    self.pullPolicy = pullPolicy
    self.isOwn = isOwn
  }
}

/// Where the collectors run.
public struct CollectorPlatform: Sendable, Equatable {
  /// The namespace of the installation.
  public var namespace: String
  /// The version of the installation.
  public var version: String
  /// The program.
  public var image: CollectorImage
  /// Names of Secrets for pulling it.
  public var imagePullSecrets: [String]
  /// The version of Kubernetes.
  public var kubernetes: (major: Int, minor: Int)

  /// Makes the description.
  public init(
    namespace: String, version: String, image: CollectorImage, imagePullSecrets: [String] = [],
    kubernetes: (major: Int, minor: Int)
  ) {
    self.namespace = namespace
    self.version = version
    self.image = image
    self.imagePullSecrets = imagePullSecrets
    self.kubernetes = kubernetes
  }

  /// Whether a Service can keep traffic on its node (`internalTrafficPolicy`, stable since 1.26). Before, the node
  /// collectors are reached at the node's address.
  public var hasLocalTrafficServices: Bool { kubernetes >= (1, 26) }

  /// Equal in every part.
  public static func == (left: CollectorPlatform, right: CollectorPlatform) -> Bool {
    left.namespace == right.namespace && left.version == right.version && left.image == right.image
      && left.imagePullSecrets == right.imagePullSecrets && left.kubernetes == right.kubernetes
  }
}
