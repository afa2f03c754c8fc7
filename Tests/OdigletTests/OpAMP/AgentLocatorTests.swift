import HTTPTransport
import KubeObjects
import OpAMP
import ProcessInspection
import Testing

@testable import Odiglet

struct AgentLocatorTests {
  private let node: NodeFixture
  private let locator: AgentLocator

  init() throws {
    node = try NodeFixture()
    locator = AgentLocator(pods: node.pods, tree: node.tree, nodeAddresses: ["10.0.0.1"])
    try node.addProcess(100, in: NodeFixture.containerID, ownPID: 7)
    try node.addProcess(101, in: NodeFixture.containerID, ownPID: 8, start: 9)
    try node.addProcess(200, in: NodeFixture.otherID, of: NodeFixture.otherUID, ownPID: 7)
    try node.addProcess(300, in: nil, ownPID: 300)
  }

  private static func description(
    pid: Int64? = 7, pod: String? = "web-1", namespace: String? = "shop", container: String? = "app"
  ) -> AgentDescription {
    var description = AgentDescription()
    if let pid { description.identifyingAttributes.append(AgentAttribute("process.vpid", .integer(pid))) }
    for (key, value) in [
      ("k8s.pod.name", pod), ("k8s.namespace.name", namespace), ("k8s.container.name", container),
    ] {
      if let value { description.identifyingAttributes.append(AgentAttribute(key, .string(value))) }
    }
    return description
  }

  private func failure(_ description: AgentDescription, _ peer: RequestPeer?) -> ServerError? {
    do throws(ServerError) {
      _ = try locator.locate(description, from: peer)
      return nil
    } catch {
      return error
    }
  }

