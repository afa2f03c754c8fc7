import Glibc

/// The version of the running program.
public enum Version {
  /// What a build says that was not told its version.
  static let ofSource = "v0.1.0"

  /// `ODIGOS_VERSION`, which images set, or the version of the source.
  public static var current: String { environment(EnvironmentName.version) ?? ofSource }
}

/// The value of an environment variable; nil when it is not set or empty.
func environment(_ name: String) -> String? {
  guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
  return value
}
