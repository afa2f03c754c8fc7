import Foundation
import JSON
import Testing

/// How far the pods of a Deployment or DaemonSet are.
enum Rollout {
  /// What a Deployment or DaemonSet lacks; nil where all its pods are of its template and ready.
  static func missing(_ object: JSONValue?) -> String? {
    guard let object else { return "it does not exist" }
    let status = object["status"]
    func count(_ name: String) -> Int { status?[name]?.int ?? 0 }
    guard count("observedGeneration") >= object.at("metadata", "generation")?.int ?? 0 else {
      return "its last change has not been seen"
    }
    let isDaemonSet = object["kind"]?.string == "DaemonSet"
    let wanted = isDaemonSet ? count("desiredNumberScheduled") : object.at("spec", "replicas")?.int ?? 1
    let updated = count(isDaemonSet ? "updatedNumberScheduled" : "updatedReplicas")
    let available = count(isDaemonSet ? "numberAvailable" : "availableReplicas")
    if isDaemonSet, wanted == 0 { return "no node has it" }
    guard updated == wanted, available == wanted else {
      return "\(updated) of \(wanted) pods are up to date, \(available) are available"
    }
    let all = count(isDaemonSet ? "currentNumberScheduled" : "replicas")
    return all == wanted ? nil : "\(all) pods instead of \(wanted)"
  }

  /// Waits until a Deployment or DaemonSet is as its template says.
  static func wait(
    _ kind: String, _ name: String, in namespace: String, within limit: Duration = .seconds(600),
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await eventually("\(namespace)/\(name)", within: limit, sourceLocation: sourceLocation) {
      try PodEnd.forget(in: namespace)
      return missing(try Cluster.get(kind, name, in: namespace))
    }
  }
}

/// Pods that are being deleted.
enum PodEnd {
  /// After this many seconds an operator would take away the object of a pod that has ended.
  static let patience = 180.0

  /// Whether somebody wants the pod to be gone.
  static func isWanted(_ pod: JSONValue) -> Bool { pod.at("metadata", "deletionTimestamp") != nil }

  /// Whether no container of a pod runs; its kubelet may know the pod for minutes longer.
  static func hasCome(_ pod: JSONValue) -> Bool {
    let phase = pod.at("status", "phase")?.string
    if phase == "Succeeded" || phase == "Failed" { return true }
    guard isWanted(pod) else { return false }
    let lists = ["initContainerStatuses", "containerStatuses"].compactMap { pod.at("status", $0)?.array }
    return lists.joined().allSatisfy { $0.at("state", "running") == nil }
  }

  /// Whether an operator would take away the object of a pod by force.
  static func isOverdue(_ pod: JSONValue, now: Date) -> Bool {
    guard let text = pod.at("metadata", "deletionTimestamp")?.string,
      let wanted = ISO8601DateFormatter().date(from: text)
    else { return false }
    return hasCome(pod) && now.timeIntervalSince(wanted) > patience
  }

  /// Takes away the objects of pods that have ended and that their kubelet does not let go of: the successors of pods of
  /// a DaemonSet, and the end of namespaces, wait for it.
  static func forget(in namespace: String) throws {
    for pod in try Cluster.list("pods", in: namespace) where isOverdue(pod, now: Date()) {
      let name = pod.at("metadata", "name")?.string ?? ""
      print("the kubelet does not let go of \(namespace)/\(name), which has ended: its object is taken away")
      try Cluster.kubectl(
        "delete", "pod", name, "-n", namespace, "--grace-period=0", "--force", "--wait=false", "--ignore-not-found")
    }
  }

  /// Puts the logs of pods that are about to go where `hack/e2e` looks for them after a failure; without one of its
  /// runs, nowhere.
  static func keepLogs(of component: String) {
    guard let directory = ProcessInfo.processInfo.environment["E2E_LOGS"] else { return }
    let namespace = Cluster.systemNamespace
    let pods = try? Cluster.list("pods", in: namespace, selector: "app.kubernetes.io/name=\(component)")
    for pod in (pods ?? []).compactMap({ $0.at("metadata", "name")?.string }) {
      let arguments = ["logs", pod, "-n", namespace, "--all-containers", "--prefix", "--tail=2000"]
      guard let outcome = try? ChildProgram.run(["kubectl"] + arguments, input: nil) else { continue }
      try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try? outcome.output.write(toFile: "\(directory)/\(namespace)-\(pod).log", atomically: true, encoding: .utf8)
    }
  }
}
