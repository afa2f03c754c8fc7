import JSON

extension RuntimeVersion {
  // MARK: .NET

  private static let sharedFramework = "Microsoft.NETCore.App"

  /// The shared framework that a .NET process has loaded is in a directory of its version. A program that brings its own
  /// runtime has it in its own directory, and the version in the configuration beside its executable.
  static func dotnet(_ facts: ProcessFacts) -> Finding? {
    for path in facts.mappedFiles {
      let parts = path.split(separator: "/")
      guard let index = parts.firstIndex(where: { $0 == sharedFramework }), index + 1 < parts.count,
        let version = leading(parts[index + 1])
      else { continue }
      return Finding(version: version, source: "mapped \(path)")
    }
    return includedDotnet(facts) ?? variable("DOTNET_VERSION", facts)
  }

  private static func includedDotnet(_ facts: ProcessFacts) -> Finding? {
    guard let executable = facts.executable, let text = facts.root?.text("\(executable).runtimeconfig.json"),
      let json = try? JSONValue(parsing: text)
    else { return nil }
    let frameworks = json.at("runtimeOptions", "includedFrameworks")?.array ?? []
    let framework = frameworks.first { $0["name"]?.string == sharedFramework }
    guard let version = (framework?["version"]?.string).flatMap({ leading($0) }) else { return nil }
    return Finding(version: version, source: "\(executable).runtimeconfig.json")
  }

  // MARK: PHP and Ruby

  /// The program has its version in a text that every answer of PHP carries; libraries and executables of distributions
  /// have it in their names, images in a variable.
  static func php(_ facts: ProcessFacts) -> Finding? {
    if let named = facts.program?.namedVersion { return named }
    if let variable = variable("PHP_VERSION", facts) { return variable }
    for word in ["php-fpm", "php-cgi", "php"] {
      if let version = numbered(facts.executableName, after: word) {
        return Finding(version: version, source: "the executable's name")
      }
    }
    return mapped(facts) { numbered($0, after: "libphp") }
  }

  /// Ruby's library and the directories of its own modules have the version in their names. The directory has the
  /// version of the interface, whose last number is always 0.
  static func ruby(_ facts: ProcessFacts) -> Finding? {
    let variable = variable("RUBY_VERSION", facts)
    let minor =
      numbered(facts.executableName, after: "ruby").map { Finding(version: $0, source: "the executable's name") }
      ?? mapped(facts) { numbered($0, after: "libruby-") ?? libraryVersion($0, "libruby.so.") }
      ?? rubyDirectory(facts)
    guard let minor else { return variable }
    guard let variable, variable.version.hasPrefix(minor.version + ".") else { return minor }
    return variable
  }

  private static func rubyDirectory(_ facts: ProcessFacts) -> Finding? {
    for path in facts.mappedFiles {
      let parts = path.split(separator: "/")
      // Directories above may have that name, too.
      for (part, next) in zip(parts, parts.dropFirst()) where part == "ruby" {
        guard let version = leading(next, components: 3...3) else { continue }
        let minor = version.split(separator: ".").prefix(2).joined(separator: ".")
        return Finding(version: minor, source: "mapped \(path)")
      }
    }
    return nil
  }

  private static func libraryVersion(_ name: Substring, _ beginning: String) -> String? {
    guard name.hasPrefix(beginning) else { return nil }
    return leading(name.dropFirst(beginning.count), components: 2...3)
      .map { $0.split(separator: ".").prefix(2).joined(separator: ".") }
  }

  private static func mapped(_ facts: ProcessFacts, _ version: (Substring) -> String?) -> Finding? {
    for path in facts.mappedFiles {
      if let found = path.split(separator: "/").last.flatMap(version) {
        return Finding(version: found, source: "mapped \(path)")
      }
    }
    return nil
  }

  // MARK: Servers

  /// Debian has each version in a directory of its own.
  static func postgres(_ facts: ProcessFacts) -> Finding? {
    if let variable = variable("PG_VERSION", facts) { return variable }
    let parts = (facts.executable ?? "").split(separator: "/")
    guard let index = parts.firstIndex(where: { $0 == "postgresql" || $0 == "pgsql" }), index + 1 < parts.count else {
      return nil
    }
    let number = parts[index + 1].drop { $0 == "-" }
    return leading(number).map { Finding(version: $0, source: facts.executable ?? "") }
  }
}
