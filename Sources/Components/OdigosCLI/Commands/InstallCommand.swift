import ArgumentParser
import JSON
import KubeObjects
import OdigosObjects
import Policy

struct InstallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "install", abstract: "Install the system, or bring an installation up to this version.",
    discussion:
      "Safe to run again: what is not given stays as it is installed, also the image; where that is of another "
      + "version, --image is needed. Nothing is instrumented until a Source or a label asks for it.")

  @OptionGroup var global: GlobalOptions

  @Option(name: .shortAndLong, help: "Namespace to install into.")
  var namespace = "odigos-system"

  @OptionGroup var images: ImageOptions

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
      "Before Kubernetes 1.26: the port of every node at which agents find the node agent, 0 for none (default: 4320).")
  )
  var opampPort: Int?

  @Option(help: "UI mode: default or readonly.")
  var uiMode: String?

  func validate() throws {
    if let opampPort, !(0...65535).contains(opampPort) {
      throw ValidationError("--opamp-port \(opampPort): give a number from 0 to 65535")
    }
    do { _ = try profile.profileNames() } catch { throw ValidationError("--profile: \(error)") }
  }

  func run() async throws {
    let client = try global.connect()
    defer { client.shutdown() }
    try await InstallationRun(
      client: client, namespace: namespace, choices: try images.choices(), changes: try changes(),
      patience: images.patience
    ).run()
    print(
      """

      Odigos \(Release.version) is installed in \(namespace). What is next:
        a destination   kubectl apply -f destination.yaml     (kind Destination, namespace \(namespace))
        a namespace     kubectl label namespace NAME odigos-instrumentation=enabled
        see it work     odigos describe source deployment NAME -n NAMESPACE
      """)
  }

  func changes() throws -> [(key: String, value: JSONValue)] {
    var changes: [(key: String, value: JSONValue)] = []
    func list(_ key: String, _ values: [String]) {
      if !values.isEmpty { changes.append((key, .array(values.map { .string($0) }))) }
    }
    list("profiles", try profile.profileNames())
    list("ignoredNamespaces", ignoreNamespace.dividedAtCommas)
    list("ignoredContainers", ignoreContainer.dividedAtCommas)
    if let uiMode { changes.append(("uiMode", .string(uiMode))) }
    if let opampPort { changes.append(("odigletOpampPort", .int(opampPort))) }
    if let collectorImage { changes.append(("collectorImage", .string(collectorImage))) }
    return changes
  }
}
