import OpAMP

/// Messages of agents to the registry: whatever comes, what was read writes as what reads the same, what is kept is
/// bounded, and every answer is one.
enum OpAMPTarget {
  static func run(_ bytes: [UInt8]) {
    var input = FuzzInput(bytes)
    var registry = AgentRegistry<UInt8>(capacity: 3)
    var now = Duration.zero
    // Each step: what happens, at which place, and how long a message is.
    while !input.rest.isEmpty {
      let step = input.byte()
      let place = input.byte() & 3
      now += .milliseconds(Int(step >> 3) * 100)
      switch step & 7 {
      case 0: registry.tick(at: now) { $0 != 0 }
      case 1: registry.remove(place)
      case 2: registry.expect(place, at: now)
      case 3: registry.configure({ $0 == place }) { _ in config(step) }
      default: say(Array(input.take(Int(input.byte()))), at: place, step, &registry, now)
      }
      check(&registry)
    }
    if let answer = try? ServerToAgent(protobuf: bytes) {
      require((try? ServerToAgent(protobuf: answer.protobuf()))?.protobuf() == answer.protobuf(), "another answer")
    }
  }

  private static func say(
    _ bytes: [UInt8], at place: UInt8, _ step: UInt8, _ registry: inout AgentRegistry<UInt8>, _ now: Duration
  ) {
    guard let message = try? AgentToServer(protobuf: bytes) else { return }
    // By their bytes, for a number that is none equals nothing.
    require((try? AgentToServer(protobuf: message.protobuf()))?.protobuf() == message.protobuf(), "another message")
    let answer: ServerToAgent
    switch registry.receive(message, from: "\(place)", endpoint: "http://node", at: now) {
    case .answer(let given): answer = given
    case .locate:
      answer = registry.admit(
        message, at: place, from: "\(place)", endpoint: "http://node", config: config(step), newUID: [1], at: now)
    }
    require((try? ServerToAgent(protobuf: answer.protobuf())) == answer, "an answer that reads as another")
    require(answer.instanceUID == Array(message.instanceUID.prefix(64)), "an answer to somebody else")
    require(answer.error == nil || answer.remoteConfig == nil, "an error with a configuration")
  }

  private static func config(_ step: UInt8) -> RemoteConfig {
    var config = RemoteConfig()
    config.hash = [step]
    config.config.sections = ["": ConfigSection(body: [step], contentType: "")]
    return config
  }

  private static func check(_ registry: inout AgentRegistry<UInt8>) {
    require(registry.count <= 3, "more agents than there may be")
    for place in registry.takeChanges().union(registry.places) {
      guard let session = registry.session(at: place) else { continue }
      require(session.place == place, "a session at another place")
      let report = session.report
      require(report.description.identifyingAttributes.count <= 64, "too many attributes")
      require((report.health?.components.count ?? 0) <= 64, "too many components")
      require(session.verdict.message.utf8.count <= 4096, "too long a message")
    }
  }
}
