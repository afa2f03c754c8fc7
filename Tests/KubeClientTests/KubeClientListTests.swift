import JSON
import KubeObjects
import Testing

@testable import KubeClient

private let maps = ConfigMapScript.path

@Suite struct KubeClientListTests {
  @Test func joinsPages() async throws {
    let first = ConfigMapScript.page(["a", "b"], version: "7", next: "t1")
    let second = ConfigMapScript.page(["c"], version: "7")
    let bench = try ClientBench(#"{"GET \#(maps)":[\#(first),\#(second)]}"#)
    var options = ListOptions(labelSelector: "x=y")
    options.limit = 2
    let list = try await bench.client.list(ConfigMap.type, namespace: "n", options)
    #expect(list.items.map { ConfigMap(json: $0).name } == ["a", "b", "c"])
    #expect(list.items.allSatisfy { $0["kind"] == "ConfigMap" && $0["apiVersion"] == "v1" })
    #expect(list.resourceVersion == "7")
    let queries = try await bench.log().compactMap { $0["query"] }
    #expect(queries.first == ["labelSelector": "x=y", "limit": "2"])
    #expect(queries.last == ["labelSelector": "x=y", "limit": "2", "continue": "t1"])
  }

  @Test func aListThatExpiresBeginsAnewAndWhole() async throws {
    let first = ConfigMapScript.page(["a"], version: "7", next: "t1")
    let anew = ConfigMapScript.page(["b"], version: "9")
    let bench = try ClientBench(#"{"GET \#(maps)":[\#(first),\#(ConfigMapScript.expired),\#(anew)]}"#)
    let list = try await bench.client.list(ConfigMap.type, namespace: "n")
    #expect(list.items.map { ConfigMap(json: $0).name } == ["b"])
    #expect(list.resourceVersion == "9")
    #expect(try await bench.log().last?["query"] == [:])
  }

  @Test func aFirstPageThatIsGoneIsAnError() async throws {
    let bench = try ClientBench(#"{"GET \#(maps)":[\#(ConfigMapScript.expired)]}"#)
    let error = await #expect(throws: KubeError.self) { try await bench.client.list(ConfigMap.type, namespace: "n") }
    #expect(error?.isGone == true)
  }

  @Test(arguments: ["{}", "[]", "\"text\"", #"{"items":[]}"#])
  func anAnswerThatIsNoListIsAnError(_ body: String) async throws {
    let bench = try ClientBench(#"{"GET \#(maps)":[{"body":\#(body)}]}"#)
    let error = await #expect(throws: KubeError.self) { try await bench.client.list(ConfigMap.type, namespace: "n") }
    #expect(error?.reason == KubeError.LocalReason.invalidAnswer)
  }
}
