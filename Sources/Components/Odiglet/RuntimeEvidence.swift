import OdigosObjects
import ProcessInspection

/// The lines of evidence in runtime details. They are for people; these are read again, so that odiglets of all nodes
/// come to the same end.
extension RuntimeDetails {
  private enum Prefix {
    static let image = "image "
    static let command = "command "
    static let environment = "environment "
    static let pod = "pod created "
    static let container = "container "
    static let standing = "standing "
    static let also = "also "
    static let earlier = "earlier "
    static let agent = "agent "
  }
  /// What stands between an agent's name and when the pod was created in which it was seen.
  private static let seen = ": pod created "
  /// What the standing of a process ends with that has been there for minutes.
  private static let lasting = " \(RuntimeStanding.lastingSeconds) s"
  /// More languages than these in a container are not told.
  private static let maximumOthers = 8

  /// The evidence for what was found in a container.
  static func evidence(_ observation: ContainerObservation, podCreated: String) -> [String] {
    let inspection = observation.inspection
    var lines = [Prefix.image + observation.image]
    if !observation.command.isEmpty { lines.append(Prefix.command + observation.command) }
    if !observation.environment.isEmpty { lines.append(Prefix.environment + observation.environment) }
    lines.append(Prefix.pod + podCreated)
    if !observation.containerID.isEmpty { lines.append(Prefix.container + observation.containerID.prefix(12)) }
    lines += inspection.runtime?.evidence ?? []
    lines += inspection.runtimes.dropFirst().prefix(maximumOthers).map { runtime in
      let version = runtime.version.isEmpty ? "" : " \(runtime.version)"
      return "\(Prefix.also)\(runtime.language.rawValue)\(version): \(runtime.evidence.joined(separator: "; "))"
    }
    if inspection.runtimes.isEmpty {
      let names = inspection.executables.prefix(8).joined(separator: ", ")
      lines.append("no known language among: \(names.isEmpty ? "no process that could be read" : names)")
    }
    return lines
  }

  /// The image that ran.
  var image: String? { noted(Prefix.image) }
  /// The fingerprint of the container's command.
  var command: String? { noted(Prefix.command) }
  /// The fingerprint of the variables that its manifest sets and that matter.
  var environment: String? { noted(Prefix.environment) }
  /// When the pod was created in which it was seen.
  var podCreated: String? { noted(Prefix.pod) }
  /// The container in which it was seen: the beginning of its id.
  var containerID: String? { noted(Prefix.container) }
  /// How much the language looked like what the container is for.
  var standing: RuntimeStanding {
    let word = noted(Prefix.standing)?.prefix { $0 != ":" }
    return RuntimeStanding.allCases.first { "\($0)" == word ?? "" } ?? .running
  }
  /// Whether there are other languages in the container.
  var hasSeveralLanguages: Bool { evidence.contains { $0.hasPrefix(Prefix.also) } }

  /// The languages that a container of this program had until it became something else.
  var earlier: Set<String> { Set(evidence.compactMap { Self.language($0, after: Prefix.earlier) }) }
  /// Whether the process is surely more than a script that runs for a while.
  var isProven: Bool {
    standing == .listening || (noted(Prefix.standing)?.hasSuffix(Self.lasting) ?? false)
  }

  /// Whether a language is among those that are told as other ones.
  func tells(of other: String) -> Bool { evidence.contains { Self.otherLanguage($0) == other } }

  /// Whether both are about containers of the same image with the same command. Older details do not have the command.
  func isSameProgram(_ other: RuntimeDetails) -> Bool {
    image == other.image && (command == other.command || command == nil || other.command == nil)
  }

  /// Whether the manifests of both set the same variables. Older details do not tell.
  func hasSameEnvironment(_ other: RuntimeDetails) -> Bool {
    environment == other.environment || environment == nil || other.environment == nil
  }

  /// Agents of others that were seen in another pod than this one, with when it was created.
  var notedSightings: [String: String] {
    var sightings: [String: String] = [:]
    for line in evidence where line.hasPrefix(Prefix.agent) {
      let parts = line.dropFirst(Prefix.agent.count).split(separator: Self.seen, maxSplits: 1)
      if parts.count == 2 { sightings[String(parts[0])] = String(parts[1]) }
    }
    return sightings
  }

  /// Notes those, and no others any more.
  mutating func noteSightings(_ sightings: [String: String]) {
    let lines = sightings.sorted { $0.key < $1.key }.map { Prefix.agent + $0.key + Self.seen + $0.value }
    let old = evidence.filter { $0.hasPrefix(Prefix.agent) }
    if old != lines { evidence = evidence.filter { !$0.hasPrefix(Prefix.agent) } + lines }
  }

  /// Takes over the standing of the same language where that is higher, and the languages that are not told yet.
  mutating func addEvidence(of other: RuntimeDetails) {
    if other.language == language, other.standing > standing, let line = other.line(Prefix.standing) {
      if let index = evidence.firstIndex(where: { $0.hasPrefix(Prefix.standing) }) {
        evidence[index] = line
      } else {
        evidence.append(line)
      }
    }
    if image == nil { evidence = other.evidence + evidence }
    add(other.evidence.filter { $0.hasPrefix(Prefix.also) } + [other.asOther(Prefix.also)].compactMap(\.self))
    addEarlier(of: other)
  }

  /// Takes over what the program was until it became this.
  mutating func addEarlier(of other: RuntimeDetails) {
    add(other.evidence.filter { $0.hasPrefix(Prefix.earlier) })
  }

  /// Notes what the same container was until now, and which others it had.
  mutating func addFormer(_ other: RuntimeDetails) {
    let others = other.evidence.filter { $0.hasPrefix(Prefix.also) }
      .map { Prefix.earlier + $0.dropFirst(Prefix.also.count) }
    add([other.asOther(Prefix.earlier)].compactMap(\.self) + others)
    addEarlier(of: other)
  }

  /// Adds lines about languages that are not told yet.
  private mutating func add(_ lines: [String]) {
    func language(_ line: String) -> String? {
      Self.otherLanguage(line) ?? Self.language(line, after: Prefix.earlier)
    }
    var told = Set([self.language ?? ""] + evidence.compactMap(language))
    let news = lines.filter { line in language(line).map { told.insert($0).inserted } ?? false }
    evidence += news.prefix(max(0, Self.maximumOthers - (told.count - 1 - news.count)))
  }

  /// The line that tells of this language where another one is the container's.
  private func asOther(_ prefix: String) -> String? {
    guard let language, language != RuntimeLanguage.unknown.rawValue else { return nil }
    let version = (runtimeVersion ?? "").isEmpty ? "" : " \(runtimeVersion ?? "")"
    let identity = [
      Prefix.image, Prefix.command, Prefix.environment, Prefix.pod, Prefix.container, Prefix.also, Prefix.earlier,
      Prefix.agent,
    ]
    let reasons = evidence.filter { line in !identity.contains { line.hasPrefix($0) } }
    return "\(prefix)\(language)\(version): \(reasons.joined(separator: "; "))"
  }

  private static func otherLanguage(_ line: String) -> String? { language(line, after: Prefix.also) }

  private static func language(_ line: String, after prefix: String) -> String? {
    guard line.hasPrefix(prefix) else { return nil }
    return String(line.dropFirst(prefix.count).prefix { $0 != " " && $0 != ":" })
  }

  private func line(_ prefix: String) -> String? { evidence.first { $0.hasPrefix(prefix) } }
  private func noted(_ prefix: String) -> String? { line(prefix).map { String($0.dropFirst(prefix.count)) } }
}
