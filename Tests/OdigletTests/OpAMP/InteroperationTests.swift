import Glibc
import JSON
import KubeObjects
import OdigosObjects
import TestSupport
import Testing

@testable import Odiglet

/// OpenTelemetry's own agent library speaks with the server over both transports.
@Suite(.serialized) struct InteroperationTests {
  private static let attributes: JSONValue = [
    "process.vpid": 7, "telemetry.sdk.language": "python", "k8s.namespace.name": "shop", "k8s.pod.name": "web-1",
    "k8s.container.name": "app",
  ]
  private static let full: JSONValue = ["do": "full", "attributes": attributes]

  private func agent(_ transport: String, _ fixture: ServiceFixture) async throws -> PythonAgent? {
    let address = transport == "unix" ? fixture.node.socketPath : "127.0.0.1:\(fixture.port)"
    guard let agent = try PythonAgent(transport, address) else { return nil }
    // The kernel gives the process its id; the fixture says in which container it is.
    try fixture.node.addProcess(agent.pid, in: NodeFixture.containerID, ownPID: 7)
    return agent
  }

  @Test(arguments: ["unix", "tcp"])
  func anAgentLivesItsLife(transport: String) async throws {
    let fixture = try await ServiceFixture()
    guard let agent = try await agent(transport, fixture) else { return }
    let name = "web-1-\(agent.pid)"

    // It says too little first, and then everything.
    let first = try agent.say(["do": "heartbeat"])
    #expect(first["status"] == 200)
    #expect(first["flags"] == 1, "ReportFullState")
    let second = try agent.say(Self.full)
    #expect(second["error"] == "")
    #expect(second["capabilities"] == 0x27)
    #expect(second["interval"] == 3)
    #expect(second["endpoint"]?.string?.hasSuffix("/v1/opamp") == true)
    let hash = try #require(second["hash"]?.string)
    #expect(hash.count == 64)
    let container = try JSONValue(parsing: try #require(second.at("config", "container_config")?.string))
    #expect(container.at("traces", "headSampling", "fallbackFraction")?.double == 0.25)
    try await eventually("a healthy instance") { fixture.instances.instance(name)?.status.healthy == true }
    let instance = try #require(fixture.instances.instance(name))
    #expect(instance.metadata.labels["instrumented-app"] == "statefulset-web")
    #expect(instance.spec.containerName == "app")

    // It has the configuration, and gets another one when that is wanted.
    #expect(try agent.say(["do": "applied", "hash": .string(hash)])["hash"] == "")
    fixture.configure { $0.json.set(["spec", "serviceName"], "renamed") }
    let changed = try agent.say(["do": "heartbeat", "gzip": true])
    let newHash = try #require(changed["hash"]?.string)
    #expect(newHash.count == 64 && newHash != hash)
    #expect(changed.at("config", "SDK")?.string?.contains("renamed") == true)
    #expect(try agent.say(["do": "applied", "hash": .string(newHash)])["hash"] == "")
    try await eventually("the condition") {
      fixture.instances.instance(name)?.status.conditions.first?.message == String(newHash.prefix(16))
    }

    // It says that something is wrong, and then it ends without a word.
    _ = try agent.say(["do": "health", "healthy": false, "error": "no exporter"])
    try await eventually("an unhealthy instance") {
      let status = fixture.instances.instance(name)?.status
      return status?.healthy == false && status?.message == "no exporter"
    }
    agent.end()
    fixture.node.removeProcess(agent.pid)
    try await eventually("no instance") { fixture.instances.objects.isEmpty }
    #expect(fixture.service.count == 0)
    await fixture.stop()
  }

  @Test(arguments: ["unix", "tcp"])
  func goodbyeRemovesTheInstanceAtOnce(transport: String) async throws {
    let fixture = try await ServiceFixture()
    guard let agent = try await agent(transport, fixture) else { return }
    _ = try agent.say(Self.full)
    try await eventually("an instance") { !fixture.instances.objects.isEmpty }
    #expect(try agent.say(["do": "disconnect"])["error"] == "")
    try await eventually("no instance") { fixture.instances.objects.isEmpty }
    await fixture.stop()
  }

  @Test func nobodySpeaksForAnotherPodOnTheSocket() async throws {
    let fixture = try await ServiceFixture()
    guard let agent = try await agent("unix", fixture) else { return }
    var message = Self.full
    message.set(["attributes", "k8s.pod.name"], "other-1")
    let answer = try agent.say(message)
    #expect(answer["error"]?.string?.contains("k8s.pod.name") == true)
    #expect(answer["hash"] == "")
    #expect(fixture.service.count == 0)
    await fixture.stop()
  }

  @Test func garbageIsRefusedAndDisturbsNobody() async throws {
    let fixture = try await ServiceFixture()
    guard let agent = try await agent("unix", fixture) else { return }
    _ = try agent.say(Self.full)
    for bytes in ["ff", "0a05", "1a040a020a01", String(repeating: "2a", count: 1000)] {
      let answer = try agent.say(["do": "garbage", "bytes": .string(bytes)])
      #expect(answer["status"] == 400)
      #expect(answer["error"]?.string?.isEmpty == false)
    }
    #expect(try agent.say(["do": "garbage", "bytes": ""])["error"]?.string?.contains("instance_uid") == true)
    try await eventually("a healthy instance") {
      fixture.instances.instance("web-1-\(agent.pid)")?.status.healthy == true
    }
    await fixture.stop()
  }

  @Test func aPodThatEndsTakesItsAgentsWithIt() async throws {
    let fixture = try await ServiceFixture()
    guard let agent = try await agent("unix", fixture) else { return }
    _ = try agent.say(Self.full)
    try await eventually("an instance") { !fixture.instances.objects.isEmpty }
    fixture.service.podEnded(ObjectKey(namespace: "shop", name: "web-1"), uid: NodeFixture.podUID)
    try await eventually("no instance") { fixture.instances.objects.isEmpty }
    await fixture.stop()
  }
}
