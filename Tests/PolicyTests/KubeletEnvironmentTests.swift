import InjectionProperties
import JSON
import Testing

/// The model of the kubelet that the properties of injection rest on.
@Suite struct KubeletEnvironmentTests {
  private func values(_ env: JSONValue, from sources: JSONValue = [], image: [String: String] = [:]) -> [String: String]
  {
    var objects = ClusterObjects()
    objects.add("ConfigMap", "settings", ["A": "map", "B": "b"])
    objects.add("Secret", "keys", ["A": "secret"])
    return KubeletEnvironment(container: ["env": env, "envFrom": sources], image: image, objects: objects).values
  }

  static let texts: [(String, String)] = [
    ("$(A)", "1"), ("x$(A)y$(A)", "x1y1"), ("$$(A)", "$(A)"), ("$$$(A)", "$1"), ("$(NONE)", "$(NONE)"), ("$A", "$A"),
    ("$(A", "$(A"), ("a$", "a$"), ("$$", "$"), ("$()", "$()"), ("", ""),
  ]

  @Test(arguments: texts) func references(_ text: String, _ expected: String) {
    #expect(values([["name": "A", "value": "1"], ["name": "V", "value": .string(text)]])["V"] == expected)
  }

  @Test func laterSourcesWinAndOwnVariablesWinOverThem() {
    let sources: JSONValue = [
      ["configMapRef": ["name": "settings"]], ["secretRef": ["name": "keys"]],
      ["prefix": "P_", "configMapRef": ["name": "settings"]],
    ]
    let result = values([["name": "B", "value": "own $(B)"]], from: sources, image: ["A": "image", "Z": "image"])
    #expect(result == ["A": "secret", "B": "own b", "P_A": "map", "P_B": "b", "Z": "image"])
  }

  @Test func anOptionalSourceThatGivesNothingLeavesTheVariableAsItIs() {
    let missing: JSONValue = ["configMapKeyRef": ["name": "settings", "key": "none", "optional": true]]
    let result = values([
      ["name": "V", "value": "before"], ["name": "V", "valueFrom": missing], ["name": "W", "valueFrom": missing],
      ["name": "R", "value": "$(V) $(W)"],
    ])
    #expect(result == ["V": "before", "R": "before $(W)"])
  }
}
