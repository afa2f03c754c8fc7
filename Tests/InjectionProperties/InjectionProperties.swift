import JSON
import Policy

/// What holds for every pod, whatever it looks like.
extension InjectionCase {
  /// A plan, and what its patch makes of the pod.
  public struct Injected: Sendable {
    /// The patch as JSON text; empty where the pod stays as it is.
    public var patch: [UInt8]
    /// The pod after it.
    public var pod: JSONValue
    var plan: InjectionPlan
  }

  /// Checks everything that can be checked here; the patch is left to be applied by somebody else as well.
  ///
  /// - Throws: an `InjectionFailure`.
  public func check() throws -> Injected {
    let injected = try inject(pod)
    let again = try inject(injected.pod)
    try expect(again.plan.isEmpty, "injecting again changes nothing", again.patch)
    try expect(removed(injected.pod) == pod, "removal gives back the pod", removed(injected.pod).serialized())
    try expect(Removal.remove(from: pod) == nil, "nothing is removed from a pod without us", [])
    try checkUntouched(injected)
    try checkEnvironments(injected)
    try checkFiles(injected)
    try checkNames(injected)
    try checkOthers(injected)
    return injected
  }

  private func inject(_ pod: JSONValue) throws -> Injected {
    do {
      let plan = Injection.plan(pod: try JSONDocument(parsing: pod.serialized()).root, owner: owner, facts: facts)
      let bytes = plan.patch()
      try expect(plan.isEmpty == bytes.isEmpty, "an empty plan has no patch", bytes)
      if bytes.isEmpty { return Injected(patch: bytes, pod: pod, plan: plan) }
      let result = try JSONPatch(json: JSONValue(parsing: bytes)).applied(to: pod)
      return Injected(patch: bytes, pod: result, plan: plan)
    } catch let failure as InjectionFailure {
      throw failure
    } catch {
      throw InjectionFailure(seed: seed, property: "the patch can be applied", detail: "\(error)", pod: pod)
    }
  }

  private func removed(_ pod: JSONValue) -> JSONValue {
    guard let rest = Removal.remove(from: pod) else { return pod }
    return rest
  }

  private func expect(_ holds: Bool, _ property: String, _ detail: [UInt8]) throws {
    if holds { return }
    let text = String(decoding: detail, as: UTF8.self)
    throw InjectionFailure(seed: seed, property: property, detail: text, pod: pod)
  }

  private func containers(_ pod: JSONValue) -> [JSONValue] { pod.at("spec", "containers")?.array ?? [] }

  /// Fields that are none of ours stay as they are, and containers without an agent as a whole.
  private func checkUntouched(_ injected: Injected) throws {
    func check(_ before: JSONValue, _ after: JSONValue, but changed: Set<String>, _ place: String) throws {
      let keys = Set((before.object?.keys ?? []) + (after.object?.keys ?? [])).subtracting(changed)
      for key in keys.sorted() {
        try expect(before[key] == after[key], "\(place).\(key) stays", after.serialized())
      }
    }
    let after = injected.pod
    try check(pod, after, but: ["metadata", "spec"], "pod")
    try check(pod["metadata"] ?? [:], after["metadata"] ?? [:], but: ["labels"], "metadata")
    let changed: Set<String> = ["containers", "initContainers", "volumes", "affinity"]
    try check(pod["spec"] ?? [:], after["spec"] ?? [:], but: changed, "spec")
    for list in ["initContainers", "volumes"] {
      let before = pod.at("spec", list)?.array ?? []
      let kept = (after.at("spec", list)?.array ?? []).prefix(before.count)
      try expect(Array(kept) == before, "spec.\(list) keeps its elements", after.serialized())
    }
    try expect(containers(pod).count == containers(after).count, "there are no other containers", after.serialized())
    for (old, new) in zip(containers(pod), containers(after)) {
      let name = old["name"]?.string ?? ""
      let isInjected = injected.plan.containerNames.contains(name)
      try check(old, new, but: isInjected ? ["env", "resources", "volumeMounts"] : [], name)
    }
  }

  /// Whoever a pod was injected by before or after us, both are in it, and ours can be taken out again.
  private func checkOthers(_ injected: Injected) throws {
    var both = injected.pod
    ServiceMesh.inject(into: &both, first: seed % 2 == 0)
    let again = try inject(both)
    try expect(again.plan.isEmpty, "injecting after a service mesh changes nothing", again.patch)
    var alone = pod
    ServiceMesh.inject(into: &alone, first: seed % 2 == 0)
    try expect(removed(both) == alone, "removal leaves what a service mesh added", removed(both).serialized())
  }

  /// Where a Service's name would not be understood, its address stands.
  private func checkNames(_ injected: Injected) throws {
    let spec = pod["spec"]
    let policy = spec?["dnsPolicy"]?.string ?? "ClusterFirst"
    let isAlone = policy == "ClusterFirst" ? spec?["hostNetwork"] == true : policy != "ClusterFirstWithHostNet"
    let text = String(decoding: injected.patch, as: UTF8.self)
    try expect(
      !isAlone || !text.contains("odigos-data-collection-local-traffic"), "names are understood", injected.patch)
    try expect(isAlone || !text.contains("10.96.0."), "names are used where they are understood", injected.patch)
  }

  /// The files come by one method, and the pod is still allowed where it is.
  private func checkFiles(_ injected: Injected) throws {
    let volumes = injected.pod.at("spec", "volumes")?.array?.filter { $0["name"] == "odigos-agent" } ?? []
    let devices = containers(injected.pod).filter {
      $0.at("resources", "limits", "instrumentation.odigos.io/generic") != nil
    }
    try expect(volumes.count <= 1 && (volumes.isEmpty || devices.isEmpty), "one method is used", injected.patch)
    for container in containers(injected.pod) {
      for mount in container["volumeMounts"]?.array ?? [] where mount["name"] == "odigos-agent" {
        try expect(
          !volumes.isEmpty && mount["readOnly"] == true, "mounts are read-only and of a volume", injected.patch)
      }
    }
    let isFilled = injected.pod.at("spec", "initContainers")?.array?.contains { $0["name"] == "odigos-agents" } ?? false
    try expect(isFilled == (volumes.first?["emptyDir"] != nil), "an empty volume is filled", injected.patch)
    let terms = injected.pod.at("spec", "affinity", "nodeAffinity", Self.required, "nodeSelectorTerms")?.array?.count
    let before = pod.at("spec", "affinity", "nodeAffinity", Self.required, "nodeSelectorTerms")?.array?.count
    try expect(before == nil || terms == before, "no alternative is added to the nodes", injected.patch)
  }

  private static let required = "requiredDuringSchedulingIgnoredDuringExecution"
}
