import JSON
import Policy
import Testing

/// A Source as its author writes it.
private func source(
  kind: JSONValue? = "Deployment", name: JSONValue? = "web", namespace: JSONValue? = "shop",
  labels: JSONValue? = nil, spec: [(String, JSONValue)] = [], metadata: [(String, JSONValue)] = []
) -> JSONValue {
  var source: JSONValue = ["metadata": ["name": "s", "namespace": "shop"], "spec": ["workload": [:]]]
  source.set(["spec", "workload", "kind"], kind)
  source.set(["spec", "workload", "name"], name)
  source.set(["spec", "workload", "namespace"], namespace)
  source.set(["metadata", "labels"], labels)
  for (key, value) in spec { source.set(["spec", key], value) }
  for (key, value) in metadata { source.set(["metadata", key], value) }
  return source
}

/// The same with everything that the defaulting fills in.
private func completed(_ source: JSONValue, in namespace: String = "shop") throws -> JSONValue {
  try SourceAdmission.defaults(source, namespace: namespace).patch.applied(to: source)
}

@Suite struct SourceDefaultsTests {
  static let labels: [(source: JSONValue, labels: JSONValue)] = [
    (
      source(),
      [
        "odigos.io/workload-name": "web", "odigos.io/workload-namespace": "shop",
        "odigos.io/workload-kind": "Deployment", "odigos.io/data-stream-default": "true",
      ]
    ),
    (
      source(labels: ["team": "a", "odigos.io/workload-name": "other", "odigos.io/data-stream-b": "false"]),
      [
        "team": "a", "odigos.io/workload-name": "web", "odigos.io/data-stream-b": "false",
        "odigos.io/workload-namespace": "shop", "odigos.io/workload-kind": "Deployment",
      ]
    ),
    (
      source(
        name: "web-.*", labels: ["odigos.io/workload-name": "x", "odigos.io/data-stream-a": "true"],
        spec: [("matchWorkloadNameAsRegex", true)]),
      [
        "odigos.io/data-stream-a": "true", "odigos.io/workload-namespace": "shop",
        "odigos.io/workload-kind": "Deployment",
      ]
    ),
    // A workload's name may be longer than the value of a label.
    (
      source(name: .string(String(repeating: "n", count: 64))),
      [
        "odigos.io/workload-namespace": "shop", "odigos.io/workload-kind": "Deployment",
        "odigos.io/data-stream-default": "true",
      ]
    ),
  ]

  @Test(arguments: labels.indices) func labelsFollowTheSpec(_ index: Int) throws {
    let (source, labels) = Self.labels[index]
    let once = try completed(source)
    #expect(once.at("metadata", "labels") == labels)
    #expect(once["spec"] == source["spec"])
    #expect(SourceAdmission.defaults(once, namespace: "shop").patch.operations.isEmpty)
  }

  @Test func whatWasCorrectedIsSaid() {
    let defaults = SourceAdmission.defaults(source(labels: ["odigos.io/workload-name": "other"]), namespace: "shop")
    #expect(defaults.warnings == [#"label odigos.io/workload-name was "other"; it follows spec.workload"#])
  }

  @Test func namespaceAndSpellingOfTheKindAreCompleted() throws {
    let done = try completed(source(kind: "daemonset", namespace: nil))
    #expect(done.at("spec", "workload") == ["kind": "DaemonSet", "name": "web", "namespace": "shop"])
    #expect(done.at("metadata", "labels", "odigos.io/workload-kind") == "DaemonSet")
    #expect(try completed(source(kind: "namespace", name: "shop")).at("spec", "workload", "kind") == "Namespace")
  }

  @Test func deletionWillNotWaitForUs() throws {
    let done = try completed(
      source(metadata: [("finalizers", ["odigos.io/source-instrumentation-finalizer", "other.io/keep"])]))
    #expect(done.at("metadata", "finalizers") == ["other.io/keep"])
    #expect(try completed(source()).at("metadata", "finalizers") == nil)
  }

  static let leftAlone: [JSONValue] = [
    [:], ["spec": 7], ["spec": ["workload": "web"]], ["metadata": ["labels": 1]],
    source(metadata: [("deletionTimestamp", "2025-01-01T00:00:00Z")]),
  ]

  @Test(arguments: leftAlone) func shapesThatTheSchemaRefusesAreLeftAlone(_ source: JSONValue) {
    #expect(SourceAdmission.defaults(source, namespace: "shop") == ObjectDefaults())
  }
}

@Suite struct SourceValidationTests {
  private func verdict(
    _ source: JSONValue, old: JSONValue? = nil, in namespace: String = "shop", others: [SourceFacts] = []
  ) -> ObjectVerdict {
    SourceAdmission.validate(
      source, old: old, namespace: namespace, ownNamespace: "odigos-system", others: others)
  }

