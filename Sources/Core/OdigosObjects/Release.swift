/// The version of this source tree; one value for every program, manifest and label.
public enum Release {
  /// Semantic version.
  public static let version = "0.1.0"
}
