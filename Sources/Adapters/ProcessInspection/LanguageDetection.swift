/// The language of a process, and why we think so.
public struct DetectedRuntime: Sendable, Hashable {
  /// The language.
  public var language: RuntimeLanguage
  /// The version of the runtime, such as "3.11.4" or "3.11"; "" where it could not be found.
  public var version: String
  /// What was seen, in words for people.
  public var evidence: [String]
  /// Makes a result.
  public init(language: RuntimeLanguage, version: String, evidence: [String]) {
    self.language = language
    self.version = version
    self.evidence = evidence
  }
}

extension ProcessFacts {
  /// The language of the process; nil where it is none that we know.
  ///
  /// The name of the executable outranks a library that it has loaded: PostgreSQL may well load libpython.
  var runtime: DetectedRuntime? {
    for signature in RuntimeSignature.all where signature.names(executableName) {
      return detected(signature, because: "executable \(executable ?? executableName)")
    }
    if let goBuild {
      let main = goBuild.path.map { ", main package \($0)" } ?? ""
      return DetectedRuntime(
        language: .go, version: goBuild.version,
        evidence: ["executable \(executable ?? executableName) was built by go\(goBuild.version)\(main)"])
    }
    for signature in RuntimeSignature.all {
      guard let library = signature.library(of: self) else { continue }
      return detected(signature, because: "executable \(executable ?? executableName) loads \(library)")
    }
    return nil
  }

  private func detected(_ signature: RuntimeSignature, because reason: String) -> DetectedRuntime {
    let finding = signature.version(self)
    return DetectedRuntime(
      language: signature.language, version: finding?.version ?? "",
      evidence: [reason] + [finding.map { "version from \($0.source)" }].compactMap(\.self))
  }

  /// Whether the process only starts or watches others, as far as that can be told: a supervisor or a package
  /// manager's `run`. Its language is not the container's when there is another.
  var isLauncher: Bool {
    let launchers: Set<Substring> = [
      "supervisord", "circusd", "honcho", "npm", "npm-cli.js", "npx", "npx-cli.js", "yarn", "yarn.js", "pnpm",
      "pnpm.cjs",
    ]
    return arguments.prefix(3).contains { argument in
      argument.split(separator: "/").last.map(launchers.contains) ?? false
    }
  }
}
