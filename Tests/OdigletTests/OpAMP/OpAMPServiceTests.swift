import HTTPTransport
import KubeObjects
import Logging
import OdigosObjects
import OpAMP
import TestSupport
import Testing

@testable import Odiglet

struct OpAMPServiceTests {
  private static func message(_ uid: UInt8, pid: Int64, healthy: Bool = true) -> AgentToServer {
    var message = AgentToServer()
    message.instanceUID = [uid, UInt8(truncatingIfNeeded: pid), UInt8(truncatingIfNeeded: pid >> 8)]
    message.capabilities = [.reportsStatus, .reportsHealth, .acceptsRemoteConfig]
    var description = AgentDescription()
    description.identifyingAttributes = [
      AgentAttribute("process.pid", .integer(pid)), AgentAttribute("k8s.namespace.name", .string("shop")),
      AgentAttribute("k8s.pod.name", .string("web-1")), AgentAttribute("k8s.container.name", .string("app")),
    ]
    message.description = description
    message.health = AgentHealth(isHealthy: healthy)
    return message
  }

  private static func request(
    _ method: String = "POST", _ path: String = "/v1/opamp", type: String? = "application/x-protobuf",
    message: AgentToServer = AgentToServer()
  ) -> HTTPRequest {
    HTTPRequest(
      method: method, path: path, headers: type.map { [("content-type", $0)] } ?? [], body: message.protobuf())
  }

  private static func answer(_ service: OpAMPService, _ message: AgentToServer) throws -> ServerToAgent {
    try ServerToAgent(protobuf: service.answer(request(message: message)).body)
  }

  @Test(arguments: [
    (request("GET"), 405), (request("POST", "/"), 404), (request(type: nil), 415), (request(type: "text/plain"), 415),
    (request(type: "application/x-protobuf; charset=x"), 200),
  ])
  func requestsHaveAForm(request: HTTPRequest, status: Int) async throws {
    let fixture = try await ServiceFixture()
    #expect(fixture.service.answer(request).status == status)
    await fixture.stop()
  }

  @Test func aPodMayHaveSoManyAgentsAndNoMore() async throws {
    let fixture = try await ServiceFixture()
    for pid in 1...OpAMPService.agentsPerPod {
      #expect(try Self.answer(fixture.service, Self.message(1, pid: Int64(pid))).error == nil)
    }
    #expect(try Self.answer(fixture.service, Self.message(1, pid: 1000)).error?.kind == .unavailable)
    // Who is known may come again.
    #expect(try Self.answer(fixture.service, Self.message(2, pid: 5)).error == nil)
    #expect(fixture.service.count == OpAMPService.agentsPerPod)
    await fixture.stop()
  }

  @Test func whoSaysGoodbyeAtOnceIsNotFollowed() async throws {
    let fixture = try await ServiceFixture()
    try fixture.node.addProcess(100, in: NodeFixture.containerID, ownPID: 5)
    var goodbye = Self.message(1, pid: 5)
    goodbye.isDisconnect = true
    for _ in 0..<50 { #expect(try Self.answer(fixture.service, goodbye).error == nil) }
    #expect(fixture.followed.isEmpty)
    #expect(try Self.answer(fixture.service, Self.message(1, pid: 5)).error == nil)
    #expect(fixture.followed.map(\.pid) == [100])
    await fixture.stop()
  }

  @Test func oneSenderKeepsNobodyElseFromBeingFound() async throws {
    let fixture = try await ServiceFixture()
    func answer(_ message: AgentToServer, from address: String) throws -> ServerToAgent {
      var request = Self.request(message: message)
      request.peer = .address(address)
      return try ServerToAgent(protobuf: fixture.service.answer(request).body)
    }
    for uid in 0..<250 {
      #expect(try answer(Self.message(UInt8(uid), pid: 7000), from: "10.9.9.9").error != nil)
    }
    fixture.node.add(
      NodeFixture.pod(
        "web-1", uid: NodeFixture.podUID, containers: ["app": NodeFixture.containerID], addresses: ["10.0.0.8"]))
    #expect(try answer(Self.message(1, pid: 5), from: "10.0.0.8").error == nil)
    await fixture.stop()
  }

  @Test func changesAreGatheredAndObjectsThatWereDeletedComeBack() async throws {
    let fixture = try await ServiceFixture()
    _ = try Self.answer(fixture.service, Self.message(1, pid: 5))
    try await eventually("an instance") { fixture.instances.instance("web-1-5")?.status.healthy == true }
    let before = fixture.instances.writes
    for number in 0..<50 {
      var message = Self.message(1, pid: 5, healthy: number.isMultiple(of: 2))
      message.sequenceNumber = UInt64(number)
      _ = try Self.answer(fixture.service, message)
    }
    try await eventually("the last state") { fixture.instances.instance("web-1-5")?.status.healthy == false }
    #expect(fixture.instances.writes - before <= 3)
    fixture.instances.state.withLock { $0.objects = [:] }
    var message = Self.message(1, pid: 5)
    message.sequenceNumber = 50
    _ = try Self.answer(fixture.service, message)
    try await eventually("the instance again") { fixture.instances.instance("web-1-5")?.status.healthy == true }
    await fixture.stop()
  }

  @Test func agentsOfBeforeComeBackUnderTheirNames() async throws {
    let fixture = try await ServiceFixture()
    try fixture.node.addProcess(100, in: NodeFixture.containerID, ownPID: 5)
    let place = AgentPlace(
      pod: ObjectKey(namespace: "shop", name: "web-1"), podUID: NodeFixture.podUID, container: "app", pid: 100,
      process: fixture.node.tree.process(100))
    fixture.service.expect(place)
    guard case .absent = fixture.service.desired(place) else {
      Issue.record("nothing is known of it yet")
      return
    }
    #expect(try Self.answer(fixture.service, Self.message(1, pid: 5)).error == nil)
    guard case .present(let session, _, let name) = fixture.service.desired(place) else {
      Issue.record("it came back")
      return
    }
    #expect(name == "web-1-100")
    #expect(session?.verdict.isHealthy == true)
    await fixture.stop()
  }
}
