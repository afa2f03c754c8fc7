import Glibc
import JSON
import Policy

/// Measures what decisions of the policy library cost. Writes a line for each: what it is, ns, allocations.
///
///     PolicyBenchmark REVIEW      REVIEW is a file with an AdmissionReview of a pod of shop/Deployment/checkout-api
@main
enum Main {
  static func main() throws {
    guard CommandLine.arguments.count == 2, let review = file(CommandLine.arguments[1]) else {
      print("usage: PolicyBenchmark REVIEW")
      exit(2)
    }
    let few = Sample(namespaces: 1)
    let many = Sample(namespaces: 1000)
    guard few.decide(few.workloads) == 9, many.decide(many.workloads) == 9000 else {
      print("the Sources do not select what they should")
      exit(1)
    }
    show("selection-10", .of(few.workloads.count) { few.decide(few.workloads) })
    show("selection-10000", .of(few.workloads.count) { many.decide(few.workloads) })
    show("selection-10000-each", .of(many.workloads.count) { many.decide(many.workloads) })
    try measureAgents(review)
  }

  private static func measureAgents(_ review: [UInt8]) throws {
    let facts = Sample.agentFacts()
    let verdict = AgentPolicy.decide(facts)
    show("agents", .of(1) { AgentPolicy.decide(facts).containers.count })
    let settings = InjectionSettings(ownNamespace: "odigos-system", endpoint: .localTrafficService, signals: [.traces])
    let injection = try InjectionFacts(
      workload: facts.selection.workload, serviceName: "checkout", verdict: verdict,
      runtimeDetails: facts.runtimeDetails, settings: settings)
    let document = try JSONDocument(parsing: review)
    func plan(_ document: JSONDocument) -> Int {
      guard let pod = document.root["request"]?["object"], let owner = WorkloadOwner(pod: pod, namespace: "shop") else {
        return 0
      }
      return Injection.plan(pod: pod, owner: owner, facts: injection).patch().count
    }
    guard plan(document) > 0 else {
      print("the pod gets no agent")
      exit(1)
    }
    show("injection", .of(1) { plan(document) })
    show("parsing-and-injection", .of(1) { (try? JSONDocument(parsing: review)).map(plan) ?? 0 })
  }

  private static func show(_ name: String, _ measurement: Measurement) {
    print(name, measurement.nanoseconds, measurement.allocations)
  }

  private static func file(_ path: String) -> [UInt8]? {
    guard let stream = fopen(path, "r") else { return nil }
    defer { fclose(stream) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, stream)
    return Array(bytes[..<count])
  }
}
