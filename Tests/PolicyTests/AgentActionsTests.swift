import JSON
import OdigosObjects
import Policy
import Testing

@Suite struct AgentActionsTests {
  static func action(_ name: String, _ spec: JSONValue) -> AgentActionFacts? {
    var action = Action(name: name, namespace: "odigos-system")
    action.json["spec"] = spec
    return AgentActionFacts(action)
  }

  static func merge(_ specs: [JSONValue], _ language: ProgrammingLanguage = .python) -> JSONObject {
    let actions = specs.enumerated().compactMap { action("a\($0.offset)", $0.element) }
    return AgentActions.merge(
      actions, workload: WorkloadReference(namespace: "shop", kind: .deployment, name: "web"), language: language)
  }

  static let cases: [(String, [JSONValue], JSONObject)] = [
    ("none", [], [:]),
    (
      "templates of the scope are united",
      [
        ["urlTemplatization": ["rules": [["templates": ["/a/{id}"]], ["templates": ["/b"]]]]],
        ["urlTemplatization": ["rules": [["templates": ["/b", "/c"]]]]],
        ["urlTemplatization": ["rules": [["scopes": ["namespaces": ["other"]], "templates": ["/d"]]]]],
      ], ["urlTemplatization": ["templatizationRules": ["/a/{id}", "/b", "/c"]]]
    ),
    (
      "defaults are OR-ed and their codes united",
      [
        [
          "urlTemplatization": [
            "default": [
              ["disabled": false, "skipPolicy": ["skipHttpStatusCodes": [404]]],
              ["skipPolicy": ["skipForNonSuccessCodes": true, "skipHttpStatusCodes": [401, 404]]],
            ]
          ]
        ]
      ],
      [
        "urlTemplatization": [
          "templatizationRules": [],
          "default": [
            "disabled": false,
            "skipPolicy": ["skipForNonSuccessCodes": true, "skipHttpStatusCodes": [401, 404]],
          ],
        ]
      ]
    ),
    (
      "renaming by language and scope",
      [
        [
          "spanRenamer": [
            "programmingLanguage": "python", "scopeName": "flask",
            "regexReplacements": [["regexPattern": "a", "templateText": "b"]],
          ]
        ],
        [
          "spanRenamer": [
            "programmingLanguage": "python", "scopeName": "flask",
            "regexReplacements": [
              ["regexPattern": "a", "templateText": "b"], ["regexPattern": "c", "templateText": "d"],
            ],
          ]
        ],
        ["spanRenamer": ["programmingLanguage": "java", "scopeName": "spring", "regexReplacements": []]],
      ],
      [
        "spanRenamer": [
          "scopeRules": [
            [
              "scopeName": "flask",
              "regexReplacements": [
                ["regexPattern": "a", "templateText": "b"], ["regexPattern": "c", "templateText": "d"],
              ],
            ]
          ]
        ]
      ]
    ),
  ]

  @Test(arguments: cases) func merges(_ title: String, _ specs: [JSONValue], _ expected: JSONObject) {
    #expect(Self.merge(specs) == expected)
  }

  @Test(
    arguments: [
      ["disabled": true, "spanRenamer": [:]], ["signals": ["LOGS"], "spanRenamer": [:]], ["deleteAttribute": [:]],
    ] as [JSONValue]) func otherActionsAreNoneOfTheAgents(_ spec: JSONValue)
  { #expect(Self.action("a", spec) == nil) }

  @Test func agentsAreTold() {
    var facts = AgentPolicyTests.facts([AgentPolicyTests.python()])
    let before = AgentPolicy.decide(facts)
    facts.actions = [Self.action("a", ["urlTemplatization": ["rules": [["templates": ["/a/{id}"]]]]])].compactMap(
      \.self)
    let verdict = AgentPolicy.decide(facts)
    #expect(verdict.containers.first?.traces?.at("urlTemplatization", "templatizationRules") == ["/a/{id}"])
    #expect(verdict.agentsMetaHash == before.agentsMetaHash)
  }
}