  @Test func theKernelTellsWhoConnected() throws {
    let place = try locator.locate(Self.description(), from: .process(pid: 100, uid: 0))
    #expect(
      place
        == AgentPlace(
          pod: ObjectKey(namespace: "shop", name: "web-1"), podUID: NodeFixture.podUID, container: "app", pid: 100,
          process: ProcessIdentity(pid: 100, start: "4711")))
    #expect(try locator.locate(AgentDescription(), from: .process(pid: 100, uid: 0)) == place, "it needs no words")
  }

  @Test func oneProcessMayReportAnotherOfItsContainer() throws {
    let place = try locator.locate(Self.description(pid: 8), from: .process(pid: 100, uid: 0))
    #expect(place.process == ProcessIdentity(pid: 101, start: "9"))
    #expect(failure(Self.description(pid: 99), .process(pid: 100, uid: 0))?.kind == .badRequest)
  }

  @Test(arguments: [
    description(pod: "other-1"), description(namespace: "kube-system"), description(container: "sidecar"),
  ])
  func nobodySpeaksForOthersOnTheSocket(description: AgentDescription) {
    #expect(failure(description, .process(pid: 100, uid: 0))?.kind == .badRequest)
  }

  @Test func processesOfTheNodeAreNoAgents() {
    #expect(failure(Self.description(), .process(pid: 300, uid: 0))?.kind == .badRequest)
    #expect(failure(Self.description(), .process(pid: 12345, uid: 0))?.kind == .badRequest)
  }

  @Test func aContainerThatIsNotInTheStatusYetIsKnownByItsPod() throws {
    node.add(NodeFixture.pod("web-1", uid: NodeFixture.podUID, containers: ["app": nil]))
    #expect(try locator.locate(AgentDescription(), from: .process(pid: 100, uid: 0)).container == "app")
    node.add(NodeFixture.pod("web-1", uid: NodeFixture.podUID, containers: ["app": nil, "side": nil]))
    #expect(failure(AgentDescription(), .process(pid: 100, uid: 0))?.kind == .badRequest)
    #expect(try locator.locate(Self.description(), from: .process(pid: 100, uid: 0)).container == "app")
    node.pods.set(ObjectKey(namespace: "shop", name: "web-1"), nil)
    #expect(failure(Self.description(), .process(pid: 100, uid: 0))?.kind == .unavailable)
  }

  @Test func staticPodsAreKnownByWhatTheNodeCallsThem() throws {
    node.pods.set(ObjectKey(namespace: "shop", name: "web-1"), nil)
    node.add(NodeFixture.pod("static-node", uid: "mirror", containers: ["app": nil], configHash: NodeFixture.podUID))
    let place = try locator.locate(AgentDescription(), from: .process(pid: 100, uid: 0))
    #expect(place.pod.name == "static-node")
    #expect(place.podUID == "mirror")
  }

  @Test(arguments: [RequestPeer?.none, .address("10.0.0.1"), .process(pid: 0, uid: 0)])
  func whoCannotBeSeenIsFoundByItsWords(peer: RequestPeer?) throws {
    let place = try locator.locate(Self.description(), from: peer)
    #expect(place.process?.pid == 100)
    #expect(try locator.locate(Self.description(pod: "other-1"), from: peer).process?.pid == 200)
  }

  @Test func theAddressOfAPodSpeaksForThatPodOnly() throws {
    #expect(failure(Self.description(), .address("10.0.0.9"))?.kind == .badRequest)
    #expect(try locator.locate(Self.description(pod: "other-1"), from: .address("10.0.0.9")).process?.pid == 200)
    // Pods of other nodes have nothing to say here, whether the one that they name has an address yet or not.
    #expect(failure(Self.description(pod: "other-1"), .address("10.9.9.9"))?.kind == .badRequest)
    #expect(failure(Self.description(), .address("10.9.9.9"))?.kind == .unavailable)
    // An address that the node's own pods share says nothing.
    node.add(
      NodeFixture.pod(
        "host-1", uid: "h", containers: ["app": nil], addresses: ["10.0.0.1"], hostNetwork: true))
    #expect(try locator.locate(Self.description(), from: .address("10.0.0.1")).process?.pid == 100)
  }

  /// Translated addresses are the node's, which are more than the API knows.
  @Test func theAddressesOfTheNodeAreFoundOut() throws {
    #expect(failure(Self.description(pod: "other-1"), .address("10.244.0.1"))?.kind == .badRequest)
    try node.addNetwork(process: "1", local: "10.244.0.1")
    // They are read again after a while only.
    #expect(failure(Self.description(pod: "other-1"), .address("10.244.0.1"))?.kind == .badRequest)
    let locator = AgentLocator(pods: node.pods, tree: node.tree)
    #expect(try locator.locate(Self.description(pod: "other-1"), from: .address("10.244.0.1")).process?.pid == 200)
    #expect(try locator.locate(Self.description(), from: .address("127.0.0.1")).process?.pid == 100)
    #expect(throws: ServerError.self) { try locator.locate(Self.description(), from: .address("10.244.0.0")) }
  }

  @Test(arguments: [
    (description(pid: nil), ServerError.Kind.badRequest), (description(pod: nil), .badRequest),
    (description(namespace: nil), .badRequest), (description(container: nil), .badRequest),
    (description(container: "sidecar"), .badRequest), (description(pod: "elsewhere"), .unavailable),
    (description(pid: -1), .badRequest), (description(pid: 1 << 40), .badRequest),
  ])
  func wordsMustBeComplete(description: AgentDescription, kind: ServerError.Kind) {
    #expect(failure(description, .address("10.0.0.1"))?.kind == kind)
  }

  @Test func aProcessThatNobodySeesIsKnownByItsOwnId() throws {
    let place = try locator.locate(Self.description(pid: 55), from: .address("10.0.0.1"))
    #expect(place.process == nil)
    #expect(place.pid == 55)
    #expect(place.instanceName(isOnlyContainer: true) == "web-1-55")
    #expect(place.instanceName(isOnlyContainer: false) == "web-1-app-55")
    var long = place
    long.pod = ObjectKey(namespace: "shop", name: String(repeating: "x", count: 253))
    #expect(long.instanceName(isOnlyContainer: true).utf8.count == 253)
  }
}
