import Concurrency
import HTTPTransport
import KubeObjects
import Logging
import OdigosObjects
import OpAMP
import ProcessInspection
import ProtobufWire

/// Answers agents: OpAMP over plain HTTP (opentelemetry.io/docs/specs/opamp, "Plain HTTP Transport").
final class OpAMPService: Sendable {
  /// What it asks and tells.
  struct Surroundings: Sendable {
    var locator: AgentLocator
    var pods: PodDirectory
    /// The configuration of a workload; nil where there is none.
    var config: @Sendable (ObjectKey) -> InstrumentationConfig?
    /// These places have changed.
    var changed: @Sendable (Set<AgentPlace>) -> Void
    /// An agent runs in this process.
    var follow: @Sendable (ProcessIdentity) -> Void
  }

  /// The path that agents post to.
  static let path = "/v1/opamp"
  private static let mediaType = "application/x-protobuf"
  /// The most agents of one pod: a program that starts processes without end must not fill the API server.
  static let agentsPerPod = 64
  /// How many unknown senders are looked for a second: each costs a look at the processes.
  private static let locatesPerSecond = 50.0

  private struct State: Sendable {
    var registry = AgentRegistry<AgentPlace>()
    var places: [ProcessIdentity: AgentPlace] = [:]
    /// By who sends: one alone must not keep all others from being found.
    var senders = Allowances<String>(perSecond: 10, burst: 100)
    var locates = TokenBucket(perSecond: OpAMPService.locatesPerSecond, burst: 200, now: .zero)
  }

  private let surroundings: Surroundings
  private let logger: Logger
  private let start = ContinuousClock.now
  private let state = Locked(State())

  init(_ surroundings: Surroundings, logger: Logger) {
    self.surroundings = surroundings
    self.logger = logger
  }

  private var now: Duration { ContinuousClock.now - start }

  /// How many agents there are.
  var count: Int { state.withLock { $0.registry.count } }

  // MARK: Requests

  /// Answers a request; called on the server's loop.
  func answer(_ request: HTTPRequest) -> HTTPResponse {
    guard request.path == Self.path else {
      return Self.plain(404, "nothing is received at \(request.path); agents post to \(Self.path)")
    }
    guard request.method == "POST" else {
      var response = Self.plain(405, "agents report by POST")
      response.headers = [("allow", "POST")]
      return response
    }
    let type = request.header("content-type")?.split(separator: ";").first?.lowercased().filter { $0 != " " }
    guard type == Self.mediaType else { return Self.plain(415, "content-type must be \(Self.mediaType)") }
    let message: AgentToServer
    do {
      message = try AgentToServer(protobuf: request.body)
    } catch {
      return Self.response(400, ServerToAgent(to: [], error: .badRequest("no AgentToServer message: \(error)")))
    }
    return Self.response(200, answer(message, from: request.peer, host: request.header("host") ?? ""))
  }

  private func answer(_ message: AgentToServer, from peer: RequestPeer?, host: String) -> ServerToAgent {
    let sender = peer.map(Self.name) ?? ""
    let endpoint = "http://\(host)\(Self.path)"
    let outcome = change { $0.registry.receive(message, from: sender, endpoint: endpoint, at: now) }
    switch outcome {
    case .answer(let answer): return answer
    case .locate(let description):
      do throws(ServerError) {
        let place = try locate(description, peer, sender)
        return try admit(message, at: place, from: sender, endpoint: endpoint)
      } catch {
        logger.debug("an agent is not known", metadata: ["peer": "\(sender)", "error": "\(error.message)"])
        return ServerToAgent(to: message.instanceUID, error: error)
      }
    }
  }

  private func locate(
    _ description: AgentDescription, _ peer: RequestPeer?, _ sender: String
  ) throws(ServerError) -> AgentPlace {
    let now = now
    guard state.withLock({ $0.senders.take(sender, at: now) && $0.locates.take(at: now) }) else {
      throw .unavailable("too many agents come at once", retryAfter: .seconds(1))
    }
    return try surroundings.locator.locate(description, from: peer)
  }

