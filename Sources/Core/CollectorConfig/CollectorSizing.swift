import OdigosObjects

/// A named size of an installation (profile `size_s` and so on, or `resourceSizePreset`).
public enum SizePreset: String, Sendable, CaseIterable {
  case small = "size_s"
  case medium = "size_m"
  case large = "size_l"
  case extraLarge = "size_xl"
}

/// What a user says about the size of one collector; nil leaves it to the preset.
public struct SizeWishes: Sendable, Equatable {
  /// Fewest pods (gateway).
  public var minReplicas: Int?
  /// Most pods (gateway).
  public var maxReplicas: Int?
  /// MiB.
  public var memoryRequest: Int?
  /// MiB.
  public var memoryLimit: Int?
  /// Thousandths of a CPU.
  public var cpuRequest: Int?
  /// Thousandths of a CPU.
  public var cpuLimit: Int?
  /// MiB.
  public var limiterLimit: Int?
  /// MiB.
  public var limiterSpike: Int?
  /// MiB.
  public var goMemoryLimit: Int?

  /// No wishes.
  public init() {}
}

/// The size of one collector, complete. Memory in MiB, CPU in thousandths.
public struct CollectorSize: Sendable, Equatable {
  /// Fewest pods; nil for the node collectors.
  public var minReplicas: Int?
  /// Most pods; nil for the node collectors.
  public var maxReplicas: Int?
  /// MiB.
  public var memoryRequest: Int
  /// MiB.
  public var memoryLimit: Int
  /// Thousandths of a CPU.
  public var cpuRequest: Int
  /// Thousandths of a CPU.
  public var cpuLimit: Int
  /// What the memory limiter allows.
  public var limiter: MemoryLimiter
  /// MiB.
  public var goMemoryLimit: Int

  /// The size for a role: the preset's numbers, over them the user's. What follows from a number that the user gave
  /// and was not given itself is derived from it: the limiter stays 50 MiB (at most 15 %) below the memory, a fifth
  /// of it is the spike, Go's limit is four fifths of it.
  public static func resolve(_ role: CollectorRole, preset: SizePreset, wishes: SizeWishes, problems: inout [String])
    -> CollectorSize
  {
    let standard = standard(role, preset)
    var check = SizeCheck(part: role == .gateway ? "collectorGateway" : "collectorNode")
    var size = standard
    (size.memoryRequest, size.memoryLimit) = check.pair(
      ("requestMemoryMiB", wishes.memoryRequest), ("limitMemoryMiB", wishes.memoryLimit),
      standard: (standard.memoryRequest, standard.memoryLimit),
      derivedLimit: { role == .gateway ? $0 + $0 / 4 : $0 * 2 })
    (size.cpuRequest, size.cpuLimit) = check.pair(
      ("requestCPUm", wishes.cpuRequest), ("limitCPUm", wishes.cpuLimit),
      standard: (standard.cpuRequest, standard.cpuLimit), derivedLimit: { $0 * 2 })

    let base = role == .gateway ? size.memoryRequest : size.memoryLimit
    let standardBase = role == .gateway ? standard.memoryRequest : standard.memoryLimit
    var hard = base == standardBase ? standard.limiter.limitMiB : max(base - 50, base * 85 / 100, 1)
    hard =
      check.value("memoryLimiterLimitMiB", wishes.limiterLimit, atMost: size.memoryLimit, "the memory limit") ?? hard
    let isStandard = hard == standard.limiter.limitMiB
    let spike =
      check.value("memoryLimiterSpikeLimitMiB", wishes.limiterSpike, atMost: hard - 1, "just below the limiter's limit")
      ?? (isStandard ? standard.limiter.spikeMiB : hard / 5)
    size.limiter = MemoryLimiter(limitMiB: hard, spikeMiB: spike)
    size.goMemoryLimit =
      check.value("goMemLimitMiB", wishes.goMemoryLimit)
      ?? (isStandard ? standard.goMemoryLimit : max(hard * 4 / 5, 1))
    if role == .gateway {
      (size.minReplicas, size.maxReplicas) = check.replicas(
        wishes.minReplicas, wishes.maxReplicas, standard: (standard.minReplicas ?? 1, standard.maxReplicas ?? 1))
    }
    problems += check.problems
    return size
  }

  /// As a CollectorsGroup holds it.
  public var resources: CollectorResources {
    var resources = CollectorResources()
    resources.minReplicas = minReplicas
    resources.maxReplicas = maxReplicas
    resources.memoryRequestMiB = memoryRequest
    resources.memoryLimitMiB = memoryLimit
    resources.cpuRequestMillicores = cpuRequest
    resources.cpuLimitMillicores = cpuLimit
    resources.memoryLimiterLimitMiB = limiter.limitMiB
    resources.memoryLimiterSpikeLimitMiB = limiter.spikeMiB
    resources.gomemlimitMiB = goMemoryLimit
    return resources
  }

