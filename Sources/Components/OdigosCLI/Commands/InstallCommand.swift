import ArgumentParser
import JSON
import KubeObjects
import OdigosObjects
import Policy

struct InstallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install", abstract: "Install the system, or bring an installation up to this version.",
    discussion: "Safe to run again: what is not given stays as it is installed, also the image. Nothing is "
      + "instrumented until a Source or a label asks for it.")

  @OptionGroup var global: GlobalOptions

  @Option(name: .shortAndLong, help: "Namespace to install into.")
  var namespace = "odigos-system"

  @Option(help: "Image of all components (default: the installed one, else \(InstallationChoices.standardImage)).")
  var image: String?

  @Option(
    help: ArgumentHelp(
      "When nodes pull the image: Always, IfNotPresent or Never (default: as it is installed, else "
        + "\(InstallationChoices.standardPullPolicy)).")
  )
  var imagePullPolicy: String?

  @Option(help: "Image of the collectors, such as otel/opentelemetry-collector-contrib:0.116.0 (default: our own).")
  var collectorImage: String?

  @Option(parsing: .upToNextOption, help: "Profiles to turn on; see `odigos profile --all`.")
  var profile: [String] = []

  @Option(parsing: .upToNextOption, help: "Namespaces that lists and `sources enable cluster` leave out.")
  var ignoreNamespace: [String] = []

  @Option(parsing: .upToNextOption, help: "Containers never to instrument.")
  var ignoreContainer: [String] = []

  @Option(
    help: ArgumentHelp(
      "What the node agent does, with commas between: device-plugin, runtime-inspection, process-events; none "
        + "(default: as it is installed, else \(NodeFeature.text(of: NodeFeature.standard))).")
  )
  var nodeFeatures: String?

  @Option(
    help: ArgumentHelp(
      "Before Kubernetes 1.26: the port of every node at which agents find the node agent, 0 for none (default: 4320).")
  )
  var opampPort: Int?

  @Option(help: "UI mode: default or readonly.")
  var uiMode: String?

  @Flag(help: "Do not wait until the components are ready.")
  var nowait = false

  @Option(help: "Seconds to wait for the components.")
  var timeout = 180

  func validate() throws {
    if let imagePullPolicy, !["Always", "IfNotPresent", "Never"].contains(imagePullPolicy) {
      throw ValidationError("--image-pull-policy \(imagePullPolicy): give Always, IfNotPresent or Never")
    }
    if let opampPort, !(0...65535).contains(opampPort) {
      throw ValidationError("--opamp-port \(opampPort): give a number from 0 to 65535")
    }
    if let image, image.isEmpty { throw ValidationError("--image: give the name of an image") }
    do throws(NodeFeatureError) { _ = try nodeFeatures.map(NodeFeature.parse) } catch {
      throw ValidationError("--node-features: \(error)")
    }
  }

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    let progress = Progress()
    let choices = InstallationChoices(
      image: image, imagePullPolicy: imagePullPolicy, nodeFeatures: try nodeFeatures.map(NodeFeature.parse))
    var installer = try await progress.step("Checking the cluster") {
      try await Installer.checked(client, namespace: namespace, choices)
    }
    progress.note(installer.values.summary)
    try await progress.step("Creating namespace \(namespace)") { try await installer.installNamespace() }
    try await progress.step("Creating CRDs") { try await installer.installDefinitions() }
    try await progress.step("Creating OdigosDeployment") { try await installer.installComponent("deployment") }
    installer.configuration = try await progress.step("Creating OdigosConfig") {
      try await installer.installConfiguration(changes())
    }
    try await progress.step("Creating Odiglet") { try await installer.installNodeAgent() }
    for (title, name) in [("AutoScaler", "autoscaler"), ("Scheduler", "scheduler"), ("Instrumentor", "instrumentor")] {
      try await progress.step("Creating \(title)") { try await installer.installComponent(name) }
    }
    try await progress.step("Creating webhooks") { try await installer.installWebhooks() }
    if !nowait {
      let limit = Duration.seconds(timeout)
      try await progress.step("Waiting for Odiglet") {
        try await installer.waitUntilReady(DaemonSet.self, "odiglet", timeout: limit)
      }
      for (title, name) in [("AutoScaler", "autoscaler"), ("Scheduler", "scheduler"), ("Instrumentor", "instrumentor")]
      {
        try await progress.step("Waiting for \(title)") {
          try await installer.waitUntilReady(Deployment.self, "odigos-\(name)", timeout: limit)
        }
      }
    }
    print(
      """

      Odigos \(Release.version) is installed in \(namespace). What is next:
        a destination   kubectl apply -f destination.yaml     (kind Destination, namespace \(namespace))
        a namespace     kubectl label namespace NAME odigos-instrumentation=enabled
        see it work     odigos describe source deployment NAME -n NAMESPACE
      """)
  }

  private func changes() -> [(key: String, value: JSONValue)] {
    var changes: [(key: String, value: JSONValue)] = []
    func list(_ key: String, _ values: [String]) {
      if !values.isEmpty { changes.append((key, .array(values.map { .string($0) }))) }
    }
    list("profiles", profile)
    list("ignoredNamespaces", ignoreNamespace)
    list("ignoredContainers", ignoreContainer)
    if let uiMode { changes.append(("uiMode", .string(uiMode))) }
    if let opampPort { changes.append(("odigletOpampPort", .int(opampPort))) }
    if let collectorImage { changes.append(("collectorImage", .string(collectorImage))) }
    return changes
  }
}
