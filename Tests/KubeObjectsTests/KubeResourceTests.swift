import JSON
import KubeObjects
import Testing

@Suite struct KubeResourceTests {
  @Test func unknownFieldsSurvive() throws {
    let text = #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","future":[1]},"spec":{"new":{"x":1.50}}}"#
    var pod = Pod(json: try JSONValue(parsing: text))
    pod.metadata.labels = ["b": "2", "a": "1"]
    #expect(
      String(decoding: pod.json.serialized(), as: UTF8.self)
        == #"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","future":[1],"labels":{"a":"1","b":"2"}},"#
        + #""spec":{"new":{"x":1.50}}}"#)
  }

  @Test func newObjectsSayWhatTheyAre() {
    let deployment = Deployment(name: "web", namespace: "shop")
    #expect(deployment.json["apiVersion"]?.string == "apps/v1")
    #expect(deployment.json["kind"]?.string == "Deployment")
    #expect(deployment.key == ObjectKey(namespace: "shop", name: "web"))
    #expect(deployment.key.description == "shop/web")
    #expect(Node(name: "n").key.description == "n")
  }

  @Test func ownersAreNamed() {
    var owner = Deployment(name: "web", namespace: "shop")
    owner.metadata.json["uid"] = "u-7"
    var pod = Pod(name: "p", namespace: "shop")
    pod.metadata.ownerReferences = [OwnerReference(to: owner)]
    let reference = pod.metadata.ownerReferences.first
    #expect(reference?.kind == "Deployment")
    #expect(reference?.apiVersion == "apps/v1")
    #expect(reference?.uid == "u-7")
    #expect(reference?.isController == true)
  }
}
