import CollectorConfig
import Testing

@Suite struct CollectorSizeTests {
  /// Requests, limits, limiter, spike and Go's limit of every preset.
  @Test(arguments: [
    (CollectorRole.gateway, SizePreset.small, "1-5 300/300 150/300 250/50/200"),
    (.gateway, .medium, "2-8 600/600 500/1000 550/110/440"),
    (.gateway, .large, "3-12 850/850 750/1250 800/160/640"),
    (.gateway, .extraLarge, "5-15 2000/2000 1500/1500 1950/390/1560"),
    (.node, .small, "150/300 150/300 250/50/200"),
    (.node, .medium, "250/500 250/500 450/90/360"),
    (.node, .large, "500/750 500/750 700/140/560"),
    (.node, .extraLarge, "1024/1024 1000/1000 974/194/779"),
  ])
  func preset(role: CollectorRole, preset: SizePreset, expected: String) {
    var problems: [String] = []
    let size = CollectorSize.resolve(role, preset: preset, wishes: SizeWishes(), problems: &problems)
    #expect(size.text == expected)
    #expect(problems == [])
  }

  struct Wish: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var role: CollectorRole
    var expected: String
    var problems: [String] = []
    var make: @Sendable (inout SizeWishes) -> Void
  }

  @Test(arguments: [
    Wish(testDescription: "request alone", role: .gateway, expected: "1-5 1000/1250 150/300 950/190/760") {
      $0.memoryRequest = 1000
    },
    Wish(testDescription: "small memory keeps 85 %", role: .gateway, expected: "1-5 100/125 150/300 85/17/68") {
      $0.memoryRequest = 100
    },
    Wish(testDescription: "limit below the request", role: .gateway, expected: "1-5 200/200 150/300 170/34/136") {
      $0.memoryLimit = 200
    },
    Wish(testDescription: "node: the limit is the base", role: .node, expected: "400/800 150/300 750/150/600") {
      $0.memoryRequest = 400
    },
    Wish(testDescription: "explicit limiter", role: .node, expected: "150/300 150/300 200/40/160") {
      $0.limiterLimit = 200
    },
    Wish(testDescription: "all explicit", role: .gateway, expected: "4-4 512/1024 100/200 400/30/300") {
      $0.minReplicas = 4
      $0.maxReplicas = 4
      $0.memoryRequest = 512
      $0.memoryLimit = 1024
      $0.cpuRequest = 100
      $0.cpuLimit = 200
      $0.limiterLimit = 400
      $0.limiterSpike = 30
      $0.goMemoryLimit = 300
    },
    Wish(testDescription: "fewest above the preset's most", role: .gateway, expected: "9-9 300/300 150/300 250/50/200")
    {
      $0.minReplicas = 9
    },
    Wish(
      testDescription: "request above limit", role: .gateway, expected: "1-5 500/500 150/300 450/90/360",
      problems: [
        "collectorGateway.requestMemoryMiB 500 is above collectorGateway.limitMemoryMiB 400; 500 is used for both"
      ]
    ) {
      $0.memoryRequest = 500
      $0.memoryLimit = 400
    },
    Wish(
      testDescription: "numbers that are none", role: .node, expected: "150/300 150/300 250/50/200",
      problems: [
        "collectorNode.requestMemoryMiB is -1; it must be above 0, so that the default is used",
        "collectorNode.limitCPUm is \(Int.max), above 100000000 (any machine), so that the default is used",
        "collectorNode.memoryLimiterLimitMiB is 400, above 300 (the memory limit), so that the default is used",
        "collectorNode.memoryLimiterSpikeLimitMiB is 250, above 249 (just below the limiter's limit), so that the default is used",
      ]
    ) {
      $0.memoryRequest = -1
      $0.cpuLimit = .max
      $0.limiterLimit = 400
      $0.limiterSpike = 250
    },
    Wish(
      testDescription: "fewest above most", role: .gateway, expected: "3-3 300/300 150/300 250/50/200",
      problems: ["collectorGateway.minReplicas 3 is above collectorGateway.maxReplicas 2; 3 is used for both"]
    ) {
      $0.minReplicas = 3
      $0.maxReplicas = 2
    },
  ])
  func wishes(_ wish: Wish) {
    var wishes = SizeWishes()
    wish.make(&wishes)
    var problems: [String] = []
    let size = CollectorSize.resolve(wish.role, preset: .small, wishes: wishes, problems: &problems)
    #expect(size.text == wish.expected)
    #expect(problems == wish.problems)
  }

  @Test(arguments: CollectorRole.allCases, SizePreset.allCases)
  func aGroupKeepsTheSize(role: CollectorRole, preset: SizePreset) {
    var problems: [String] = []
    let size = CollectorSize.resolve(role, preset: preset, wishes: SizeWishes(), problems: &problems)
    #expect(CollectorSize(size.resources, role: role) == size)
  }

  @Test func aGroupWithoutNumbersIsSmall() {
    #expect(CollectorSize(nil, role: .gateway).text == "1-5 300/300 150/300 250/50/200")
  }
}

extension CollectorSize {
  fileprivate var text: String {
    let replicas = minReplicas.flatMap { least in maxReplicas.map { "\(least)-\($0) " } } ?? ""
    return replicas + "\(memoryRequest)/\(memoryLimit) \(cpuRequest)/\(cpuLimit) "
      + "\(limiter.limitMiB)/\(limiter.spikeMiB)/\(goMemoryLimit)"
  }
}