  /// What a CollectorsGroup holds; what is missing there is taken from the smallest preset.
  public init(_ resources: CollectorResources?, role: CollectorRole) {
    var wishes = SizeWishes()
    wishes.minReplicas = resources?.minReplicas
    wishes.maxReplicas = resources?.maxReplicas
    wishes.memoryRequest = resources?.memoryRequestMiB
    wishes.memoryLimit = resources?.memoryLimitMiB
    wishes.cpuRequest = resources?.cpuRequestMillicores
    wishes.cpuLimit = resources?.cpuLimitMillicores
    wishes.limiterLimit = resources?.memoryLimiterLimitMiB
    wishes.limiterSpike = resources?.memoryLimiterSpikeLimitMiB
    wishes.goMemoryLimit = resources?.gomemlimitMiB
    var problems: [String] = []
    self = Self.resolve(role, preset: .small, wishes: wishes, problems: &problems)
  }

  private init(
    replicas: (Int, Int)? = nil, memory: (Int, Int), cpu: (Int, Int), limiter: (limit: Int, spike: Int, go: Int)
  ) {
    minReplicas = replicas?.0
    maxReplicas = replicas?.1
    (memoryRequest, memoryLimit) = memory
    (cpuRequest, cpuLimit) = cpu
    self.limiter = MemoryLimiter(limitMiB: limiter.limit, spikeMiB: limiter.spike)
    goMemoryLimit = limiter.go
  }

  private static func standard(_ role: CollectorRole, _ preset: SizePreset) -> CollectorSize {
    switch (role, preset) {
    case (.gateway, .small):
      CollectorSize(replicas: (1, 5), memory: (300, 300), cpu: (150, 300), limiter: (250, 50, 200))
    case (.gateway, .medium):
      CollectorSize(replicas: (2, 8), memory: (600, 600), cpu: (500, 1000), limiter: (550, 110, 440))
    case (.gateway, .large):
      CollectorSize(replicas: (3, 12), memory: (850, 850), cpu: (750, 1250), limiter: (800, 160, 640))
    case (.gateway, .extraLarge):
      CollectorSize(replicas: (5, 15), memory: (2000, 2000), cpu: (1500, 1500), limiter: (1950, 390, 1560))
    case (.node, .small): CollectorSize(memory: (150, 300), cpu: (150, 300), limiter: (250, 50, 200))
    case (.node, .medium): CollectorSize(memory: (250, 500), cpu: (250, 500), limiter: (450, 90, 360))
    case (.node, .large): CollectorSize(memory: (500, 750), cpu: (500, 750), limiter: (700, 140, 560))
    case (.node, .extraLarge): CollectorSize(memory: (1024, 1024), cpu: (1000, 1000), limiter: (974, 194, 779))
    }
  }
}

/// Reads the numbers of one collector's size and notes what is wrong with them.
private struct SizeCheck {
  let part: String
  var problems: [String] = []

  /// More than this, in any unit here, is a slip of the pen.
  static let highest = 100_000_000

  init(part: String) { self.part = part }

  mutating func value(_ name: String, _ value: Int?, atMost bound: Int = highest, _ boundName: String = "any machine")
    -> Int?
  {
    guard let value else { return nil }
    if value < 1 {
      problems.append("\(part).\(name) is \(value); it must be above 0, so that the default is used")
    } else if value > bound {
      problems.append("\(part).\(name) is \(value), above \(bound) (\(boundName)), so that the default is used")
    } else {
      return value
    }
    return nil
  }

  /// Request and limit of one resource: wishes first, and the request never above the limit.
  mutating func pair(
    _ request: (name: String, value: Int?), _ limit: (name: String, value: Int?), standard: (request: Int, limit: Int),
    derivedLimit: (Int) -> Int
  ) -> (Int, Int) {
    switch (value(request.name, request.value), value(limit.name, limit.value)) {
    case (nil, nil): return standard
    case (let request?, nil): return (request, request == standard.request ? standard.limit : derivedLimit(request))
    case (nil, let limit?): return (min(standard.request, limit), limit)
    case (let low?, let high?):
      if low <= high { return (low, high) }
      problems.append("\(part).\(request.name) \(low) is above \(part).\(limit.name) \(high); \(low) is used for both")
      return (low, low)
    }
  }

  mutating func replicas(_ fewest: Int?, _ most: Int?, standard: (fewest: Int, most: Int)) -> (Int, Int) {
    let fewest = value("minReplicas", fewest)
    let most = value("maxReplicas", most)
    if let fewest, let most, fewest > most {
      problems.append("\(part).minReplicas \(fewest) is above \(part).maxReplicas \(most); \(fewest) is used for both")
    }
    let low = fewest ?? min(standard.fewest, most ?? .max)
    return (low, max(most ?? standard.most, low))
  }
}
