import JSON
import KubeClient
import KubeObjects
import Policy

/// What `odigos install` and `odigos upgrade` do, a line for each step.
struct InstallationRun {
  private static let deployments = [
    ("AutoScaler", "autoscaler"), ("Scheduler", "scheduler"), ("Instrumentor", "instrumentor"),
  ]

  var client: KubeClient
  var namespace: String
  var choices: InstallationChoices
  /// What is to be different in the configuration.
  var changes: [(key: String, value: JSONValue)] = []
  /// How long to wait for the components; nil for not at all.
  var patience: Duration?
  var progress = Progress()

  func run() async throws {
    var installer = try await progress.step("Checking the cluster") {
      try await Installer.checked(client, namespace: namespace, choices)
    }
    progress.note(installer.values.summary)
    let isOurs = try await progress.step("Creating namespace \(namespace)") { try await installer.installNamespace() }
    if !isOurs {
      progress.note("it was there before, or an earlier version made it: `odigos uninstall` will leave it")
    }
    try await progress.step("Creating CRDs") { try await installer.installDefinitions() }
    try await progress.step("Creating OdigosDeployment") { try await installer.installComponent("deployment") }
    installer.configuration = try await progress.step("Creating OdigosConfig") {
      try await installer.installConfiguration(changes)
    }
    for problem in try await ConfigurationStore(client: client, namespace: namespace).profileProblems() {
      progress.note(problem)
    }
    try await progress.step("Creating Odiglet") { try await installer.installNodeAgent() }
    for (title, name) in Self.deployments {
      try await progress.step("Creating \(title)") { try await installer.installComponent(name) }
    }
    try await progress.step("Creating webhooks") { try await installer.installWebhooks() }
    if let patience { try await wait(installer, patience) }
  }

  private func wait(_ installer: Installer, _ limit: Duration) async throws {
    try await progress.step("Waiting for Odiglet") {
      try await installer.waitUntilReady(DaemonSet.self, OdigosName.odiglet, timeout: limit)
    }
    for (title, name) in Self.deployments {
      try await progress.step("Waiting for \(title)") {
        try await installer.waitUntilReady(Deployment.self, "odigos-\(name)", timeout: limit)
      }
    }
  }
}
