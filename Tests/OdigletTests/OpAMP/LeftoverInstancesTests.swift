import JSON
import KubeObjects
import OdigosObjects
import ProcessInspection
import Testing

@testable import Odiglet

struct LeftoverInstancesTests {
  private let node: NodeFixture
  private let leftovers: LeftoverInstances

  init() throws {
    node = try NodeFixture()
    leftovers = LeftoverInstances(pods: node.pods, tree: node.tree)
    try node.addProcess(100, in: NodeFixture.containerID)
    try node.addProcess(200, in: NodeFixture.otherID, of: NodeFixture.otherUID)
  }

  private func instance(_ name: String, owner: String = NodeFixture.podUID) -> InstrumentationInstance {
    var instance = InstrumentationInstance(name: name, namespace: "shop")
    instance.spec.containerName = "app"
    instance.json.set(
      ["metadata", "ownerReferences"], [["apiVersion": "v1", "kind": "Pod", "name": "web-1", "uid": .string(owner)]])
    return instance
  }

  @Test func whoseProcessRunsIsExpected() {
    let decision = leftovers.decide(instance("web-1-100"))
    guard case .expect(let place) = decision else {
      Issue.record("\(decision)")
      return
    }
    #expect(place.process == ProcessIdentity(pid: 100, start: "4711"))
    #expect(place.container == "app")
  }

  @Test(arguments: ["web-1-101", "web-1-200", "web-1-x", "web-1", "web-1-0", "other-100"])
  func whoseProcessIsGoneOrAnothersIsDeleted(name: String) {
    #expect(leftovers.decide(instance(name)) == .delete)
  }

  @Test func othersAreLeftAlone() {
    #expect(leftovers.decide(instance("web-1-100", owner: "elsewhere")) == .leave)
    #expect(leftovers.decide(InstrumentationInstance(name: "web-1-100", namespace: "shop")) == .leave)
  }
}
