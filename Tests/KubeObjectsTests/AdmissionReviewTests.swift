import JSON
import KubeObjects
import Testing

@Suite struct AdmissionReviewTests {
  private func review(_ text: String) throws -> AdmissionReview { try AdmissionReview(JSONDocument(parsing: text)) }

  @Test func readsARequest() throws {
    let review = try review(
      #"""
      {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u-1",
       "kind":{"group":"","version":"v1","kind":"Pod"},"name":"","namespace":"shop","operation":"CREATE",
       "dryRun":true,"object":{"metadata":{"generateName":"web-"}}}}
      """#)
    #expect(review.uid == "u-1")
    #expect(review.operation == .create)
    #expect(review.isDryRun)
    #expect(review.namespace == "shop")
    #expect(review.name == "")
    #expect(review.objectKind == "Pod")
    #expect(review.objectGroup == "")
    #expect(review.object?["metadata"]?["generateName"]?.string == "web-")
  }

  static let refused: [(text: String, words: String)] = [
    ("[]", "no JSON object"), ("{}", "kind is missing"), (#"{"kind":"Pod"}"#, #"kind is "Pod""#),
    (#"{"kind":"AdmissionReview"}"#, "apiVersion is missing"),
    (#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"}"#, #""admission.k8s.io/v1" is expected"#),
    (#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}"#, "request is missing"),
    (#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":7}"#, "request is missing"),
    (#"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":""}}"#, "request.uid"),
    (
      #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","operation":"EAT"}}"#,
      #"request.operation is "EAT""#
    ),
  ]

  @Test(arguments: refused) func saysWhatWasExpected(_ text: String, _ words: String) {
    let error = #expect(throws: AdmissionReviewError.self) { try review(text) }
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
  }

  @Test func answersWithoutAPatch() throws {
    let answer = try JSONValue(parsing: AdmissionAnswer(uid: "a\"b").serialized())
    #expect(
      answer == [
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": ["uid": "a\"b", "allowed": true],
      ])
  }

  @Test func answersWithAPatchAndWarnings() throws {
    let patch = Array(#"[{"op":"remove","path":"/a"}]"#.utf8)
    let answer = try JSONValue(
      parsing: AdmissionAnswer(uid: "u", patch: patch, warnings: ["take \"care\""]).serialized())
    #expect(answer.at("response", "patchType")?.string == "JSONPatch")
    #expect(answer.at("response", "patch")?.string.flatMap(Base64.decode) == patch)
    #expect(answer.at("response", "warnings") == ["take \"care\""])
  }

  @Test func readsTheStoredObjectOfAnUpdate() throws {
    let text =
      #"{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"u","operation":"UPDATE","#
    #expect(try review(text + #""oldObject":{"a":1}}}"#).oldObject?["a"]?.int == 1)
    #expect(try review(text + #""oldObject":null}}"#).oldObject == nil)
  }

  @Test func refusesWithAStatus() throws {
    let answer = try JSONValue(
      parsing: AdmissionAnswer(uid: "u", auditReason: "Invalid", refusal: .invalid("spec.x: write \"y\"")).serialized())
    #expect(
      answer["response"] == [
        "uid": "u", "allowed": false, "auditAnnotations": ["reason": "Invalid"],
        "status": ["status": "Failure", "code": 422, "reason": "Invalid", "message": "spec.x: write \"y\""],
      ])
  }

  static let warnings: [(text: String, lines: [String])] = [
    ("short", ["short"]), ("", []), ("a\nb\tc\u{7f}d", ["a b c d"]),
    (
      String(repeating: "word ", count: 30),
      [
        String(repeating: "word ", count: 23) + "word", String(repeating: "word ", count: 5) + "word",
      ]
    ),
    (String(repeating: "ü", count: 130), [String(repeating: "ü", count: 120), String(repeating: "ü", count: 10)]),
  ]

  @Test(arguments: warnings.indices) func warningsHaveLinesThatClientsShowWhole(_ index: Int) throws {
    let (text, lines) = Self.warnings[index]
    let answer = try JSONValue(parsing: AdmissionAnswer(uid: "u", warnings: [text]).serialized())
    #expect(answer.at("response", "warnings") == .array(lines.map { .string($0) }))
  }

  @Test func warningsAreBounded() throws {
    let text = String(repeating: "x", count: 10_000)
    let answer = try JSONValue(parsing: AdmissionAnswer(uid: "u", warnings: [text]).serialized())
    #expect(answer.at("response", "warnings")?.array?.count == 8)
  }
}
