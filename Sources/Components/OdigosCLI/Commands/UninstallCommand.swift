import ArgumentParser
import Foundation
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
      """)

  @OptionGroup var global: GlobalOptions

  @Flag(name: .shortAndLong, help: "Do not ask.")
  var yes = false

  @Option(name: .shortAndLong, help: "Namespace that it is installed in (default: found in the cluster).")
  var namespace: String?

  @Option(help: "Seconds to wait until workloads are rolled back.")
  var timeout = 300

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    let system = try await InstalledSystem.find(client)
    if let namespace, let system, system.namespace != namespace {
      throw CommandFailure(
        "Odigos is installed in namespace \(system.namespace), not in \(namespace)",
        next: "leave --namespace out, or give --namespace \(system.namespace)")
    }
    if system == nil { print("Odigos is not installed; removing what an interrupted run may have left") }
    if !yes {
      print("Remove Odigos and roll back every instrumented workload? [y/N] ", terminator: "")
      fflush(nil)
      guard let answer = readLine(), ["y", "yes"].contains(answer.lowercased()) else {
        print("nothing was changed")
        return
      }
    }
    let uninstaller = Uninstaller(client: client, namespace: system?.namespace ?? namespace ?? "odigos-system")
    if let failure = NodeCleanup.failure(try await remove(with: uninstaller)) { throw failure }
    print("\nOdigos is removed.")
  }

  /// Answers which nodes keep files.
  private func remove(with uninstaller: Uninstaller) async throws -> [NodeCleanup.Leftover] {
    let progress = uninstaller.progress
    let limit = Duration.seconds(timeout)
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
    try await progress.step("Removing namespace \(uninstaller.namespace)") { try await uninstaller.removeNamespace() }
    return leftovers
  }
}
