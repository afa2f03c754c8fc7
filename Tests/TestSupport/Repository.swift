/// Files of the repository, for tests that read them.
public enum Repository {
  /// The absolute path of a file named from the repository's top.
  public static func path(_ name: String) -> String {
    let top = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    return "/\(top)/\(name)"
  }
}
