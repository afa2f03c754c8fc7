import ArgumentParser
import KubeClient
import KubeObjects
import OdigosObjects

struct UninstallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "uninstall", abstract: "Remove the system and everything that it changed.",
    discussion: """
      Instrumented workloads are rolled back first: Sources and the label odigos-instrumentation are removed, and the
      command waits until no pod is instrumented any more. Then every object of ours, the files on the nodes, the
      custom resource definitions and the namespace are deleted. Nodes on which files stay, such as those that cannot
      be reached, are named at the end; the command fails then, though everything else is removed.

      Pods that nothing restarts (those of Jobs, or that nobody owns) and workloads whose restarts are left to you are
      named with what to do. The command fails when some still have an agent after --timeout seconds; with --no-wait it
      goes on instead. Such pods lose the files of their agents and should be made anew.

      A namespace that `odigos install` did not make stays with everything that is not ours in it; so does one with
      workloads or volumes of others.
      """)

  @OptionGroup var global: GlobalOptions

  @Flag(name: .shortAndLong, help: "Do not ask.")
  var yes = false

  @Option(name: .shortAndLong, help: "Namespace that it is installed in (default: found in the cluster).")
  var namespace: String?

  @Option(help: "Seconds to wait until workloads are rolled back.")
  var timeout = 300

  @Flag(help: "Do not wait until workloads are rolled back.")
  var noWait = false

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    let place: String
    switch try await Remains.find(client, asked: namespace) {
    case .nothing:
      print("nothing of Odigos is there: it is not installed in this cluster")
      return
    case .system(let namespace): place = namespace
    case .leftovers(let namespace):
      place = namespace
      print("Odigos is not installed; removing what an interrupted run has left")
    }
    guard try Confirmation.ask("Remove Odigos and roll back every instrumented workload?", isGiven: yes) else { return }
    let uninstaller = Uninstaller(client: client, namespace: place)
    if let failure = NodeCleanup.failure(try await remove(with: uninstaller)) { throw failure }
    print("\nOdigos is removed.")
  }

  /// Answers which nodes keep files.
  private func remove(with uninstaller: Uninstaller) async throws -> [NodeCleanup.Leftover] {
    let progress = uninstaller.progress
    let limit = noWait ? nil : Duration.seconds(timeout)
    try await progress.step("Removing webhooks") { try await uninstaller.removeWebhooks() }
    try await progress.step("Removing Sources and labels") { try await uninstaller.optOutEverything() }
    try await progress.step("Rolling back instrumented workloads") { try await uninstaller.waitForRollback(limit) }
    let nodes = try await progress.step("Waiting until the node agents have stopped") {
      try await uninstaller.stopNodeAgents()
    }
    let leftovers = try await progress.step("Removing files from the nodes") {
      try await uninstaller.cleanNodes(nodes)
    }
    try await progress.step("Removing the components") { try await uninstaller.removeComponents() }
    try await progress.step("Removing notes from workloads") { try await uninstaller.removeNotes() }
    try await progress.step("Removing CRDs") { try await uninstaller.removeDefinitions() }
    try await removeNamespace(uninstaller.systemNamespace, progress)
    return leftovers
  }

  private func removeNamespace(_ namespace: SystemNamespace, _ progress: Progress) async throws {
    guard let reason = try await namespace.reasonToStay() else {
      try await progress.step("Removing namespace \(namespace.name)") { try await namespace.delete() }
      return
    }
    try await progress.step("Removing what is ours in namespace \(namespace.name)") { try await namespace.release() }
    progress.note("namespace \(namespace.name) stays: \(reason)")
    progress.note("if nothing in it is needed: kubectl delete namespace \(namespace.name)")
  }
}