  static let good: [JSONValue] = [
    source(), source(kind: "Rollout"), source(kind: "Namespace", name: "shop"),
    source(name: "web-[a-z]+", spec: [("matchWorkloadNameAsRegex", true)]),
    source(spec: [("disableInstrumentation", true), ("otelServiceName", "checkout")]),
    source(name: .string(String(repeating: "n", count: 200))),
    source(labels: ["odigos.io/data-stream-a": "true", "odigos.io/data-stream-b": "false"]),
    source(spec: [("containerOverrides", [["containerName": "a"], ["containerName": "b"]])]),
  ]

  @Test(arguments: good) func whatWasCompletedPasses(_ source: JSONValue) throws {
    #expect(verdict(try completed(source)) == ObjectVerdict())
  }

  static let bad: [(source: JSONValue, field: String, words: String)] = [
    (source(kind: nil), "spec.workload.kind", "missing"), (source(name: ""), "spec.workload.name", "missing"),
    (source(kind: "ReplicaSet"), "spec.workload.kind", "use Namespace, Deployment"),
    (source(namespace: "bank"), "metadata.namespace", "create it in bank"),
    (source(kind: "Namespace", name: "bank"), "spec.workload.name", "write shop"),
    (
      source(kind: "Namespace", name: "shop", spec: [("otelServiceName", "x")]), "spec.otelServiceName",
      "a workload's Source"
    ),
    (
      source(kind: "Namespace", name: "shop", spec: [("matchWorkloadNameAsRegex", true)]),
      "spec.matchWorkloadNameAsRegex", "leave it out"
    ),
    (
      source(name: "web-(", spec: [("matchWorkloadNameAsRegex", true)]), "spec.workload.name",
      "cannot be used"
    ),
    (source(labels: ["odigos.io/data-stream-a": "false"]), "metadata.labels", "no data stream"),
    (
      source(labels: ["odigos.io/data-stream-a": "true", "odigos.io/data-stream-b": "yes"]),
      "metadata.labels[odigos.io/data-stream-b]", #"write "true" or "false""#
    ),
    (
      source(labels: ["odigos.io/data-stream-": "true"]), "metadata.labels[odigos.io/data-stream-]", "name is missing"
    ),
    (
      source(spec: [("containerOverrides", [["containerName": "a"], ["containerName": "a"]])]),
      "spec.containerOverrides[1].containerName", "keep one"
    ),
  ]

  @Test(arguments: bad.indices) func whatIsWrongNamesFieldAndFix(_ index: Int) throws {
    let (source, field, words) = Self.bad[index]
    let verdict = verdict(try completed(source))
    #expect(verdict.problems.map(\.field) == [field])
    #expect(verdict.message.contains(words), "\(verdict.message)")
  }

  /// The defaulting may not have been asked: its webhook was away.
  @Test func labelsMustFollowTheSpecWhoeverWroteThem() throws {
    var unlabelled = source()
    let missing = verdict(unlabelled)
    #expect(missing.problems.count == 4)
    #expect(missing.message.contains(#"metadata.labels[odigos.io/workload-name]: it must be "web""#))
    unlabelled = try completed(source(name: "a.*", spec: [("matchWorkloadNameAsRegex", true)]))
    unlabelled.set(["metadata", "labels", "odigos.io/workload-name"], "a")
    #expect(verdict(unlabelled).message.contains("remove it"))
    #expect(verdict(try completed(source(kind: "Job")).replacing("kind", "job")).message.contains("written Job"))
  }

  static let changes: [(field: String, change: @Sendable (JSONValue) -> JSONValue)] = [
    ("spec.workload.name", { $0.replacing("name", "api") }),
    ("spec.workload.kind", { $0.replacing("kind", "StatefulSet") }),
    ("spec.workload.namespace", { $0.replacing("namespace", "bank") }),
    (
      "spec.matchWorkloadNameAsRegex",
      { source in
        var source = source
        source.set(["spec", "matchWorkloadNameAsRegex"], true)
        return source
      }
    ),
  ]

  @Test(arguments: changes.indices) func whatItIsAboutCannotChange(_ index: Int) throws {
    let old = try completed(source())
    let (field, change) = Self.changes[index]
    let verdict = verdict(try completed(change(old)), old: old)
    #expect(verdict.problems.contains { $0.field == field && $0.message.contains("delete this Source") })
    #expect(self.verdict(old, old: old).isAllowed)
    #expect(self.verdict(try completed(source(kind: "deployment")), old: source(kind: "deployment")).isAllowed)
  }

