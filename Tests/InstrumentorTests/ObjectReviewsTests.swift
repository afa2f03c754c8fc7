import HTTPTransport
import JSON
import KubeObjects
import OdigosObjects
import Policy
import Testing

@testable import Instrumentor

@Suite struct ObjectReviewsTests {
  private static func source(_ name: String = "web", kind: String = "Deployment", namespace: String = "shop")
    -> JSONValue
  {
    [
      "apiVersion": "odigos.io/v1alpha1", "kind": "Source", "metadata": ["name": "s"],
      "spec": ["workload": ["kind": .string(kind), "name": .string(name), "namespace": .string(namespace)]],
    ]
  }

  private func answer(
    _ object: JSONValue?, at path: String, kind: String = "Source", operation: String = "CREATE",
    old: JSONValue? = nil, name: String = "s", endpoint: AdmissionEndpoint = AdmissionSample.endpoint()
  ) throws -> JSONValue {
    var review: JSONValue = [
      "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
      "request": [
        "uid": "u", "kind": ["group": "odigos.io", "version": "v1alpha1", "kind": .string(kind)],
        "namespace": "shop", "name": .string(name), "operation": .string(operation),
      ],
    ]
    review.set(["request", "object"], object)
    review.set(["request", "oldObject"], old)
    let response = endpoint.answer(AdmissionSample.request(review.serialized(), path: path))
    #expect(response.status == 200)
    return try JSONValue(parsing: response.body)["response"] ?? .null
  }

  private func completed(_ source: JSONValue) throws -> JSONValue {
    let answer = try answer(source, at: WebhookWord.sourceDefaultsPath)
    #expect(answer["allowed"] == true)
    guard let document = answer["patch"]?.string.flatMap(Base64.decode) else { return source }
    return try JSONPatch(json: JSONValue(parsing: document)).applied(to: source)
  }

  @Test func completesAndThenAcceptsASource() throws {
    let done = try completed(Self.source(kind: "deployment"))
    #expect(done.at("metadata", "labels", OdigosLabel.workloadKind) == "Deployment")
    let answer = try answer(done, at: WebhookWord.sourceValidationPath)
    #expect(answer["allowed"] == true)
    #expect(answer["status"] == nil)
    #expect(try completed(done) == done)
  }

  @Test func refusesWithEverythingThatIsWrong() throws {
    let answer = try answer(
      completed(Self.source(kind: "ReplicaSet", namespace: "bank")), at: WebhookWord.sourceValidationPath)
    #expect(answer["allowed"] == false)
    #expect(answer.at("status", "code") == 422)
    let message = answer.at("status", "message")?.string ?? ""
    #expect(message.contains("metadata.namespace") && message.contains("spec.workload.kind"))
    #expect(answer.at("auditAnnotations", "reason") == "Invalid")
  }

  @Test func knowsTheOtherSourcesOfTheNamespace() throws {
    let sources = SourceTable()
    let endpoint = AdmissionSample.endpoint(sources: sources)
    let done = try completed(Self.source())
    func isAllowed(_ name: String, operation: String = "CREATE") throws -> JSONValue? {
      try answer(
        done, at: WebhookWord.sourceValidationPath, operation: operation, old: operation == "UPDATE" ? done : nil,
        name: name, endpoint: endpoint)["allowed"]
    }
    var stored = Source(json: Self.source())
    stored.metadata.name = "first"
    stored.metadata.namespace = "shop"
    sources.change(nil, stored)
    #expect(try isAllowed("second") == false)
    #expect(try isAllowed("second", operation: "UPDATE") == true)
    #expect(try isAllowed("first") == true)
    sources.change(stored, nil)
    #expect(try isAllowed("second") == true)
    #expect(sources.others(in: "shop", than: "").isEmpty)
  }

  @Test func judgesActions() throws {
    let action: JSONValue = ["metadata": ["name": "a"], "spec": ["signals": ["TRACES"], "addClusterInfo": [:]]]
    let answer = try answer(action, at: WebhookWord.actionValidationPath, kind: "Action")
    #expect(answer["allowed"] == false)
    #expect(answer.at("status", "message")?.string?.contains("odigos-system") == true)
    let update = try self.answer(
      action, at: WebhookWord.actionValidationPath, kind: "Action", operation: "UPDATE", old: action)
    #expect(update["allowed"] == true)
  }

  private struct Bystander {
    var path: String
    var kind: String
    var operation: String
    var object: JSONValue?
  }

  private static let bystanders: [Bystander] = [
    WebhookWord.sourceDefaultsPath, WebhookWord.sourceValidationPath, WebhookWord.actionValidationPath,
  ].flatMap { path in
    [
      Bystander(path: path, kind: "Source", operation: "DELETE", object: nil),
      Bystander(path: path, kind: "Pod", operation: "CREATE", object: [:]),
      Bystander(path: path, kind: "Source", operation: "CREATE", object: nil),
      Bystander(path: path, kind: "Action", operation: "CONNECT", object: [:]),
    ]
  }

  @Test(arguments: bystanders.indices) func whateverElseItIsAskedAboutPasses(_ index: Int) throws {
    let asked = Self.bystanders[index]
    let answer = try answer(asked.object, at: asked.path, kind: asked.kind, operation: asked.operation)
    #expect(answer["allowed"] == true)
    #expect(answer["patch"] == nil)
  }

  @Test func objectsOfAnyShapeAreAnswered() throws {
    let shapes: [JSONValue] = [
      [:], ["metadata": 7, "spec": []], ["spec": ["workload": []]], ["spec": ["workload": ["kind": 7, "name": []]]],
      ["metadata": ["labels": []], "spec": ["workload": ["kind": "Job", "name": "a", "namespace": "shop"]]],
    ]
    for shape in shapes {
      for path in [WebhookWord.sourceDefaultsPath, WebhookWord.sourceValidationPath] {
        #expect(try answer(shape, at: path)["allowed"]?.bool != nil)
      }
      #expect(try answer(shape, at: WebhookWord.actionValidationPath, kind: "Action")["allowed"] == false)
    }
  }
}
