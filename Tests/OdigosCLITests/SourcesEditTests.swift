import JSON
import OdigosObjects
import Testing

@testable import OdigosCLI

/// `odigos sources create`, `update` and `delete`.
@Suite struct SourcesEditTests {
  private static func source(
    _ name: String, _ kind: String, _ workload: String, in namespace: String = "shop", stream: String = "default"
  ) -> Source {
    Source(json: [
      "metadata": [
        "name": .string(name), "namespace": .string(namespace),
        "labels": .object(["odigos.io/data-stream-\(stream)": "true"]),
      ],
      "spec": ["workload": ["kind": .string(kind), "name": .string(workload), "namespace": .string(namespace)]],
    ])
  }

  @Test func aSourceIsMadeAsItIsGiven() throws {
    let command = try SourcesCreateCommand.parse([
      "cart", "--workload-kind", "sts", "--workload-name", "cart", "-n", "shop", "--group", "audit",
      "--disable-instrumentation", "--otel-service", "basket",
    ])
    let source = try command.source()
    #expect(source.key.description == "shop/cart")
    #expect(source.metadata.labels["odigos.io/data-stream-audit"] == "true")
    #expect(source.metadata.labels["odigos.io/workload-kind"] == "StatefulSet")
    #expect(
      source.json["spec"] == [
        "workload": ["name": "cart", "namespace": "shop", "kind": "StatefulSet"], "disableInstrumentation": true,
        "otelServiceName": "basket",
      ])
  }

  @Test(arguments: [
    (["--workload-kind", "deployment", "--workload-name", "a", "--workload-namespace", "shop"], "shop"),
    (["--workload-kind", "deployment", "--workload-name", "a"], "default"),
    (["--workload-kind", "namespace", "--workload-name", "shop"], "shop"),
  ]) func itIsWhereItsWorkloadIs(_ arguments: [String], _ namespace: String) throws {
    #expect(try SourcesCreateCommand.parse(["x"] + arguments).source().namespace == namespace)
  }

  @Test(arguments: [
    ["--workload-kind", "deployment", "--workload-name", "a", "--workload-namespace", "shop", "-n", "other"],
    ["--workload-kind", "namespace", "--workload-name", "shop", "-n", "other"],
    ["--workload-kind", "teapot", "--workload-name", "a"],
  ]) func whatCannotBeIsRefused(_ arguments: [String]) throws {
    let command = try SourcesCreateCommand.parse(["x"] + arguments)
    #expect(throws: CommandFailure.self) { try command.source() }
  }

  private static let all = [
    source("a", "Deployment", "web"), source("b", "StatefulSet", "web"), source("c", "Namespace", "shop", stream: "x"),
  ]

  @Test(arguments: [
    ([], ["a", "b", "c"]), (["b"], ["b"]), (["--workload-kind", "deploy"], ["a"]),
    (["--workload-name", "web"], ["a", "b"]),
    (["--group", "x"], ["c"]), (["--workload-kind", "namespace", "--workload-name", "web"], []),
    (["--workload-namespace", "other"], []),
  ]) func everythingThatIsGivenMustHold(_ arguments: [String], _ expected: [String]) throws {
    let filter = try SourceFilter.parse(arguments)
    #expect(Self.all.filter(filter.selects).map(\.name) == expected)
  }

  @Test func whatChangesIsAMergePatch() throws {
    let command = try SourcesUpdateCommand.parse([
      "--no-disable-instrumentation", "--set-group", "a", "--remove-group", "b", "--otel-service", "s",
    ])
    #expect(
      command.patch == [
        "spec": ["disableInstrumentation": false, "otelServiceName": "s"],
        "metadata": ["labels": ["odigos.io/data-stream-a": "true", "odigos.io/data-stream-b": .null]],
      ])
    #expect(try SourcesUpdateCommand.parse(["a"]).patch == [:])
  }

  @Test func oneThatCannotBeDeletedStopsNoOther() async throws {
    let path = "/apis/odigos.io/v1alpha1/namespaces/shop/sources"
    let cluster = try ScriptedCluster(
      [
        "/api/v1/configmaps": [["metadata": ["name": "odigos-deployment", "namespace": "odigos-system"]]],
        path: Self.all.map(\.json),
      ], writes: ["DELETE \(path)/b", "DELETE \(path)/c"], answers: ["DELETE \(path)/a": [["status": 403]]])
    defer { cluster.client.shutdown() }
    let filter = try SourceFilter.parse(["-n", "shop", "--yes"])
    let failure = await #expect(throws: CommandFailure.self) {
      try await filter.forEach("Delete", cluster.client) { try await cluster.client.delete(Source.type, $0.key) }
    }
    #expect(failure?.description.contains("1 of 3 failed") == true)
    #expect(try await cluster.writes().map(\.line) == ["a", "b", "c"].map { "DELETE \(path)/\($0)" })
  }
}
