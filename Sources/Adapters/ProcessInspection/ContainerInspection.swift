/// What the processes of one container are.
public struct ContainerInspection: Sendable, Hashable {
  /// The languages, each once, the one that the container is for first.
  public var runtimes: [DetectedRuntime] = []
  /// How many processes could be read.
  public var processCount = 0
  /// The C library of the first language's process; nil for static executables.
  public var cLibrary: CLibrary?
  /// Whether a process of the first language runs in secure-execution mode; nil where that could not be read.
  public var isSecure: Bool?
  /// The variables of the first language's process that agents need, without what we have put there ourselves.
  public var environment: [CapturedVariable: String] = [:]
  /// The names of agents of others that were found.
  public var otherAgents: [String] = []
  /// The names of the executables, for containers without a language that we know.
  public var executables: [String] = []

  /// An inspection that found nothing.
  public init() {}

  /// The language that the container is for.
  public var runtime: DetectedRuntime? { runtimes.first }
}

extension ProcessTree {
  /// Inspects the processes of one container.
  public func inspect(_ pids: [Int32]) -> ContainerInspection {
    ContainerInspection(pids.compactMap(facts(of:)))
  }
}

extension ContainerInspection {
  /// Ranks what was detected: what only launches comes last, then a parent comes before its children, then the older
  /// process before the younger. So a shell's child counts like a first process, and a helper that the application
  /// starts now and then does not outrank it.
  init(_ processes: [ProcessFacts]) {
    processCount = processes.count
    let parents = Dictionary(processes.map { ($0.pid, $0.parent) }) { first, _ in first }
    func depth(_ pid: Int32) -> Int {
      var depth = 0
      var current = pid
      while let parent = parents[current], parent != current, depth < processes.count {
        current = parent
        depth += 1
      }
      return depth
    }
    let ranked =
      processes
      .compactMap { facts in facts.runtime.map { (facts: facts, runtime: $0) } }
      .map { (rank: ($0.facts.isLauncher ? 1 : 0, depth($0.facts.pid), $0.facts.pid), found: $0) }
      .sorted { $0.rank < $1.rank }
      .map(\.found)
    for candidate in ranked where !runtimes.contains(where: { $0.language == candidate.runtime.language }) {
      runtimes.append(candidate.runtime)
    }
    executables = Array(Set(processes.map(\.executableName))).filter { !$0.isEmpty }.sorted()
    otherAgents = OtherAgents.found(in: processes)
    guard let main = ranked.first?.facts ?? processes.first else { return }
    cLibrary = main.cLibrary
    environment = EnvironmentCapture.variables(of: main)
    let secure = ranked.filter { $0.runtime.language == runtimes.first?.language }.map(\.facts.isSecure)
    isSecure = secure.contains(true) ? true : (secure.first ?? main.isSecure)
  }
}
