import OpAMP
import Testing

struct AgentRegistryTests {
  // MARK: Sequence numbers

  @Test func theFirstMessageWithoutADescriptionIsAskedForEverything() {
    var agents = Agents()
    let answer = agents.say(Agents.heartbeat(1))
    #expect(answer.flags == .reportFullState)
    #expect(answer.instanceUID == Agents.uid)
    #expect(answer.capabilities == .ours)
    #expect(agents.changes().isEmpty)
  }

  @Test(arguments: [(2, false), (1, false), (4, true), (0, true)])
  func messagesThatAreMissingAreAskedFor(number: UInt64, isAsked: Bool) {
    var agents = Agents()
    agents.introduce(sequence: 1)
    #expect(agents.say(Agents.heartbeat(number)).flags.contains(.reportFullState) == isAsked)
    #expect(agents.say(Agents.heartbeat(number &+ 1)).flags.isEmpty)
  }

  @Test func instanceUIDsHaveALength() {
    var agents = Agents()
    for uid in [[], [UInt8](repeating: 1, count: 65)] {
      var message = Agents.full(1)
      message.instanceUID = uid
      #expect(agents.say(message).error?.kind == .badRequest)
    }
  }

  @Test func whoSpeaksFromElsewhereIsLookedForAgain() {
    var agents = Agents()
    agents.introduce()
    #expect(agents.say(Agents.heartbeat(2), from: "another").flags == .reportFullState)
    #expect(agents.registry.receive(Agents.full(3), from: "another", endpoint: "", at: .zero).isLocate)
    // It is the same place: its agent has another connection now.
    #expect(agents.admit(Agents.full(3), at: "place", from: "another").newInstanceUID.isEmpty)
    #expect(agents.say(Agents.heartbeat(4), from: "another").flags.isEmpty)
  }

  @Test func aForkedProcessGetsAnInstanceUIDOfItsOwn() {
    var agents = Agents()
    agents.introduce()
    let answer = agents.admit(Agents.full(2), at: "child", from: "child")
    #expect(answer.newInstanceUID == Agents.newUID)
    #expect(answer.flags.contains(.reportFullState))
    #expect(agents.registry.session(at: "child") == nil)
    #expect(agents.registry.session(at: "place") != nil)
  }

  @Test func aNewAgentOfAProcessReplacesTheOneBefore() {
    var agents = Agents()
    agents.introduce()
    var message = Agents.full(1)
    message.instanceUID = [7]
    _ = agents.admit(message, at: "place", from: "peer")
    #expect(agents.registry.count == 1)
    #expect(agents.say(Agents.heartbeat(2)).flags == .reportFullState)
  }

  // MARK: Configuration

  @Test func aConfigurationIsSentUntilTheAgentHasIt() {
    var agents = Agents()
    agents.config = Agents.config(1)
    let first = agents.introduce()
    #expect(first.remoteConfig == Agents.config(1))
    #expect(agents.say(Agents.applied(2, 1)).remoteConfig == nil)
    #expect(agents.say(Agents.heartbeat(3)).remoteConfig == nil)

    agents.registry.configure({ _ in true }, with: { _ in Agents.config(2) })
    #expect(agents.say(Agents.heartbeat(4)).remoteConfig == Agents.config(2))
    // It has not said that it has it: the answer may have been lost.
    #expect(agents.say(Agents.heartbeat(5)).remoteConfig == Agents.config(2))
    #expect(agents.say(Agents.applied(6, 2, state: .failed)).remoteConfig == nil)
    #expect(agents.registry.session(at: "place")?.report.remoteConfigStatus?.state == .failed)
  }

  @Test func agentsThatDoNotReportGetItOnce() {
    var agents = Agents()
    agents.config = Agents.config(1)
    #expect(agents.introduce(capabilities: []).remoteConfig != nil)
    #expect(agents.say(Agents.heartbeat(2, capabilities: [])).remoteConfig == nil)
  }

  @Test func agentsThatTakeNoneGetNone() {
    var agents = Agents()
    agents.config = Agents.config(1)
    #expect(agents.introduce(capabilities: [.reportsStatus]).remoteConfig == nil)
  }

  @Test func theIntervalIsOfferedToWhoTakesIt() {
    var agents = Agents()
    #expect(agents.introduce().connectionSettings?.heartbeat.intervalSeconds == 3)
    #expect(agents.say(Agents.heartbeat(2)).connectionSettings == nil)
    var others = Agents()
    #expect(others.introduce(capabilities: [.reportsStatus, .reportsHeartbeat]).connectionSettings == nil)
  }

  // MARK: Health

  @Test func theVerdictFollowsWhatTheAgentSays() {
    var agents = Agents()
    agents.introduce()
    #expect(agents.verdict == AgentVerdict(isHealthy: nil, reason: "Starting", message: ""))
    #expect(agents.changes() == ["place"])
    var message = Agents.heartbeat(2)
    message.health = AgentHealth(isHealthy: true, status: "Healthy")
    _ = agents.say(message)
    #expect(agents.verdict?.isHealthy == true)
    #expect(agents.changes() == ["place"])
    _ = agents.say(Agents.heartbeat(3))
    #expect(agents.changes().isEmpty, "nothing is new")
    message = Agents.heartbeat(4)
    message.health = AgentHealth(isHealthy: false, lastError: "no exporter")
    _ = agents.say(message)
    #expect(agents.verdict == AgentVerdict(isHealthy: false, reason: "AgentFailure", message: "no exporter"))
  }

