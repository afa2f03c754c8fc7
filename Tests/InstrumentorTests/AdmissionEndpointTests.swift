import HTTPTransport
import JSON
import KubeObjects
import OdigosObjects
import Policy
import Testing

@testable import Instrumentor

@Suite struct AdmissionEndpointTests {
  private let endpoint = AdmissionSample.endpoint()

  private func answer(_ review: JSONValue, _ endpoint: AdmissionEndpoint? = nil) throws -> JSONValue {
    let response = (endpoint ?? self.endpoint).answer(AdmissionSample.request(review))
    #expect(response.status == 200)
    #expect(response.contentType == "application/json")
    let body = try JSONValue(parsing: response.body)
    #expect(body["apiVersion"] == "admission.k8s.io/v1")
    #expect(body["kind"] == "AdmissionReview")
    #expect(body.at("response", "uid") == "u-1")
    #expect(body.at("response", "allowed") == true)
    return body["response"] ?? .null
  }

  /// Whether the answer lets the pod pass as it is and says nothing but why, for the audit log.
  private func isUnchanged(_ answer: JSONValue) -> Bool {
    guard let reason = answer.at("auditAnnotations", "reason")?.string, !reason.isEmpty else { return false }
    return answer == ["uid": "u-1", "allowed": true, "auditAnnotations": ["reason": .string(reason)]]
  }

  @Test func injectsThePodOfAWorkloadThatIsOptedIn() throws {
    let pod = AdmissionSample.pod()
    let answer = try answer(AdmissionSample.review(pod))
    #expect(answer["patchType"] == "JSONPatch")
    let document = try #require(answer["patch"]?.string.flatMap(Base64.decode))
    let injected = try JSONPatch(json: JSONValue(parsing: document)).applied(to: pod)
    #expect(injected.at("metadata", "labels", OdigosLabel.agentsMetaHash) == "0123456789abcdef")
    let container = injected.at("spec", "containers")?[0]
    #expect(container?.at("resources", "limits", OdigosResource.genericDevice) == "1")
    let service = container?["env"]?.array?.first { $0["name"] == "OTEL_SERVICE_NAME" }
    #expect(service?["value"] == "checkout")
    #expect(endpoint.metrics.value(.injected) == 1)
    // The API server may ask again about the pod that it got.
    let again = try self.answer(AdmissionSample.review(injected))
    #expect(again["patch"] == nil)
  }

  @Test func leavesPodsThatNobodyOptedInUnchanged() throws {
    for pod in [AdmissionSample.pod(of: "other"), ["metadata": ["name": "bare"], "spec": ["containers": []]]] {
      #expect(isUnchanged(try answer(AdmissionSample.review(pod))))
    }
    #expect(endpoint.metrics.value(.unconcerned) == 2)
  }

  static let bystanders: [JSONValue] = [
    AdmissionSample.review(AdmissionSample.pod(), operation: "UPDATE"),
    AdmissionSample.review(AdmissionSample.pod(), operation: "DELETE"),
    AdmissionSample.review(AdmissionSample.pod(), kind: "Secret"), AdmissionSample.review(.null),
    AdmissionSample.review("a pod"), AdmissionSample.review([:]),
    AdmissionSample.review(["metadata": 7, "spec": []]),
    AdmissionSample.review(["metadata": ["ownerReferences": "none"], "spec": ["containers": 1]]),
  ]

  @Test(arguments: bystanders) func allowsWhateverElseItIsAskedAbout(_ review: JSONValue) throws {
    #expect(isUnchanged(try answer(review)))
  }

  static let shapelessPods: [(path: [String], value: JSONValue?)] = [
    (["spec"], nil), (["spec"], "x"), (["spec", "containers"], nil), (["spec", "containers"], ["name": "app"]),
    (["spec", "containers"], [7, .null, ["image": "x"]]), (["spec", "containers"], [["name": "sidecar"]]),
  ]

  @Test(arguments: shapelessPods) func failsOpenOnPodsOfAnyShape(_ path: [String], _ value: JSONValue?) throws {
    var pod = AdmissionSample.pod()
    pod.set(path, value)
    #expect(isUnchanged(try answer(AdmissionSample.review(pod))))
    #expect(endpoint.metrics.value(.skipped) == 1)
  }

