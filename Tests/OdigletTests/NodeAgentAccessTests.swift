import ComponentAccess
import Policy
import Testing

/// The node agent's roles allow what it does, and nothing else: whoever breaks into a node has them.
@Suite struct NodeAgentAccessTests {
  private static let odigos = "odigos.io"
  private let component = ComponentAccess(component: "Odiglet", manifest: "odiglet.yaml")

  private static func watching(_ group: String, _ resource: String) -> [Access] {
    ["list", "watch"].map { Access($0, group, resource) }
  }

  /// Every line of the component that calls the API. A new call needs a line here and usually a rule in
  /// deploy/components/odiglet.yaml.
  private static let calls: [Call] = [
    Call("Odiglet", "Informer<InstrumentationConfig>", watching(odigos, "instrumentationconfigs")),
    Call("Odiglet", "Informer<Pod>", watching("", "pods")),
    // A role cannot say that it is the one node.
    Call("NodeMarker", "Informer<Node>", watching("", "nodes")),
    Call("NodeMarker", "patch", [Access("patch", "", "nodes")]),
    Call("NodeMarker", "patch", [Access("patch", "", "nodes")]),
    Call("NodeMarker", "get", [Access("get", "apps", "daemonsets", isOwnNamespace: true, name: OdigosName.odiglet)]),
    Call("RuntimeInspector", "apply", [Access("patch", odigos, "instrumentationconfigs/status")]),
    Call("OpAMPServer", "page", [Access("list", odigos, "instrumentationinstances")]),
    Call("OpAMPServer", "delete", [Access("delete", odigos, "instrumentationinstances")]),
    // Server-side apply creates what is not there yet, which is another permission.
    Call(
      "InstanceReporter", "apply",
      [Access("patch", odigos, "instrumentationinstances"), Access("create", odigos, "instrumentationinstances")]),
    Call("InstanceReporter", "apply", [Access("patch", odigos, "instrumentationinstances/status")]),
    Call("InstanceReporter", "delete", [Access("delete", odigos, "instrumentationinstances")]),
  ]

  private var needed: Set<Access> { Set(Self.calls.flatMap(\.needs)) }

  @Test func everyCallIsAllowed() throws {
    let missing = try needed.subtracting(component.allowed).sorted()
    #expect(missing.isEmpty, "add to deploy/components/odiglet.yaml: \(missing)")
  }

  @Test func nothingElseIsAllowed() throws {
    let unused = try component.allowed.subtracting(needed).sorted()
    #expect(unused.isEmpty, "no call needs: \(unused)")
  }

  @Test func theTableIsComplete() throws {
    #expect(try component.callsInSource(withInformers: true) == ComponentAccess.count(Self.calls))
  }
}
