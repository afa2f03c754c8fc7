/// Whether pods of a cluster can have volumes that are images (KEP-4639).
public enum ImageVolumeSupport: Sendable, Hashable {
  /// The API server would drop the field and then refuse the pod.
  case absent
  /// The API server takes them. Whether the container runtimes of all nodes do (containerd from 2.1 on), nobody knows.
  case unproven
  /// The configuration says that the whole cluster has them.
  case present

  /// They exist since Kubernetes 1.31 and are switched on since 1.35.
  ///
  /// - Parameter setting: `imageVolumesEnabled` of the configuration, where it says anything.
  public init(minorVersion: Int, setting: Bool? = nil) {
    switch setting {
    case true: self = minorVersion >= 31 ? .present : .absent
    case false: self = .absent
    default: self = minorVersion >= 35 ? .unproven : .absent
    }
  }
}
