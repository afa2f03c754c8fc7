/// The language of a process, and why we think so.
public struct DetectedRuntime: Sendable, Hashable {
  /// The language.
  public var language: RuntimeLanguage
  /// The version of the runtime, such as "3.11.4" or "3.11"; "" where it could not be found.
  public var version: String
  /// How much its processes look like what the container is for.
  public var standing: RuntimeStanding = .running
  /// Whether one of them has been there for minutes.
  public var isLasting = false
  /// What was seen, in words for people.
  public var evidence: [String]
  /// Makes a result.
  public init(
    language: RuntimeLanguage, version: String, standing: RuntimeStanding = .running, isLasting: Bool = false,
    evidence: [String]
  ) {
    self.language = language
    self.version = version
    self.standing = standing
    self.isLasting = isLasting
    self.evidence = evidence.map { line in
      line.utf8.count <= Self.longestEvidence ? line : line.prefix(Self.longestEvidence) + "..."
    }
  }

  /// Paths and texts of programs are theirs to choose, and the evidence goes into an object of the API.
  private static let longestEvidence = 512
}

extension ProcessFacts {
  /// The language of the process; nil where it is none that we know.
  ///
  /// The name of the executable outranks a library that it has loaded: PostgreSQL may well load libpython. C++ comes
  /// last, since runtimes of other languages are written in it.
  var detectedRuntime: DetectedRuntime? {
    let name = programName
    for signature in RuntimeSignature.all where signature.names(name) {
      return detected(signature, because: "executable \(executable ?? name)")
    }
    if let runtime = goRuntime { return runtime }
    for signature in RuntimeSignature.all {
      guard let library = signature.library(of: self) else { continue }
      return detected(signature, because: "executable \(executable ?? name) loads \(library)")
    }
    switch program?.carried {
    case .node: return detected(.javascript, because: "executable \(executable ?? name) carries Node.js")
    case .dotnet: return detected(.dotnet, because: "executable \(executable ?? name) carries .NET in one file")
    case .otherScripts: return nil
    case nil: break
    }
    if let version = program?.rustVersion {
      return DetectedRuntime(
        language: .rust, version: version, evidence: ["executable \(executable ?? name) was built by rustc \(version)"])
    }
    if let library = RuntimeSignature.library(.cplusplus, of: self) {
      return DetectedRuntime(
        language: .cplusplus, version: "", evidence: ["executable \(executable ?? name) loads \(library)"])
    }
    return nil
  }

  private var goRuntime: DetectedRuntime? {
    if let build = program?.goBuild { return goRuntime(build, executable ?? executableName) }
    // Dynatrace's start-up program runs the application that this variable names.
    guard let target = environment.values["DT_DYNAMIZER_TARGET_EXE"], target.hasPrefix("/"),
      let file = root?.file(target), let image = ELFImage(file),
      let build = GoBuildInfo(file, image, ELFSections(file, image), SearchWindow())
    else { return nil }
    return goRuntime(build, target)
  }

  private func goRuntime(_ build: GoBuildInfo, _ path: String) -> DetectedRuntime? {
    // A program of other vendors that starts applications.
    guard build.path?.split(separator: "/").last != "thrust" else { return nil }
    let main = build.path.map { ", main package \($0)" } ?? ""
    return DetectedRuntime(
      language: .go, version: build.version, evidence: ["executable \(path) was built by go\(build.version)\(main)"])
  }

  private func detected(_ language: RuntimeLanguage, because reason: String) -> DetectedRuntime? {
    RuntimeSignature.all.first { $0.language == language }.map { detected($0, because: reason) }
  }

  private func detected(_ signature: RuntimeSignature, because reason: String) -> DetectedRuntime {
    let finding = signature.version(self)
    return DetectedRuntime(
      language: signature.language, version: finding?.version ?? "",
      evidence: [reason] + [finding.map { "version from \($0.source)" }].compactMap(\.self))
  }

  /// Programs that start an application and stay beside it, known by the names of their executables.
  private static let wrappers: Set<String> = [
    "pebble", "envconsul", "consul-template", "dockerize", "chamber", "doppler", "infisical", "vault-env",
    "aws-lambda-rie", "overmind", "hivemind", "goreman",
  ]

  /// Whether the process only starts or watches others, as far as that can be told: a supervisor or a package
  /// manager's `run`. Its language is not the container's when there is another.
  var isLauncher: Bool {
    if Self.wrappers.contains(executableName) { return true }
    let launchers: Set<Substring> = [
      "supervisord", "circusd", "honcho", "foreman", "npm", "npm-cli.js", "npx", "npx-cli.js", "yarn", "yarn.js",
      "pnpm", "pnpm.cjs",
    ]
    return arguments.prefix(3).contains { argument in
      argument.split(separator: "/").last.map(launchers.contains) ?? false
    }
  }
}
