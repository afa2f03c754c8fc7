import JSON
import KubeObjects
import Testing

@Suite struct LabelSelectorTests {
  static let labels = ["app": "web", "tier": "front"]
  static let cases: [(selector: String, matches: Bool?)] = [
    ("{}", true), (#"{"matchLabels":{"app":"web"}}"#, true), (#"{"matchLabels":{"app":"db"}}"#, false),
    (#"{"matchLabels":{"app":"web","none":""}}"#, false),
    (#"{"matchExpressions":[{"key":"app","operator":"In","values":["db","web"]}]}"#, true),
    (#"{"matchExpressions":[{"key":"app","operator":"NotIn","values":["web"]}]}"#, false),
    (#"{"matchExpressions":[{"key":"other","operator":"NotIn","values":["web"]}]}"#, true),
    (#"{"matchExpressions":[{"key":"tier","operator":"Exists"}]}"#, true),
    (#"{"matchExpressions":[{"key":"tier","operator":"DoesNotExist"}]}"#, false),
    (#"{"matchLabels":{"app":"web"},"matchExpressions":[{"key":"x","operator":"Exists"}]}"#, false),
    ("null", nil), (#"{"matchLabels":{"app":1}}"#, nil), (#"{"matchExpressions":[{"operator":"Exists"}]}"#, nil),
    (#"{"matchExpressions":[{"key":"a","operator":"In"}]}"#, nil),
    (#"{"matchExpressions":[{"key":"a","operator":"Like","values":["b"]}]}"#, nil),
  ]

  @Test(arguments: cases) func matches(_ selector: String, _ expected: Bool?) throws {
    let selector = LabelSelector(json: try JSONValue(parsing: selector))
    #expect(selector?.matches(Self.labels) == expected)
  }

  @Test func fromLabels() {
    #expect(LabelSelector(matchLabels: ["app": "web"]).matches(Self.labels))
    #expect(!LabelSelector(matchLabels: ["app": "web", "x": "y"]).matches(Self.labels))
    #expect(LabelSelector([.exists("app"), .doesNotExist("x")]).matches(Self.labels))
  }
}
