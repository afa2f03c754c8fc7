import Collector
import CollectorConfig
import JSON
import KubeObjects
import OdigosObjects
import Testing
import YAML

/// Each case is a directory of Fixtures: `input.yaml` holds the objects of a cluster (and a `Platform`), the other
/// files what is made of them.
@Suite struct PipelineGoldenTests {
  @Test(arguments: Golden.cases)
  func configurationsAndObjects(of name: String) throws {
    let input = try PipelineInput(YAML.documents(#require(Golden.read("\(name)/input.yaml"))))

    let gateway = GatewayConfiguration.make(
      destinations: input.destinations, processors: input.processors, secrets: input.secrets,
      settings: GatewaySettings(
        memoryLimiter: CollectorSize(input.gateway.spec.resourcesSettings, role: .gateway).limiter))
    #expect(gateway.configuration.problems == [])
    Golden.expect(YAML.serialize(gateway.configuration.json), in: "\(name)/gateway.yaml")
    Golden.expect(YAML.serialize(gateway.summary), in: "\(name)/outcome.yaml")

    var problems: [String] = []
    let node = NodeCollectorConfiguration.make(
      signals: gateway.signals, processors: input.processors,
      settings: NodeCollectorSettings(
        namespace: input.platform.namespace,
        memoryLimiter: CollectorSize(input.nodes.spec.resourcesSettings, role: .node).limiter,
        exporter: GatewayExporterSettings(input.nodes.spec, problems: &problems)))
    #expect(node.configuration.problems == [])
    #expect(problems == [])
    Golden.expect(YAML.serialize(node.configuration.json), in: "\(name)/node.yaml")

    let objects = GatewayObjects.make(
      group: input.gateway, configuration: "GATEWAY", variables: gateway.variables, secrets: input.secrets,
      platform: input.platform)
    Golden.expect(objects.all.text, in: "\(name)/gateway-objects.yaml")
    let nodeObjects = NodeCollectorObjects.make(group: input.nodes, configuration: "NODE", platform: input.platform)
    Golden.expect(nodeObjects.all.text, in: "\(name)/node-objects.yaml")
  }

  /// The two sides of the file: what is generated here is what `odigos-collector` reads, without a warning but the one
  /// about keepalive, which only upstream's collector heeds.
  @Test(arguments: Golden.cases, ["gateway", "node"])
  func ourCollectorReadsIt(of name: String, role: String) throws {
    let text = try #require(Golden.read("\(name)/\(role).yaml"))
    let read = try Collector.CollectorConfiguration(text) { _ in "value" }
    #expect(read.warnings.filter { !$0.contains("keepalive") } == [])
  }

  /// Reconciling again must not find a difference that is none: not in the order of what the API server lists.
  @Test(arguments: Golden.cases)
  func orderOfTheListsDoesNotMatter(of name: String) throws {
    let input = try PipelineInput(YAML.documents(#require(Golden.read("\(name)/input.yaml"))))
    let settings = GatewaySettings(memoryLimiter: MemoryLimiter(limitMiB: 250, spikeMiB: 50))
    let texts = [input.destinations, input.destinations.reversed()].map { destinations in
      GatewayConfiguration.make(
        destinations: destinations, processors: input.processors.reversed(), secrets: input.secrets, settings: settings)
    }
    #expect(YAML.serialize(texts[0].configuration.json) == YAML.serialize(texts[1].configuration.json))
    #expect(texts[0] == texts[1])
  }
}

extension [DesiredObject] {
  fileprivate var text: String { map { YAML.serialize($0.object.json) }.joined(separator: "---\n") }
}

extension GatewayConfiguration {
  fileprivate var summary: JSONValue {
    var destinations = JSONObject()
    for (name, outcome) in self.destinations.sorted(by: { $0.key < $1.key }) {
      destinations[name] =
        switch outcome {
        case .configured(let signals, let note):
          .string("configured: " + signals.map(\.rawValue).joined(separator: ", ") + (note.map { "; \($0)" } ?? ""))
        case .disabled: "disabled"
        case .failed(let problem): .string("\(problem.kind): \(problem)")
        }
    }
    var processors = JSONObject()
    for (name, outcome) in self.processors.sorted(by: { $0.key < $1.key }) {
      processors[name] =
        switch outcome {
        case .added: "added"
        case .disabled: "disabled"
        case .failed(let message): .string("failed: \(message)")
        }
    }
    return [
      "signals": .array(signals.map { .string($0.rawValue) }), "destinations": .object(destinations),
      "processors": .object(processors),
    ]
  }
}

/// The objects of a fixture.
private struct PipelineInput {
  var destinations: [Destination] = []
  var processors: [Processor] = []
  var secrets: [String: SecretFacts] = [:]
  var gateway = CollectorsGroup(name: ObjectName.gateway, namespace: "odigos-system")
  var nodes = CollectorsGroup(name: ObjectName.nodeCollector, namespace: "odigos-system")
  var platform = CollectorPlatform(
    namespace: "odigos-system", version: "v0.1.0",
    image: CollectorImage(reference: "localhost/odigos:test", pullPolicy: "IfNotPresent", isOwn: true),
    kubernetes: (1, 20))

  init(_ documents: [JSONValue]) {
    gateway.json.set(["metadata", "uid"], "gateway-uid")
    nodes.json.set(["metadata", "uid"], "node-uid")
    for document in documents {
      switch document["kind"]?.string {
      case "Destination": destinations.append(Destination(json: document))
      case "Processor": processors.append(Processor(json: document))
      case "Secret":
        secrets[document.at("metadata", "name")?.string ?? ""] = SecretFacts(
          keys: Set(document["data"]?.object?.keys ?? []), version: "17")
      case "CollectorsGroup":
        let group = CollectorsGroup(json: document)
        if group.spec.role == CollectorRole.gateway.rawValue {
          gateway.spec = group.spec
        } else {
          nodes.spec = group.spec
        }
      case "Platform":
        platform.imagePullSecrets = document["imagePullSecrets"]?.array?.compactMap(\.string) ?? []
        if let image = document["collectorImage"]?.string {
          platform.image = CollectorImage(reference: image, isOwn: false)
        }
        platform.kubernetes.minor = document["minor"]?.int ?? 20
      default: Issue.record("unexpected document \(document)")
      }
    }
  }
}
