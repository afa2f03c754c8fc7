/// A size of the collectors under one name.
public enum ResourceSizePreset: String, Sendable, Hashable, CaseIterable {
  case small = "size_s"
  case medium = "size_m"
  case large = "size_l"
  case extraLarge = "size_xl"

  var gateway: ResolvedCollectorResources {
    switch self {
    case .small: ResolvedCollectorResources(1...5, cpu: 150, 300, memory: 300, 300, limiter: 250, 50, 200)
    case .medium: ResolvedCollectorResources(2...8, cpu: 500, 1000, memory: 600, 600, limiter: 550, 110, 440)
    case .large: ResolvedCollectorResources(3...12, cpu: 750, 1250, memory: 850, 850, limiter: 800, 160, 640)
    case .extraLarge: ResolvedCollectorResources(5...15, cpu: 1500, 1500, memory: 2000, 2000, limiter: 1950, 390, 1560)
    }
  }

  var node: ResolvedCollectorResources {
    switch self {
    case .small: ResolvedCollectorResources(1...1, cpu: 150, 300, memory: 150, 300, limiter: 250, 50, 200)
    case .medium: ResolvedCollectorResources(1...1, cpu: 250, 500, memory: 250, 500, limiter: 450, 90, 360)
    case .large: ResolvedCollectorResources(1...1, cpu: 500, 750, memory: 500, 750, limiter: 700, 140, 560)
    case .extraLarge: ResolvedCollectorResources(1...1, cpu: 1000, 1000, memory: 1024, 1024, limiter: 974, 194, 779)
    }
  }
}

/// The resources of a collector, every number present.
public struct ResolvedCollectorResources: Sendable, Hashable {
  /// Fewest and most replicas; 1 for the node collector, which has one on each node.
  public var replicas: ClosedRange<Int>
  /// Requested CPU in thousandths of a core.
  public var requestCPUm: Int
  /// CPU limit in thousandths of a core.
  public var limitCPUm: Int
  /// Requested memory in MiB.
  public var requestMemoryMiB: Int
  /// Memory limit in MiB.
  public var limitMemoryMiB: Int
  /// Hard limit of the memory limiter in MiB.
  public var memoryLimiterLimitMiB: Int
  /// Distance of its soft limit from the hard one in MiB.
  public var memoryLimiterSpikeLimitMiB: Int
  /// GOMEMLIMIT of a collector in Go, in MiB.
  public var goMemLimitMiB: Int

  init(
    _ replicas: ClosedRange<Int>, cpu requestCPUm: Int, _ limitCPUm: Int, memory requestMemoryMiB: Int,
    _ limitMemoryMiB: Int, limiter hard: Int, _ spike: Int, _ goMemLimitMiB: Int
  ) {
    self.replicas = replicas
    self.requestCPUm = requestCPUm
    self.limitCPUm = limitCPUm
    self.requestMemoryMiB = requestMemoryMiB
    self.limitMemoryMiB = limitMemoryMiB
    memoryLimiterLimitMiB = hard
    memoryLimiterSpikeLimitMiB = spike
    self.goMemLimitMiB = goMemLimitMiB
  }

  /// What was set wins; a limit that was not set is never below its request, and the limiter follows a memory
  /// limit that was set: 50 MiB or 15 % below it, whichever is less, a fifth of that for spikes, four fifths for Go.
  init(preset: ResolvedCollectorResources, sizing: CollectorResourceSettings) {
    self = preset
    requestCPUm = sizing.requestCPUm ?? preset.requestCPUm
    limitCPUm = sizing.limitCPUm ?? max(preset.limitCPUm, requestCPUm)
    requestMemoryMiB = sizing.requestMemoryMiB ?? min(preset.requestMemoryMiB, sizing.limitMemoryMiB ?? .max)
    limitMemoryMiB = sizing.limitMemoryMiB ?? max(preset.limitMemoryMiB, requestMemoryMiB)
    if limitMemoryMiB != preset.limitMemoryMiB || sizing.memoryLimiterLimitMiB != nil {
      memoryLimiterLimitMiB = sizing.memoryLimiterLimitMiB ?? max(limitMemoryMiB - 50, limitMemoryMiB * 85 / 100)
      memoryLimiterSpikeLimitMiB = memoryLimiterLimitMiB / 5
      goMemLimitMiB = memoryLimiterLimitMiB * 4 / 5
    }
    memoryLimiterSpikeLimitMiB = sizing.memoryLimiterSpikeLimitMiB ?? memoryLimiterSpikeLimitMiB
    goMemLimitMiB = sizing.goMemLimitMiB ?? goMemLimitMiB
  }
}

extension OdigosConfiguration {
  /// The gateway's resources: what was set, the rest from the preset, which is the small one unless one is named.
  public var gatewayResources: ResolvedCollectorResources {
    let preset = (resourceSizePreset ?? .small).gateway
    var resources = ResolvedCollectorResources(preset: preset, sizing: collectorGateway.sizing)
    let least = collectorGateway.minReplicas ?? min(preset.replicas.lowerBound, collectorGateway.maxReplicas ?? .max)
    resources.replicas = least...max(least, collectorGateway.maxReplicas ?? preset.replicas.upperBound)
    return resources
  }

  /// The node collector's resources: what was set, the rest from the preset.
  public var nodeCollectorResources: ResolvedCollectorResources {
    ResolvedCollectorResources(preset: (resourceSizePreset ?? .small).node, sizing: collectorNode.sizing)
  }
}