  @Test func whoIsSilentIsUnhealthyAndComesBack() {
    var agents = Agents()
    agents.introduce(healthy: true)
    _ = agents.changes()
    agents.pass(.seconds(7))
    #expect(agents.changes().isEmpty)
    agents.pass(.seconds(2))
    #expect(agents.changes() == ["place"])
    #expect(agents.verdict?.isHealthy == false)
    #expect(agents.verdict?.reason == "NoConnectionToOpAMPServer")
    agents.pass(.seconds(600))
    #expect(agents.registry.session(at: "place") != nil, "its process runs")
    _ = agents.say(Agents.heartbeat(2))
    #expect(agents.verdict?.isHealthy == true)
    #expect(agents.changes() == ["place"])
  }

  @Test func whoCannotBeToldTheIntervalHasMoreTime() {
    var agents = Agents()
    agents.introduce(capabilities: [.reportsStatus])
    agents.pass(.seconds(74))
    #expect(agents.verdict?.isHealthy == true)
    agents.pass(.seconds(2))
    #expect(agents.verdict?.isHealthy == false)
  }

  @Test func whoseEndNobodySeesIsForgottenWhenSilent() {
    var agents = Agents()
    agents.watched = []
    agents.introduce()
    _ = agents.changes()
    agents.pass(.seconds(30))
    #expect(agents.verdict?.isHealthy == false)
    agents.pass(.seconds(50))
    #expect(agents.registry.session(at: "place") == nil)
    #expect(agents.changes() == ["place"])
  }

  @Test func whileTheServerStoodStillNobodyWasSilent() {
    var agents = Agents()
    agents.introduce(healthy: true)
    agents.pass(.seconds(1))
    agents.now += .seconds(120)
    agents.registry.tick(at: agents.now) { _ in true }
    #expect(agents.verdict?.isHealthy == true)
  }

  // MARK: Ends

  @Test(arguments: [true, false])
  func anOrderlyEndRemovesAndATroubledOneStays(isHealthy: Bool) {
    var agents = Agents()
    agents.introduce(healthy: true)
    _ = agents.changes()
    var message = Agents.heartbeat(2)
    message.isDisconnect = true
    if !isHealthy { message.health = AgentHealth(isHealthy: false, lastError: "crashed") }
    _ = agents.say(message)
    #expect(agents.changes() == ["place"])
    #expect((agents.registry.session(at: "place") == nil) == isHealthy)
    if !isHealthy {
      agents.pass(.seconds(600))
      #expect(agents.verdict?.message == "crashed")
      agents.registry.remove("place")
      #expect(agents.registry.session(at: "place") == nil)
    }
  }

  @Test func goodbyeOfAStrangerIsNoGreeting() {
    var agents = Agents()
    var message = Agents.full(9)
    message.isDisconnect = true
    #expect(agents.admit(message, at: "place", from: "peer").flags.isEmpty)
    #expect(agents.registry.count == 0)
    message.description = nil
    #expect(agents.say(message).flags.isEmpty)
  }

  @Test func agentsOfBeforeAreExpectedToComeBack() {
    var agents = Agents()
    agents.registry.expect("place", at: agents.now)
    agents.pass(.seconds(70))
    #expect(agents.changes().isEmpty)
    agents.pass(.seconds(6))
    #expect(agents.changes() == ["place"])
    #expect(agents.registry.isLost("place"))
    agents.introduce()
    #expect(!agents.registry.isLost("place"))
  }

  @Test func agentsOfBeforeWhoseProcessNobodySeesAreGone() {
    var agents = Agents()
    agents.watched = []
    agents.registry.expect("place", at: agents.now)
    agents.pass(.seconds(76))
    #expect(agents.changes() == ["place"])
    #expect(!agents.registry.isLost("place"))
  }

  // MARK: Bounds

  @Test func aFloodOfMessagesIsPutOff() {
    var agents = Agents()
    agents.introduce()
    let answers = (2..<200).map { agents.say(Agents.heartbeat($0)) }
    #expect(answers.contains { $0.error?.kind == .unavailable })
    agents.now += .seconds(2)
    #expect(agents.say(Agents.heartbeat(200)).error == nil)
  }

  @Test func thereAreAtMostAsManyAgentsAsThereMayBe() {
    var agents = Agents(capacity: 2)
    for number in 0..<3 {
      var message = Agents.full(1)
      message.instanceUID = [UInt8(number + 1)]
      let answer = agents.admit(message, at: "\(number)", from: "\(number)")
      #expect((answer.error?.kind == .unavailable) == (number == 2))
    }
    #expect(agents.registry.count == 2)
  }

  @Test func whatAnAgentSaysIsCutToSize() throws {
    var agents = Agents()
    var message = Agents.full(1)
    message.description?.nonIdentifyingAttributes = (0..<1000).map {
      AgentAttribute("key\($0)", .string(String(repeating: "ä", count: 100_000)))
    }
    var health = AgentHealth(isHealthy: false, lastError: String(repeating: "e", count: 100_000))
    for number in 0..<1000 { health.components["part\(number)"] = ComponentStatus(isHealthy: true) }
    message.health = health
    var config = EffectiveConfig()
    for (name, size) in [("rules", 16 << 10), ("too long", 1 + 16 << 10)] {
      config.config.sections[name] = ConfigSection(body: Array(repeating: 0x7b, count: size), contentType: "")
    }
    message.effectiveConfig = config
    _ = agents.admit(message, at: "place", from: "peer")
    let report = try #require(agents.registry.session(at: "place")?.report)
    #expect(report.description.nonIdentifyingAttributes.count == 15)
    #expect(report.description.nonIdentifyingAttributes[0].value.text.utf8.count == 1024)
    #expect(report.health?.components.count == 64)
    #expect(report.health?.own.lastError.utf8.count == 4096)
    #expect(report.effectiveConfig?.config.sections.mapValues(\.body.count) == ["rules": 16 << 10])
  }
}

extension AgentRegistry.Outcome {
  var isLocate: Bool { if case .locate = self { true } else { false } }
}