  private func admit(
    _ message: AgentToServer, at place: AgentPlace, from sender: String, endpoint: String
  ) throws(ServerError) -> ServerToAgent {
    let (answer, isThere) = change { state -> (ServerToAgent?, Bool) in
      let others = state.registry.places.count { $0.podUID == place.podUID && $0 != place }
      guard others < Self.agentsPerPod else { return (nil, false) }
      // Looked up while nobody else changes the state: a change of it that comes now finds the agent here.
      let config = self.config(for: place, language: message.description?.text(AgentAttributeKey.language))
      let answer = state.registry.admit(
        message, at: place, from: sender, endpoint: endpoint, config: config, newUID: Self.newUID(), at: now)
      // Who says goodbye at once, or is refused, is not followed.
      let isThere = state.registry.session(at: place) != nil
      if let process = place.process, isThere { state.places[process] = place }
      return (answer, isThere)
    }
    guard let answer else {
      throw .unavailable(
        "pod \(place.pod) has \(Self.agentsPerPod) instrumented processes already", retryAfter: .seconds(30))
    }
    // After the agent is known, so that its end cannot be told before.
    if let process = place.process, isThere { surroundings.follow(process) }
    return answer
  }

  // MARK: What others tell

  /// A process has ended.
  func processEnded(_ process: ProcessIdentity) {
    change { state in
      if let place = state.places.removeValue(forKey: process) { state.registry.remove(place) }
    }
  }

  /// A pod is no more.
  func podEnded(_ key: ObjectKey, uid: String) {
    change { state in
      for place in state.registry.places where place.pod == key && place.podUID == uid {
        if let process = place.process { state.places[process] = nil }
        state.registry.remove(place)
      }
    }
  }

  /// What is wanted of a workload has changed: its agents are told with their next answers.
  func configChanged(_ key: ObjectKey) {
    change { state in
      state.registry.configure({ self.surroundings.pods.pod($0.pod)?.configKey == key }) { session in
        self.config(for: session.place, language: session.report.description.text(AgentAttributeKey.language))
      }
    }
  }

  /// An agent ran there before this process started.
  func expect(_ place: AgentPlace) {
    change { state in
      if let process = place.process { state.places[process] = place }
      state.registry.expect(place, at: now)
    }
    if let process = place.process { surroundings.follow(process) }
  }

  /// Time has passed.
  func tick() {
    change { state in state.registry.tick(at: now) { $0.process != nil } }
  }

  /// What is to be written of a place.
  func desired(_ place: AgentPlace) -> InstanceReporter.Desired {
    let (session, isLost) = state.withLock { ($0.registry.session(at: place), $0.registry.isLost(place)) }
    guard session != nil || isLost, let pod = surroundings.pods.pod(place.pod), pod.uid == place.podUID else {
      return .absent
    }
    let name = place.instanceName(isOnlyContainer: pod.containers.count == 1)
    return .present(session, configName: pod.configKey?.name, name: name)
  }

  private func config(for place: AgentPlace, language: String?) -> RemoteConfig? {
    guard let pod = surroundings.pods.pod(place.pod), let key = pod.configKey, let config = surroundings.config(key)
    else { return nil }
    return RemoteConfiguration.make(config, pod: pod, container: place.container, language: language)
  }

  /// Changes the state and tells which places are others by that.
  private func change<Result: Sendable>(_ body: @Sendable (inout State) -> Result) -> Result {
    let (result, changes) = state.withLock { state in
      let result = body(&state)
      return (result, state.registry.takeChanges())
    }
    if !changes.isEmpty { surroundings.changed(changes) }
    return result
  }

  // MARK: Words

  private static func name(_ peer: RequestPeer) -> String {
    switch peer {
    case .process(let pid, _): "process \(pid)"
    case .address(let address): address
    }
  }

  private static func newUID() -> [UInt8] { (0..<16).map { _ in UInt8.random(in: 0...255) } }

  private static func response(_ status: Int, _ message: ServerToAgent) -> HTTPResponse {
    HTTPResponse(status: status, contentType: mediaType, body: message.protobuf())
  }

  private static func plain(_ status: Int, _ text: String) -> HTTPResponse {
    HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", body: Array((text + "\n").utf8))
  }
}
