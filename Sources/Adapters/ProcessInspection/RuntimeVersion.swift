/// Finds versions of runtimes. Every function answers nil rather than something that only looks like a version.
enum RuntimeVersion {
  /// A version and where it was read.
  struct Finding: Sendable, Hashable {
    var version: String
    var source: String
  }

  /// The variables in which versions are looked for.
  static let variables = [
    "PYTHON_VERSION", "JAVA_VERSION", "JAVA_HOME", "NODE_VERSION", "DOTNET_VERSION", "PHP_VERSION", "RUBY_VERSION",
    "NGINX_VERSION", "MYSQL_VERSION", "MARIADB_VERSION", "REDIS_VERSION", "PG_VERSION",
  ]

  /// The version at the start of a text: numbers with dots, such as "17.0.12" of "17.0.12+7".
  static func leading(_ text: some StringProtocol, components: ClosedRange<Int> = 1...4) -> String? {
    let digits = text.prefix { $0.isASCII && $0.isNumber || $0 == "." }
    let parts = digits.split(separator: ".", omittingEmptySubsequences: true)
    guard components.contains(parts.count), text.first?.isNumber == true, parts.allSatisfy({ $0.utf8.count <= 6 })
    else {
      return nil
    }
    return parts.joined(separator: ".")
  }

  /// The version in an environment variable, with a "v" or "jdk-" before it or without.
  static func variable(_ name: String, _ facts: ProcessFacts) -> Finding? {
    guard let value = facts.environment.values[name],
      let start = value.firstIndex(where: { $0.isASCII && $0.isNumber }),
      value[..<start].utf8.count <= 4, let version = leading(value[start...])
    else { return nil }
    return Finding(version: version, source: "\(name)=\(version)")
  }

  // MARK: Python

  /// Images set PYTHON_VERSION to all three numbers, but the process may be of another Python than the image's: the
  /// executable and the library decide, the variable completes.
  static func python(_ facts: ProcessFacts) -> Finding? {
    let variable = variable("PYTHON_VERSION", facts)
    guard let minor = pythonMinor(facts) else { return variable }
    guard let variable, variable.version == minor.version || variable.version.hasPrefix(minor.version + ".") else {
      return minor
    }
    return variable
  }

  private static func pythonMinor(_ facts: ProcessFacts) -> Finding? {
    if let version = numbered(facts.executableName, after: "python") {
      return Finding(version: version, source: "the executable's name")
    }
    for path in facts.mappedFiles {
      for part in path.split(separator: "/") {
        let name = part.hasPrefix("lib") ? part.dropFirst(3) : part
        let version = numbered(name, after: "python") ?? pythonOfModule(name)
        if let version { return Finding(version: version, source: "mapped \(path)") }
      }
    }
    guard let prefix = facts.directory(above: 1) else { return nil }
    let libraries = (facts.root?.names("\(prefix)/lib") ?? []).compactMap { name in
      numbered(name, after: "python").map { Finding(version: $0, source: "\(prefix)/lib/\(name)") }
    }
    return libraries.count == 1 ? libraries.first : nil
  }

  /// "3.11" of "_json.cpython-311-x86_64-linux-gnu.so".
  private static func pythonOfModule(_ name: Substring) -> String? {
    guard let start = name.firstRange(of: ".cpython-3")?.upperBound else { return nil }
    let minor = name[start...].prefix { $0.isASCII && $0.isNumber }
    return minor.isEmpty || minor.utf8.count > 3 ? nil : "3.\(minor)"
  }

  /// "3.11" of "python3.11" or "python3.11.so.1.0"; a major version alone is none.
  static func numbered(_ name: some StringProtocol, after word: String) -> String? {
    guard name.hasPrefix(word) else { return nil }
    guard let version = leading(name.dropFirst(word.count), components: 2...8) else { return nil }
    return version.split(separator: ".").prefix(2).joined(separator: ".")
  }

  // MARK: Java

  /// The file `release` at the home of the runtime says it; images say it in JAVA_VERSION, paths often. Up to Java 8
  /// the number came after "1.".
  static func java(_ facts: ProcessFacts) -> Finding? {
    guard var finding = rawJava(facts) else { return nil }
    if finding.version.hasPrefix("1.") { finding.version.removeFirst(2) }
    return finding
  }

  private static func rawJava(_ facts: ProcessFacts) -> Finding? {
    var homes = [facts.directory(above: 1), facts.directory(above: 2)].compactMap(\.self)
    if let library = facts.mappedFiles.first(where: { $0.hasSuffix("/libjvm.so") }) {
      let parts = library.split(separator: "/")
      homes += (3...5).filter { $0 < parts.count }.map { "/" + parts.dropLast($0).joined(separator: "/") }
    }
    for home in homes {
      for line in (facts.root?.text("\(home)/release") ?? "").split(separator: "\n")
      where line.hasPrefix("JAVA_VERSION=\"") {
        guard let version = leading(line.dropFirst("JAVA_VERSION=\"".count)) else { continue }
        return Finding(version: version, source: "\(home)/release")
      }
    }
    if let variable = variable("JAVA_VERSION", facts) { return variable }
    for home in [facts.environment.values["JAVA_HOME"]].compactMap(\.self) + homes {
      for part in home.split(separator: "/") {
        for word in ["java-", "jdk-", "jdk", "jre-", "jre"] where part.hasPrefix(word) {
          guard let version = leading(part.dropFirst(word.count)) else { continue }
          return Finding(version: version, source: home)
        }
      }
    }
    return nil
  }

  // MARK: Others

  /// Installations have a header that says it; the program names it in a text, which is in its library where it has one
  /// (Debian's); images set NODE_VERSION; version managers have a directory for each.
  static func node(_ facts: ProcessFacts) -> Finding? {
    nodeHeader(facts) ?? facts.program?.namedVersion ?? nodeLibrary(facts) ?? variable("NODE_VERSION", facts)
      ?? nodeDirectory(facts)
  }

  private static func nodeHeader(_ facts: ProcessFacts) -> Finding? {
    guard let prefix = facts.directory(above: 1) else { return nil }
    let path = "\(prefix)/include/node/node_version.h"
    guard let header = facts.root?.text(path) else { return nil }
    let numbers = ["MAJOR", "MINOR", "PATCH"].compactMap { part in
      header.split(separator: "\n").first { $0.hasPrefix("#define NODE_\(part)_VERSION ") }
        .flatMap { Int($0.split(separator: " ").last ?? "") }
    }
    guard numbers.count == 3 else { return nil }
    return Finding(version: numbers.map(String.init).joined(separator: "."), source: path)
  }

  private static func nodeLibrary(_ facts: ProcessFacts) -> Finding? {
    guard let path = facts.mappings.libraries[.javascript], let file = facts.root?.file(path),
      let image = ELFImage(file)
    else { return nil }
    let found = ExecutableFacts.version(
      after: RuntimeSignature.nodeVersionText, file, ELFSections(file, image), SearchWindow())
    return found.map { Finding(version: $0.version, source: "a text of \(path)") }
  }

  private static func nodeDirectory(_ facts: ProcessFacts) -> Finding? {
    for part in (facts.executable ?? "").split(separator: "/") where part.hasPrefix("v") || part.hasPrefix("node-v") {
      if let version = leading(part.drop { !$0.isNumber }, components: 3...3) {
        return Finding(version: version, source: facts.executable ?? "")
      }
    }
    return nil
  }
}
