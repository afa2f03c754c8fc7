import JSON
import KubeClient
import KubeObjects
import OdigosObjects
import Policy
import TestSupport
import Testing

@testable import OdigosCLI

/// What an installation that is there keeps when it is installed again.
@Suite struct InstallationChoicesTests {
  private static func nodeAgent(
    features: JSONValue? = "runtime-inspection,process-events", version: String = Release.version
  ) throws -> JSONValue {
    var values = ManifestValues(
      namespace: "odigos-system", image: "registry/odigos:7", imagePullPolicy: "Always", version: version)
    values.nodeFeatures = [.runtimeInspection, .processEvents]
    var object = try #require(
      try Manifests().objects("deploy/components/odiglet.yaml", values).first { $0.type == DaemonSet.type }
    ).json
    let containers: [String] = ["spec", "template", "spec", "containers"]
    // A sidecar that somebody's webhook has put in front.
    let sidecar: JSONValue = ["name": "proxy", "image": "proxy:1", "imagePullPolicy": "Never"]
    var odiglet = try #require(object.at("spec", "template", "spec", "containers")?[0])
    let others = odiglet["env"]?.array?.filter { $0["name"] != "ODIGOS_NODE_FEATURES" } ?? []
    odiglet["env"] = .array(others + (features.map { [["name": "ODIGOS_NODE_FEATURES", "value": $0]] } ?? []))
    object.set(containers, [sidecar, odiglet])
    return object
  }

  @Test func whatIsNotGivenStays() throws {
    let chosen = try InstallationChoices().completed(by: try Self.nodeAgent())
    #expect(chosen.image == "registry/odigos:7")
    #expect(chosen.imagePullPolicy == "Always")
    #expect(chosen.nodeFeatures == [.runtimeInspection, .processEvents])
  }

  @Test func anotherVersionNeedsItsImage() throws {
    let older = try Self.nodeAgent(version: "0.0.9")
    let failure = #expect(throws: CommandFailure.self) { try InstallationChoices().completed(by: older) }
    let text = failure?.description ?? ""
    #expect(text.contains("0.0.9") && text.contains(Release.version) && text.contains("--image"), "\(text)")
    #expect(try InstallationChoices(image: "registry/odigos:8").completed(by: older).image == "registry/odigos:8")
  }

  @Test func listsMayHaveCommas() throws {
    let command = try InstallCommand.parse([
      "--profile", "size_s,small-batches", "size_s", "--ignore-namespace", "a,b", "c", "--ignore-container", "x, y",
    ])
    let changes = Dictionary(try command.changes().map { ($0.key, $0.value) }) { $1 }
    #expect(
      changes == [
        "profiles": ["size_s", "small-batches"], "ignoredNamespaces": ["a", "b", "c"], "ignoredContainers": ["x", "y"],
      ])
  }

  @Test(arguments: ["size_x", "greatwall", "avoid-java-opts", "size_s,nonsense"])
  func profilesThatDoNothingAreRefused(_ names: String) {
    #expect(throws: (any Error).self) { try InstallCommand.parse(["--profile", names]) }
    #expect(throws: CommandFailure.self) { try [names].profileNames() }
  }

  @Test func profilesThatNeedAnotherCollectorSaySo() throws {
    let lines = Profile.all.map(\.line)
    let waiting = lines.filter { $0.contains("needs a collectorImage with the processor transform") }
    #expect(waiting.map { $0.prefix { $0 != ":" } } == ["copy-scope", "semconv", "semconvdynamo", "semconvredis"])
  }

  @Test func whatIsGivenCounts() throws {
    let given = InstallationChoices(image: "registry/odigos:8", imagePullPolicy: "Never", nodeFeatures: [])
    for installed in [nil, try Self.nodeAgent()] {
      let chosen = try given.completed(by: installed)
      #expect(chosen.image == "registry/odigos:8" && chosen.imagePullPolicy == "Never" && chosen.nodeFeatures.isEmpty)
    }
    let image = try InstallationChoices(image: "registry/odigos:8").completed(by: try Self.nodeAgent())
    #expect(image.imagePullPolicy == "Always" && image.nodeFeatures == [.runtimeInspection, .processEvents])
  }

  @Test(arguments: [nil, [:], ["spec": ["template": ["spec": ["containers": []]]]]] as [JSONValue?])
  func whereThereIsNothingTheDefaultsCount(_ installed: JSONValue?) throws {
    let chosen = try InstallationChoices().completed(by: installed)
    #expect(chosen.image == "localhost/odigos:dev" && chosen.imagePullPolicy == "IfNotPresent")
    #expect(chosen.nodeFeatures == NodeFeature.standard)
  }

  @Test func aNodeAgentThatDoesNothingKeepsDoingNothing() throws {
    #expect(try InstallationChoices().completed(by: try Self.nodeAgent(features: "none")).nodeFeatures.isEmpty)
    let older = try InstallationChoices().completed(by: try Self.nodeAgent(features: nil))
    #expect(older.nodeFeatures == NodeFeature.standard)
  }

  @Test func aFeatureThatIsNoneIsToldWithWhatToDo() throws {
    let installed = try Self.nodeAgent(features: "telepathy")
    let failure = #expect(throws: CommandFailure.self) { try InstallationChoices().completed(by: installed) }
    let text = failure?.description ?? ""
    #expect(text.contains("ODIGOS_NODE_FEATURES") && text.contains("telepathy") && text.contains("--node-features"))
    let mended = try InstallationChoices(nodeFeatures: [.devicePlugin]).completed(by: installed)
    #expect(mended.nodeFeatures == [.devicePlugin] && mended.image == "registry/odigos:7")
  }

  @Test(arguments: [
    (["install"], nil, nil), (["install", "--image", "a:1", "--node-features", "none"], "a:1", "none"),
  ])
  func theCommandLineChoosesNothingByItself(_ arguments: [String], _ image: String?, _ features: String?) throws {
    let command = try #require(try OdigosCommand.parseAsRoot(arguments) as? InstallCommand)
    #expect(
      command.images.image == image && command.images.imagePullPolicy == nil
        && command.images.nodeFeatures == features)
  }

  /// From the API server to the values of the manifests.
  @Test func theInstallerAsksTheClusterFirst() async throws {
    let server = try ScriptedServer()
    let namespace = "/apis/apps/v1/namespaces/odigos-system"
    let script: JSONValue = [
      "GET /version": [["body": ["major": "1", "minor": "30", "gitVersion": "v1.30.0"]]],
      "GET /api/v1/configmaps": [["body": ["metadata": ["resourceVersion": "1"], "items": []]]],
      "GET \(namespace)/daemonsets/odiglet": [["body": try Self.nodeAgent()]],
    ]
    try server.play(String(decoding: script.serialized(), as: UTF8.self))
    let client = KubeClient(ClusterAccess(server: "http://127.0.0.1:\(server.port)", origin: "the test"))
    defer { client.shutdown() }
    let installer = try await Installer.checked(
      client, namespace: "odigos-system", InstallationChoices(imagePullPolicy: "Never"))
    #expect(installer.values.image == "registry/odigos:7" && installer.values.imagePullPolicy == "Never")
    #expect(installer.values.nodeFeatures == [.runtimeInspection, .processEvents])
    #expect(installer.values.summary.contains("registry/odigos:7"))
  }
}
