/// Why the containers of a pod do not run.
public enum PodTrouble: Sendable, Hashable {
  /// A container starts and ends again and again.
  case crashLoop
  /// The image of a container cannot be had.
  case imagePull

  /// The reason that it gives.
  public var code: ReasonCode {
    switch self {
    case .crashLoop: .crashLoopBackOff
    case .imagePull: .imagePullBackOff
    }
  }
}

/// What decisions about a workload need to know of one of its pods that runs or will run: not of those that have
/// ended or are being deleted.
public struct PodFacts: Sendable, Hashable {
  /// The pod's condition Ready, and since when; times are in seconds since 1970.
  public enum Readiness: Sendable, Hashable {
    case ready(since: Int)
    case unready(since: Int)
  }

  /// The pod's name.
  public var name: String
  /// Its label `odigos.io/agents-meta-hash`; "" for a pod without agents.
  public var hash: String
  /// When it was made, in seconds since 1970.
  public var createdAt: Int
  /// Whether its containers were started once (phase Running): one that waits for a node, a volume or an image says
  /// nothing of the agents.
  public var isStarted: Bool
  /// Whether it is ready.
  public var readiness: Readiness
  /// What keeps its containers, also init containers, from running at this moment.
  public var trouble: PodTrouble?
  /// When one of its containers that has failed more than once did so last, in seconds since 1970.
  public var lastCrash: Int?
  /// When one of its containers failed last, in seconds since 1970, be it for the first time.
  public var lastFailure: Int?

  /// Gathers the facts.
  public init(
    name: String, hash: String = "", createdAt: Int = 0, isStarted: Bool = true,
    readiness: Readiness = .ready(since: 0), trouble: PodTrouble? = nil, lastCrash: Int? = nil, lastFailure: Int? = nil
  ) {
    self.name = name
    self.hash = hash
    self.createdAt = createdAt
    self.isStarted = isStarted
    self.readiness = readiness
    self.trouble = trouble
    self.lastCrash = lastCrash
    self.lastFailure = lastFailure
  }

  /// Whether it is ready now.
  public var isReady: Bool { if case .ready = readiness { true } else { false } }
  /// Since when it is ready; nil when it is not.
  public var readySince: Int? { if case .ready(let since) = readiness { since } else { nil } }
  /// Since when it is not ready; nil when it is.
  public var unreadySince: Int? { if case .unready(let since) = readiness { since } else { nil } }
}

/// How the agents of a workload's pods compare to what its new pods would get
/// (`status.podsManifestInjectionStatus` of an InstrumentationConfig).
public struct PodInjection: Sendable, Hashable {
  /// Some pods have the present agents.
  public var hasUpToDatePods = false
  /// Some pods have other agents than new ones would get.
  public var hasOutOfDatePods = false
  /// Some pods have no agents.
  public var hasUninjectedPods = false

  /// Compares pods with the hash that new pods would get, "" for none.
  public init(_ pods: [PodFacts], desiredHash: String) {
    for pod in pods {
      if pod.hash.isEmpty {
        hasUninjectedPods = true
      } else if pod.hash == desiredHash {
        hasUpToDatePods = true
      } else {
        hasOutOfDatePods = true
      }
    }
  }

  /// Whether there are pods, and all are as new ones would be.
  public func isComplete(desiredHash: String) -> Bool {
    let wrong = hasOutOfDatePods || (desiredHash.isEmpty ? hasUpToDatePods : hasUninjectedPods)
    return !wrong && (desiredHash.isEmpty ? hasUninjectedPods : hasUpToDatePods)
  }
}
