import CollectorConfig
import JSON
import KubeObjects
import OdigosObjects
import Policy
import Testing

@testable import Scheduler

@Suite struct GroupsDecisionTests {
  private static let namespace = "odigos-system"

  private func destination(disabled: Bool? = nil) -> Destination {
    var destination = Destination(name: "d", namespace: Self.namespace)
    destination.spec.disabled = disabled
    return destination
  }

  private func group(_ name: String, ready: Bool? = nil, deleted: Bool = false) -> CollectorsGroup {
    var group = CollectorsGroup(name: name, namespace: Self.namespace)
    group.status.ready = ready
    if deleted { group.json.set(["metadata", "deletionTimestamp"], "2025-01-01T00:00:00Z") }
    return group
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var destinations: [Bool?] = []
    var isInstrumented = false
    var gateway: Bool?? = .none
    var nodes: Bool?? = .none
    var gatewayIsGoing = false
    var nodesAreGoing = false
    var expected: [String]
    var deletes = false
  }

  @Test(arguments: [
    Case(testDescription: "nothing", expected: []),
    Case(testDescription: "only a disabled destination", destinations: [true], expected: []),
    Case(testDescription: "a destination", destinations: [nil], expected: ["odigos-gateway"]),
    Case(testDescription: "explicitly enabled", destinations: [true, false], expected: ["odigos-gateway"]),
    Case(testDescription: "the gateway stays", gateway: .some(true), expected: ["odigos-gateway"]),
    Case(testDescription: "instrumented without destination", isInstrumented: true, expected: []),
    Case(
      testDescription: "nodes wait for the gateway", destinations: [nil], isInstrumented: true, gateway: .some(false),
      expected: ["odigos-gateway"]),
    Case(
      testDescription: "no status yet", destinations: [nil], isInstrumented: true, gateway: .some(nil),
      expected: ["odigos-gateway"]),
    Case(
      testDescription: "a ready gateway", destinations: [nil], isInstrumented: true, gateway: .some(true),
      expected: ["odigos-gateway", "odigos-data-collection"]),
    Case(
      testDescription: "ready but nothing instrumented", destinations: [nil], gateway: .some(true),
      expected: ["odigos-gateway"]),
    Case(
      testDescription: "the last is gone", destinations: [nil], gateway: .some(true), nodes: .some(true),
      expected: ["odigos-gateway"], deletes: true),
    Case(
      testDescription: "the nodes stay while the gateway is made anew", destinations: [nil], isInstrumented: true,
      gateway: .some(false), nodes: .some(true), expected: ["odigos-gateway", "odigos-data-collection"]),
    Case(
      testDescription: "nobody deletes twice", gateway: .some(true), nodes: .some(true), nodesAreGoing: true,
      expected: ["odigos-gateway"]),
    Case(
      testDescription: "what is going is not brought back", destinations: [nil], isInstrumented: true,
      gateway: .some(true), nodes: .some(true), gatewayIsGoing: true, nodesAreGoing: true, expected: []),
  ])
  func ordering(_ test: Case) {
    let decision = GroupsDecision.make(
      configuration: OdigosConfiguration(), destinations: test.destinations.map(destination),
      hasInstrumentationConfigs: test.isInstrumented,
      gateway: test.gateway.map { group("odigos-gateway", ready: $0, deleted: test.gatewayIsGoing) },
      nodes: test.nodes.map { group("odigos-data-collection", ready: $0, deleted: test.nodesAreGoing) },
      namespace: Self.namespace)
    #expect(decision.wanted.map(\.key.name) == test.expected)
    #expect(decision.deletesNodeGroup == test.deletes)
  }

  @Test func nothingIsMadeBeforeThereIsAConfiguration() {
    let decision = GroupsDecision.make(
      configuration: nil, destinations: [destination()], hasInstrumentationConfigs: true, gateway: nil, nodes: nil,
      namespace: Self.namespace)
    #expect(decision == GroupsDecision())
  }

  @Test func groupsCarryTheConfiguration() throws {
    let (configuration, problems) = OdigosConfiguration.parse([
      "resourceSizePreset": "size_m", "nodeSelector": ["pool": "a"],
      "collectorGateway": [
        "requestMemoryMiB": 1000, "httpsProxyAddress": "http://proxy", "nodeSelector": ["pool": "b"],
      ],
      "collectorNode": [
        "enableDataCompression": true, "collectorOwnMetricsPort": 5000,
        "otlpExporterConfiguration": ["timeout": 5, "retryOnFailure": ["enabled": true, "maxInterval": "9s"]],
      ],
    ])
    #expect(problems.map(\.key) == ["collectorNode.otlpExporterConfiguration.timeout"])
    let decision = GroupsDecision.make(
      configuration: configuration, destinations: [destination()], hasInstrumentationConfigs: true,
      gateway: group("odigos-gateway", ready: true), nodes: nil, namespace: Self.namespace)
    let specs = decision.wanted.map { $0.object.json["spec"] }
    #expect(specs.count == 2)
    #expect(
      specs.first == [
        "role": "CLUSTER_GATEWAY", "collectorOwnMetricsPort": 8888, "nodeSelector": ["pool": "b"],
        "httpsProxyAddress": "http://proxy",
        "resourcesSettings": [
          "minReplicas": 2, "maxReplicas": 8, "memoryRequestMiB": 1000, "memoryLimitMiB": 1250,
          "cpuRequestMillicores": 500, "cpuLimitMillicores": 1000, "memoryLimiterLimitMiB": 950,
          "memoryLimiterSpikeLimitMiB": 190, "gomemlimitMiB": 760,
        ],
      ])
    #expect(
      specs.last == [
        "role": "NODE_COLLECTOR", "collectorOwnMetricsPort": 5000, "nodeSelector": ["pool": "a"],
        "enableDataCompression": true,
        // A number is no duration: the API server would refuse the group.
        "otlpExporterConfiguration": ["retryOnFailure": ["enabled": true, "maxInterval": "9s"]],
        "resourcesSettings": [
          "memoryRequestMiB": 250, "memoryLimitMiB": 500, "cpuRequestMillicores": 250, "cpuLimitMillicores": 500,
          "memoryLimiterLimitMiB": 450, "memoryLimiterSpikeLimitMiB": 90, "gomemlimitMiB": 360,
        ],
      ])
  }
}
