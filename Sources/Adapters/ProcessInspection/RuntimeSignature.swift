/// How processes of one language are known. A language that is known by its executable's name or its libraries is one
/// more entry of `all`.
struct RuntimeSignature: Sendable {
  var language: RuntimeLanguage
  /// Names of executables; digits and dots may follow ("python3.11", "php-fpm8.2").
  var executables: [String]
  /// Beginnings of file names of libraries which only this runtime loads.
  var libraries: [String] = []
  /// Parts of file names of such libraries.
  var libraryParts: [String] = []
  /// What stands before the version in the texts of the executable.
  var versionText: String?
  /// Finds the version.
  var version: @Sendable (ProcessFacts) -> RuntimeVersion.Finding?

  /// What Node.js calls itself in requests, with its version behind it.
  static let nodeVersionText = "node.js/v"

  static let all: [RuntimeSignature] = [
    RuntimeSignature(
      language: .python, executables: ["python"], libraries: ["libpython3", "libpython2"],
      // Modules of Python itself, for programs that have Python linked into them.
      libraryParts: [".cpython-3"], version: RuntimeVersion.python),
    RuntimeSignature(language: .java, executables: ["java"], libraries: ["libjvm.so"], version: RuntimeVersion.java),
    // npm, npx and yarn are programs of Node.js; they have executables of these names where they are packed with it.
    RuntimeSignature(
      language: .javascript, executables: ["node", "nodejs", "npm", "npx", "yarn"], libraries: ["libnode.so"],
      versionText: nodeVersionText, version: RuntimeVersion.node),
    RuntimeSignature(
      language: .dotnet, executables: ["dotnet"], libraries: ["libcoreclr.so"], version: RuntimeVersion.dotnet),
    RuntimeSignature(
      language: .php, executables: ["php", "php-fpm", "php-cgi", "php-cli"], libraries: ["libphp"],
      versionText: "X-Powered-By: PHP/", version: RuntimeVersion.php),
    RuntimeSignature(
      language: .ruby,
      executables: [
        "ruby", "rails", "rake", "rackup", "puma", "unicorn", "gem", "bundle", "bundler", "irb", "pry",
      ], libraries: ["libruby"], version: RuntimeVersion.ruby),
    RuntimeSignature(
      language: .nginx, executables: ["nginx"], versionText: "nginx/",
      version: { $0.program?.namedVersion ?? RuntimeVersion.variable("NGINX_VERSION", $0) }),
    RuntimeSignature(
      language: .mysql, executables: ["mysqld", "mariadbd"],
      version: { RuntimeVersion.variable("MYSQL_VERSION", $0) ?? RuntimeVersion.variable("MARIADB_VERSION", $0) }),
    RuntimeSignature(
      language: .redis, executables: ["redis-server", "redis-sentinel", "redis"],
      version: { RuntimeVersion.variable("REDIS_VERSION", $0) }),
    RuntimeSignature(
      language: .postgres, executables: ["postgres", "postgresql"], version: RuntimeVersion.postgres),
  ]

  /// The libraries of the C++ language; many programs of other languages load them too.
  static let cplusplusLibraries = ["libstdc++.so", "libc++.so"]

  /// Whether the executable's name is one of the language's.
  func names(_ executable: String) -> Bool {
    executables.contains { name in
      executable.hasPrefix(name)
        && executable.utf8.dropFirst(name.utf8.count).allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
    }
  }

  /// The library of the language among those that the process has mapped or its executable needs.
  func library(of facts: ProcessFacts) -> String? { Self.library(language, of: facts) }

  /// The first library of a language, of those that the executable needs or the process has mapped.
  static func library(_ language: RuntimeLanguage, of facts: ProcessFacts) -> String? {
    facts.program?.libraries[language] ?? facts.mappings.libraries[language]
  }

  /// The first library of each language among these names or paths.
  static func libraries(among paths: [String]) -> [RuntimeLanguage: String] {
    var found: [RuntimeLanguage: String] = [:]
    for path in paths {
      let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[path.utf8.index(after: $0)...] } ?? path[...]
      for (language, beginnings, parts) in signsOfLibraries where found[language] == nil {
        let isSign =
          beginnings.contains { name.utf8.starts(with: $0.utf8) } || parts.contains { name.hasBytes($0) }
        if isSign { found[language] = path }
      }
    }
    return found
  }

  private static let signsOfLibraries =
    all.filter { !$0.libraries.isEmpty }.map { ($0.language, $0.libraries, $0.libraryParts) }
    + [(.cplusplus, cplusplusLibraries, [])]
}