  @Test func oneThatIsBeingDeletedMayAlwaysChange() throws {
    let old = try completed(source(namespace: "bank"))
    var new = old.replacing("name", "other")
    new.set(["metadata", "deletionTimestamp"], "2025-01-01T00:00:00Z")
    #expect(verdict(new, old: old).isAllowed)
  }

  private static func facts(_ name: String, expression: Bool = false, deleting: Bool = false) -> SourceFacts {
    SourceFacts(
      name: "other", namespace: "shop", target: .workload(.deployment), workloadName: name,
      matchesByExpression: expression, isBeingDeleted: deleting)
  }

  static let neighbours: [(new: JSONValue, other: SourceFacts, collides: Bool)] = [
    (source(), facts("web"), true), (source(), facts("api"), false), (source(), facts("web", deleting: true), false),
    (source(kind: "StatefulSet"), facts("web"), false), (source(), facts("w.*", expression: true), true),
    (source(), facts("w", expression: true), false),
    (source(name: "w.b", spec: [("matchWorkloadNameAsRegex", true)]), facts("web"), true),
    (source(name: "w.b", spec: [("matchWorkloadNameAsRegex", true)]), facts("w.b", expression: true), false),
    (source(kind: "Namespace", name: "shop"), facts("web"), false),
    (
      source(kind: "Namespace", name: "shop"),
      SourceFacts(name: "other", namespace: "shop", target: .namespace, workloadName: "shop"), true
    ),
  ]

  @Test(arguments: neighbours.indices) func twoAboutOneWorkloadAreOneTooMany(_ index: Int) throws {
    let (new, other, collides) = Self.neighbours[index]
    let source = try completed(new)
    let verdict = verdict(source, others: [other])
    #expect(verdict.isAllowed == !collides)
    if collides { #expect(verdict.message.contains("Source other")) }
    // Those that are there already can still be changed, such as disabled.
    #expect(self.verdict(source, old: source, others: [other]).isAllowed)
  }

  @Test func itsAuthorIsWarnedOfWhatHasNoEffect() throws {
    for namespace in ["kube-system", "odigos-system"] {
      let source = try completed(source(namespace: .string(namespace)), in: namespace)
      let verdict = verdict(source, in: namespace)
      #expect(verdict.isAllowed && verdict.warnings.count == 1)
    }
    let unknown = source(spec: [
      ("containerOverrides", [["containerName": "a", "otelDistroName": "java-enterprise"]])
    ])
    #expect(verdict(try completed(unknown)).warnings.first?.contains("java-enterprise") == true)
  }
}

extension JSONValue {
  /// With another `spec.workload` member.
  fileprivate func replacing(_ field: String, _ value: JSONValue) -> JSONValue {
    var copy = self
    copy.set(["spec", "workload", field], value)
    return copy
  }
}

@Suite struct ActionAdmissionTests {
  private func action(_ blocks: [String], metadata: JSONValue = [:]) -> JSONValue {
    var action: JSONValue = ["metadata": metadata, "spec": ["signals": ["TRACES"], "actionName": "x"]]
    for block in blocks { action.set(["spec", block], [:]) }
    return action
  }

  static let cases: [(blocks: [String], namespace: String, fields: [String], words: String)] = [
    (["addClusterInfo"], "odigos-system", [], ""), (["spanRenamer"], "odigos-system", [], ""),
    ([], "odigos-system", ["spec"], "add one of addClusterInfo"),
    (["addClusterInfo", "piiMasking"], "odigos-system", ["spec"], "addClusterInfo and piiMasking"),
    (["deleteAttribute"], "shop", ["metadata.namespace"], "create it in odigos-system"),
    ([], "shop", ["metadata.namespace", "spec"], "it does nothing"),
  ]

  @Test(arguments: cases.indices) func hasOneBlockWhereItIsLookedFor(_ index: Int) {
    let (blocks, namespace, fields, words) = Self.cases[index]
    let verdict = ActionAdmission.validate(
      action(blocks), old: nil, namespace: namespace, ownNamespace: "odigos-system")
    #expect(verdict.problems.map(\.field) == fields)
    #expect(words.isEmpty || verdict.message.contains(words))
  }

  @Test func whatDoesNotChangeTheSpecPasses() {
    let old = action([])
    let labelled = action([], metadata: ["labels": ["a": "b"]])
    #expect(ActionAdmission.validate(labelled, old: old, namespace: "shop", ownNamespace: "o").isAllowed)
    let deleted = action([], metadata: ["deletionTimestamp": "2025-01-01T00:00:00Z"])
    #expect(ActionAdmission.validate(deleted, old: action(["x"]), namespace: "shop", ownNamespace: "o").isAllowed)
  }
}
