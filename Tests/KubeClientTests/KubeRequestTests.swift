import HTTPClient
import JSON
import KubeObjects
import Testing

@testable import KubeClient

@Suite struct KubeRequestTests {
  @Test(arguments: [
    (Pod.type, Optional("n"), Optional("p"), Subresource?.none, "/api/v1/namespaces/n/pods/p"),
    (Pod.type, "n", nil, nil, "/api/v1/namespaces/n/pods"),
    (Pod.type, nil, nil, nil, "/api/v1/pods"),
    (Node.type, "ignored", "a/b ü", nil, "/api/v1/nodes/a%2Fb%20%C3%BC"),
    (Deployment.type, "n", "d", .status, "/apis/apps/v1/namespaces/n/deployments/d/status"),
    (Deployment.type, "n", "d", .scale, "/apis/apps/v1/namespaces/n/deployments/d/scale"),
  ])
  func paths(_ type: ResourceType, _ namespace: String?, _ name: String?, _ part: Subresource?, _ path: String) {
    #expect(type.path(namespace: namespace, name: name, subresource: part) == path)
  }

  @Test(arguments: [
    (Pod.type, ObjectKey(namespace: "", name: "p"), "metadata.namespace"),
    (Pod.type, ObjectKey(namespace: "n", name: ""), "metadata.name"),
    (Node.type, ObjectKey(name: ".."), "\"..\""),
  ])
  func aMissingNameIsNoPathOfTheWholeKind(_ type: ResourceType, _ key: ObjectKey, _ word: String) {
    let error = #expect(throws: KubeError.self) { try type.path(key) }
    #expect(error?.message.contains(word) == true)
  }

  @Test func queriesAreEscaped() {
    var request = KubeRequest("GET", "/api/v1/pods")
    let options = ListOptions(labelSelector: "a in (b,c),!d", fieldSelector: "spec.nodeName=n&x")
    request.query = options.query(continueToken: "t+/=")
    #expect(
      request.target
        == "/api/v1/pods?labelSelector=a%20in%20%28b%2Cc%29%2C%21d&fieldSelector=spec.nodeName%3Dn%26x&limit=500"
        + "&continue=t%2B%2F%3D")
    request.query = options.watchQuery(resourceVersion: "7", timeoutSeconds: 290)
    #expect(
      request.target.hasSuffix("&watch=true&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion=7"))
  }
}

@Suite struct KubeErrorTests {
  private func error(_ status: Int, _ body: String, headers: [(name: String, value: String)] = []) -> KubeError {
    KubeError(
      response: HTTPClientResponse(status: status, headers: headers, body: Array(body.utf8)), request: "GET /x")
  }

  @Test func readsTheStatusObject() {
    let found = error(
      404,
      #"{"kind":"Status","code":404,"reason":"NotFound","message":"pods \"p\" not found","details":{"name":"p"}}"#)
    #expect(found == KubeError(status: 404, reason: "NotFound", message: "pods \"p\" not found"))
    #expect(found.isNotFound && !found.isTransient)
  }

  @Test func saysWhatWasAskedForWhereTheServerDoesNot() {
    let found = error(
      404, #"{"kind":"Status","code":404,"reason":"NotFound","message":"could not find the requested resource"}"#)
    #expect(found.message == "could not find the requested resource (GET /x)")
  }

  @Test func readsPlainText() {
    let found = error(502, "<html>\n<h1>Bad Gateway</h1>\n</html>", headers: [("retry-after", "3")])
    #expect(found.message == "the server answered 502: <html> <h1>Bad Gateway</h1> </html> (GET /x)")
    #expect(found.retryAfterSeconds == 3)
    #expect(found.isTransient)
    #expect(error(403, "").reason == "Forbidden")
  }

  @Test func readsTheTimeToStayAway() {
    let found = error(429, #"{"kind":"Status","code":429,"message":"slow","details":{"retryAfterSeconds":5}}"#)
    #expect(found.retryAfterSeconds == 5)
    #expect(found.reason == "TooManyRequests")
  }
}
