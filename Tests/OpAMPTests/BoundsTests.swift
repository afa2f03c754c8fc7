import OpAMP
import Testing

/// What one agent, or one sender, may make others keep and do.
struct BoundsTests {
  private static func size(_ attributes: [AgentAttribute]) -> Int {
    attributes.reduce(0) { $0 + $1.key.utf8.count + $1.value.text.utf8.count }
  }

  @Test func whatIsKeptOfAnAgentIsBoundedAsAWhole() throws {
    var message = AgentToServer()
    message.instanceUID = [1]
    let long = String(repeating: "x", count: 100_000)
    var description = AgentDescription()
    description.identifyingAttributes = [AgentAttribute("service.name", .string("shop"))]
    for number in 0..<200 {
      description.identifyingAttributes.append(AgentAttribute("a\(number)", .string(long)))
      description.nonIdentifyingAttributes.append(AgentAttribute("b\(number)", .string(long)))
    }
    message.description = description
    message.health = AgentHealth(isHealthy: true)
    for number in 0..<200 {
      message.health?.components["c\(number)"] = ComponentStatus(isHealthy: false, status: long, lastError: long)
    }
    var config = EffectiveConfig()
    for number in 0..<8 {
      config.config.sections["\(number)"] = ConfigSection(body: Array(repeating: 65, count: 10_000), contentType: "")
    }
    message.effectiveConfig = config
    var registry = AgentRegistry<String>()
    _ = registry.admit(message, at: "place", from: "", endpoint: "", config: nil, newUID: [2], at: .zero)
    let report = try #require(registry.session(at: "place")?.report)
    #expect(report.description.identifyingAttributes.first?.key == "service.name")
    #expect(Self.size(report.description.identifyingAttributes) <= AgentReport.Limit.total)
    #expect(Self.size(report.description.nonIdentifyingAttributes) <= AgentReport.Limit.total)
    let components = report.health?.components.values.reduce(0) { $0 + $1.status.utf8.count + $1.lastError.utf8.count }
    #expect((1...AgentReport.Limit.total).contains(components ?? 0))
    #expect(report.effectiveConfig?.config.sections.count == 1)
  }

  @Test func eachHasAnAllowanceOfItsOwn() {
    var allowances = Allowances<String>(perSecond: 2, burst: 3, capacity: 2)
    func takes(_ key: String, at seconds: Int = 0) -> Bool { allowances.take(key, at: .seconds(seconds)) }
    for _ in 0..<3 { #expect(takes("a")) }
    #expect(!takes("a"))
    #expect(allowances.delay("a", at: .zero) == .milliseconds(500))
    #expect(allowances.delay("b", at: .zero) == .zero)
    #expect(takes("b"))
    // No more are remembered, until one of them would have all of its tokens again.
    #expect(!takes("c", at: 1))
    #expect(takes("a", at: 1))
    #expect(takes("c", at: 2))
    #expect(allowances.count == 2)
  }
}
