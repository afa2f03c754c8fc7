/// How processes of one language are known. A language that is known by its executable's name or its libraries is one
/// more entry of `all`.
struct RuntimeSignature: Sendable {
  var language: RuntimeLanguage
  /// Names of executables; digits and dots may follow ("python3.11", "php-fpm8.2").
  var executables: [String]
  /// Beginnings of file names of libraries which only this runtime loads.
  var libraries: [String] = []
  /// Finds the version.
  var version: @Sendable (ProcessFacts) -> RuntimeVersion.Finding?

  static let all: [RuntimeSignature] = [
    RuntimeSignature(
      language: .python, executables: ["python"], libraries: ["libpython3"], version: RuntimeVersion.python),
    RuntimeSignature(language: .java, executables: ["java"], libraries: ["libjvm.so"], version: RuntimeVersion.java),
    RuntimeSignature(language: .javascript, executables: ["node", "nodejs"], version: RuntimeVersion.node),
    RuntimeSignature(
      language: .dotnet, executables: ["dotnet"], libraries: ["libcoreclr.so"], version: RuntimeVersion.dotnet),
    RuntimeSignature(
      language: .php, executables: ["php", "php-fpm", "php-cgi"], libraries: ["libphp"],
      version: { RuntimeVersion.variable("PHP_VERSION", $0) }),
    RuntimeSignature(
      language: .ruby, executables: ["ruby"], libraries: ["libruby"],
      version: { RuntimeVersion.variable("RUBY_VERSION", $0) }),
    RuntimeSignature(
      language: .nginx, executables: ["nginx"], version: { RuntimeVersion.variable("NGINX_VERSION", $0) }),
    RuntimeSignature(
      language: .mysql, executables: ["mysqld"], version: { RuntimeVersion.variable("MYSQL_VERSION", $0) }),
    RuntimeSignature(
      language: .redis, executables: ["redis-server"], version: { RuntimeVersion.variable("REDIS_VERSION", $0) }),
    RuntimeSignature(
      language: .postgres, executables: ["postgres"], version: { RuntimeVersion.variable("PG_VERSION", $0) }),
  ]

  /// Whether the executable's name is one of the language's.
  func names(_ executable: String) -> Bool {
    executables.contains { name in
      executable.hasPrefix(name)
        && executable.dropFirst(name.count).allSatisfy { $0.isASCII && $0.isNumber || $0 == "." }
    }
  }

  /// The library of the language among those that the process has mapped or its executable needs.
  func library(of facts: ProcessFacts) -> String? {
    guard !libraries.isEmpty else { return nil }
    func isOurs(_ path: String) -> Bool {
      let name = path.split(separator: "/").last ?? ""
      return libraries.contains { name.hasPrefix($0) }
    }
    return facts.image?.needed.first(where: isOurs) ?? facts.mappedFiles.first(where: isOurs)
  }
}
