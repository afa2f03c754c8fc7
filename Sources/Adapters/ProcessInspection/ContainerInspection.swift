/// What the processes of one container are.
public struct ContainerInspection: Sendable, Hashable {
  /// The languages, each once, the one that the container is for first.
  public var runtimes: [DetectedRuntime] = []
  /// How many processes could be read.
  public var processCount = 0
  /// Whether nothing could be seen of what they execute.
  public var isBlind = true
  /// The C library of the first language's process; nil for static executables.
  public var cLibrary: CLibrary?
  /// Whether a process of the first language runs in secure-execution mode; nil where that could not be read.
  public var isSecure: Bool?
  /// The variables of the first language's process that agents need, without what we have put there ourselves.
  public var environment: [CapturedVariable: String] = [:]
  /// The names of those of them whose values are too long to be handed on.
  public var oversizedVariables: [String] = []
  /// The names of agents of others that were found.
  public var otherAgents: [String] = []
  /// The process that the container is judged by: the first of the first language.
  public var representative: ProcessIdentity?
  /// The names of the executables, for containers without a language that we know.
  public var executables: [String] = []

  /// An inspection that found nothing.
  public init() {}

  /// The language that the container is for.
  public var runtime: DetectedRuntime? { runtimes.first }
}

extension ProcessTree {
  /// Inspects processes, whatever container they are in.
  public func inspect(_ pids: [Int32]) -> ContainerInspection { inspect(pids.map(ListedProcess.init(pid:)), of: nil) }

  /// Inspects the processes of one container.
  public func inspect(_ listed: [ListedProcess], of container: ContainerKey?) -> ContainerInspection {
    let buffer = ReadBuffer()
    let processes = listed.prefix(ContainerRanking.maximumProcesses).compactMap {
      facts(of: $0, in: container, buffer)
    }
    var ranking = ContainerRanking(processes, uptime: uptime)
    // Which process listens matters only where there is a choice, and asking costs most of all.
    if ranking.hasSeveralLanguages, let any = processes.first {
      ranking.note(listeningSockets(of: any.pid)) { sockets(of: $0) }
    }
    return ContainerInspection(processes, ranking)
  }
}

/// What a container's processes are like, as far as their states tell: equal marks mean the same processes, which
/// execute the same and have mapped as much.
public struct ProcessMark: Sendable, Hashable {
  private var hash: Int

  fileprivate init(_ states: [ProcessStatus]) {
    var hasher = Hasher()
    for state in states {
      hasher.combine(state.start)
      hasher.combine(state.stack)
      hasher.combine(state.size)
    }
    hash = hasher.finalize()
  }
}

extension ProcessTree {
  /// What these processes are like now.
  public func mark(_ listed: [ListedProcess]) -> ProcessMark {
    let buffer = ReadBuffer(capacity: 4096)
    return ProcessMark(
      listed.prefix(ContainerRanking.maximumProcesses).compactMap { listed -> ProcessStatus? in
        guard let directory = ProcessDirectory(root: root, pid: listed.pid) else { return nil }
        return directory.status(buffer)
      })
  }
}

extension ContainerInspection {
  init(_ processes: [ProcessFacts], _ ranking: ContainerRanking) {
    processCount = processes.count
    isBlind = processes.allSatisfy { $0.executable == nil }
    let ranked = ranking.candidates
    for candidate in ranked where !runtimes.contains(where: { $0.language == candidate.runtime.language }) {
      runtimes.append(candidate.described)
    }
    executables = Array(Set(processes.map(\.executableName))).filter { !$0.isEmpty }.sorted()
    otherAgents = OtherAgents.found(in: processes)
    representative = ranked.first.map { ProcessIdentity(pid: $0.facts.pid, start: String($0.facts.start)) }
    guard let main = ranked.first?.facts ?? processes.first else { return }
    cLibrary = main.cLibrary
    environment = EnvironmentCapture.variables(of: main)
    let captured = Set(CapturedVariable.allCases.map(\.rawValue))
    oversizedVariables = main.environment.oversized.filter(captured.contains).sorted()
    let secure = ranked.filter { $0.runtime.language == runtimes.first?.language }.map(\.facts.isSecure)
    isSecure = secure.contains(true) ? true : (secure.first ?? main.isSecure)
  }
}