  @Test func leavesPodsAloneWhileInjectionIsOff() throws {
    var disabled = AdmissionSample.config
    disabled.spec.agentInjectionEnabled = false
    var nameless = AdmissionSample.config
    nameless.spec.serviceName = nil
    for table in [
      AdmissionSample.table([disabled]), AdmissionSample.table([nameless]), AdmissionSample.table(settings: nil),
    ] {
      let endpoint = AdmissionSample.endpoint(table)
      let answer = try answer(AdmissionSample.review(AdmissionSample.pod()), endpoint)
      #expect(isUnchanged(answer))
      #expect(endpoint.metrics.value(.skipped) == 1)
    }
  }

  static let refusals: [(request: HTTPRequest, status: Int, words: String)] = [
    (AdmissionSample.request([], path: "/"), 404, "/mutate--v1-pod"),
    (AdmissionSample.request([], method: "GET"), 405, "POST"),
    (AdmissionSample.request([], contentType: "text/plain"), 415, "application/json"),
    (AdmissionSample.request([], contentType: ""), 415, "application/json"),
    (AdmissionSample.request([], contentType: "application/jsonp"), 415, "application/json"),
    (AdmissionSample.request([]), 400, "ends too early"), (AdmissionSample.request([0xff]), 400, "byte 0"),
    (AdmissionSample.request(Array(repeating: UInt8(ascii: "["), count: 100_000)), 400, "too deeply"),
    (AdmissionSample.request(Array("{}".utf8)), 400, "kind is missing"),
    (AdmissionSample.request(AdmissionSample.pod()), 400, #"kind is "Pod""#),
    (
      AdmissionSample.request(["kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1beta1", "request": [:]]),
      400, #""admission.k8s.io/v1" is expected"#
    ),
  ]

  @Test(arguments: refusals.indices) func refusesWhatIsNoReview(_ index: Int) {
    let (request, status, words) = Self.refusals[index]
    let response = endpoint.answer(request)
    #expect(response.status == status)
    #expect(String(decoding: response.body, as: UTF8.self).contains(words))
    #expect(endpoint.metrics.value(.refused) == 1)
  }

  @Test(arguments: ["application/json", "application/json; charset=utf-8", "Application/JSON ;charset=utf-8"])
  func takesJSONByAnyOfItsNames(_ contentType: String) {
    let body = AdmissionSample.review(AdmissionSample.pod()).serialized()
    #expect(endpoint.answer(AdmissionSample.request(body, contentType: contentType)).status == 200)
  }

  @Test func neverFailsOnBrokenBodies() {
    let body = AdmissionSample.review(AdmissionSample.pod()).serialized()
    for end in 0..<body.count {
      #expect(endpoint.answer(AdmissionSample.request(Array(body[..<end]))).status == 400)
    }
    for position in body.indices {
      var changed = body
      changed[position] ^= 0x15
      #expect([200, 400].contains(endpoint.answer(AdmissionSample.request(changed)).status))
    }
  }

  @Test func explainsItselfWhenAsked() throws {
    var pod = AdmissionSample.pod(of: "other")
    pod.set(["metadata", "annotations", OdigosAnnotation.explain], "true")
    let other = try answer(AdmissionSample.review(pod))
    #expect(other["warnings"] == ["odigos: NotInstrumented: Nobody opted this workload in."])
    #expect(other.at("auditAnnotations", "reason") == "NotInstrumented")
    var ours = AdmissionSample.pod()
    ours.set(["metadata", "annotations", OdigosAnnotation.explain], "true")
    let injected = try answer(AdmissionSample.review(ours))
    #expect(injected.at("auditAnnotations", "reason") == "Injected")
    for warning in injected["warnings"]?.array ?? [] { #expect(warning.string?.count ?? 0 <= 120) }
    #expect(injected["warnings"]?[0]?.string?.hasPrefix("odigos: Injected: ") == true)
    ours.set(["metadata", "annotations", OdigosAnnotation.explain], "false")
    #expect(try answer(AdmissionSample.review(ours))["warnings"] == nil)
  }

  @Test func metricsHaveOnlyKnownLabels() throws {
    _ = try answer(AdmissionSample.review(AdmissionSample.pod()))
    _ = endpoint.answer(AdmissionSample.request([], path: "/\"evil"))
    let labels = endpoint.metrics.samples.map(\.labels)
    #expect(labels.contains("webhook=\"pods\",outcome=\"injected\",reason=\"Injected\""))
    #expect(labels.contains("webhook=\"none\",outcome=\"refused\",reason=\"\""))
    // Known from the start, so that the first one shows as an increase.
    #expect(labels.contains("webhook=\"pods\",outcome=\"skipped\",reason=\"AlreadyInjected\""))
  }
}
