import JSON
import KubeObjects
import Testing

@testable import KubeClient

private let maps = ConfigMapScript.path

@Suite struct KubeClientRequestTests {
  private let key = ObjectKey(namespace: "n", name: "a")

  @Test func writesAndReadsObjects() async throws {
    let answer = #"[{"body":\#(ConfigMapScript.object("a", version: "2"))}]"#
    let bench = try ClientBench(
      #"{"GET \#(maps)/a":\#(answer),"POST \#(maps)":\#(answer),"PUT \#(maps)/a":\#(answer),"PATCH \#(maps)/a":\#(answer)}"#
    )
    var object = ConfigMap(name: "a", namespace: "n")
    object.json.set(["metadata", "managedFields"], [])
    #expect(try await bench.client.get(ConfigMap.self, key)?.metadata.resourceVersion == "2")
    #expect(try await bench.client.create(ConfigMap.type, object.json).at("metadata", "name") == "a")
    #expect(try await bench.client.update(ConfigMap.type, object.json).at("metadata", "name") == "a")
    #expect(try await bench.client.apply(object, fieldManager: "tester").name == "a")
    _ = try await bench.client.patch(ConfigMap.type, key, .merge, ["data": ["x": "y"]], subresource: nil)
    let log = try await bench.log()
    #expect(log.compactMap { $0["method"]?.string } == ["GET", "POST", "PUT", "PATCH", "PATCH"])
    #expect(log[3]["contentType"] == "application/apply-patch+yaml")
    #expect(log[3]["query"] == ["fieldManager": "tester", "force": "true"])
    #expect(log[3]["body"]?.string?.contains("managedFields") == false)
    #expect(log[4]["contentType"] == "application/merge-patch+json")
    #expect(log[4]["body"] == #"{"data":{"x":"y"}}"#)
  }

  @Test func deletingWhatIsGoneIsNoError() async throws {
    let bench = try ClientBench()
    try await bench.client.delete(ConfigMap.type, key, propagation: .foreground, gracePeriodSeconds: 0)
    let body = try JSONValue(parsing: try await bench.log().first?["body"]?.string ?? "")
    #expect(body["propagationPolicy"] == "Foreground")
    #expect(body["gracePeriodSeconds"] == 0)
  }

  @Test func readingWhatIsNotThereIsNil() async throws {
    let bench = try ClientBench()
    #expect(try await bench.client.get(ConfigMap.self, key) == nil)
  }

  @Test func asksAgainWhenTheServerPutsItOff() async throws {
    let busy = #"{"status":429,"headers":{"Retry-After":"1"},"body":"busy"}"#
    let bench = try ClientBench(#"{"GET \#(maps)/a":[\#(busy),{"body":\#(ConfigMapScript.object("a"))}]}"#)
    #expect(try await bench.client.get(ConfigMap.self, key)?.name == "a")
    #expect(try await bench.log().count == 2)
  }

  @Test func aFaultOfTheServerIsAnError() async throws {
    let bench = try ClientBench(#"{"GET \#(maps)/a":[{"status":500,"body":"oops"}]}"#)
    let error = await #expect(throws: KubeError.self) { try await bench.client.get(ConfigMap.self, key) }
    #expect(error?.status == 500)
    #expect(error?.message.contains("oops") == true)
    #expect(try await bench.log().count == 1)
  }

  @Test func aReadWhoseConnectionBreaksIsSentOnceMore() async throws {
    let bench = try ClientBench(#"{"GET \#(maps)/a":[{"then":"cut"},{"body":\#(ConfigMapScript.object("a"))}]}"#)
    #expect(try await bench.client.get(ConfigMap.self, key)?.name == "a")
  }

  @Test func readsTheVersionOfTheServer() async throws {
    let bench = try ClientBench(#"{"GET /version":[{"body":{"gitVersion":"v1.20.2","major":"1","minor":"20+"}}]}"#)
    let version = try await bench.client.serverVersion()
    #expect(version == ("v1.20.2", 1, 20))
  }

  @Test func aServerThatIsNotThereIsNamed() async throws {
    let client = KubeClient(
      ClusterAccess(server: "https://127.0.0.1:1", origin: "context dev of /home/me/.kube/config"))
    let error = await #expect(throws: KubeError.self) { try await client.get(ConfigMap.self, key) }
    #expect(error?.isTransient == true)
    let words = [
      "cannot reach the API server https://127.0.0.1:1", "context dev of /home/me/.kube/config", "refused",
    ]
    for word in words { #expect(error?.message.contains(word) == true, "\(error?.message ?? "")") }
  }

  @Test func impersonates() async throws {
    let bench = try ClientBench()
    var access = bench.client.access
    access.headers = [("Impersonate-User", "someone")]
    let seen = try await KubeClient(access).raw("/echo")
    #expect(seen.at("headers", "impersonate-user") == "someone")
  }
}
