import JSON
import KubeObjects
import Policy
import Testing

/// What holds for every pod, whatever it looks like.
@Suite struct InjectionPropertyTests {
  static let casesPerSeed = 250

  struct Sample {
    var pod: JSONValue
    var injected: JSONValue
    var facts: InjectionFacts
    var plan: InjectionPlan
  }

  private func forEachSample(seed: UInt64, _ body: (Sample) throws -> Void) throws {
    var generator = PodGenerator(seed: seed)
    for _ in 0..<Self.casesPerSeed {
      let pod = generator.pod()
      let view = try JSONDocument(parsing: pod.serialized()).root
      let facts = try generator.facts(for: try #require(WorkloadOwner(pod: view, namespace: "shop")))
      let (injected, plan) = try inject(pod, facts)
      try body(Sample(pod: pod, injected: injected, facts: facts, plan: plan))
    }
  }

  @Test(arguments: 1...8) func injectingAgainChangesNothing(_ seed: UInt64) throws {
    try forEachSample(seed: seed) { sample in
      let again = try inject(sample.injected, sample.facts).plan
      #expect(again.isEmpty, "\(String(decoding: again.patch(), as: UTF8.self)) of \(text(sample.pod))")
    }
  }

  @Test(arguments: 11...18) func removalGivesBackThePod(_ seed: UInt64) throws {
    try forEachSample(seed: seed) { sample in
      let restored = Removal.remove(from: sample.injected) ?? sample.injected
      #expect(restored == sample.pod, "\(text(restored)) of \(text(sample.pod))")
      #expect(Removal.remove(from: restored)?.isNull ?? true)
    }
  }

  @Test(arguments: 21...28) func whatIsNotOursStays(_ seed: UInt64) throws {
    try forEachSample(seed: seed) { sample in
      let (before, after) = (sample.pod, sample.injected)
      for key in before["spec"]?.object?.keys ?? [] where !["containers", "volumes", "affinity"].contains(key) {
        #expect(after.at("spec", key) == before.at("spec", key))
      }
      for key in before["metadata"]?.object?.keys ?? [] where key != "labels" {
        #expect(after.at("metadata", key) == before.at("metadata", key))
      }
      let pairs = zip(before.at("spec", "containers")?.array ?? [], after.at("spec", "containers")?.array ?? [])
      for (old, new) in pairs {
        if !sample.plan.containerNames.contains(old["name"]?.string ?? "") { #expect(old == new) }
        for key in old.object?.keys ?? [] where !["env", "resources", "volumeMounts"].contains(key) {
          #expect(old[key] == new[key])
        }
      }
    }
  }

  @Test(arguments: 31...38) func variablesAreUniqueAndResolve(_ seed: UInt64) throws {
    try forEachSample(seed: seed) { sample in
      for (index, container) in (sample.injected.at("spec", "containers")?.array ?? []).enumerated() {
        let before = sample.pod.at("spec", "containers")?[index]?["env"]?.array ?? []
        var defined: Set<String> = []
        for entry in container["env"]?.array ?? [] where !before.contains(entry) {
          let name = try #require(entry["name"]?.string)
          #expect(!defined.contains(name), "\(name) twice in \(text(container))")
          defined.insert(name)
        }
        try checkReferences(container, before)
      }
    }
  }

  /// Every variable that our own values refer to stands before them.
  private func checkReferences(_ container: JSONValue, _ before: [JSONValue]) throws {
    var defined: Set<String> = []
    for entry in container["env"]?.array ?? [] {
      if let value = entry["value"]?.string, !before.contains(entry) {
        for name in ["NODE_IP", "ODIGOS_NODE_IP", "ODIGOS_POD_NAME", "ORIGINAL_PYTHONPATH"]
        where value.contains("$(\(name))") {
          #expect(defined.contains(name), "\(name) in \(text(container))")
        }
      }
      if let name = entry["name"]?.string { defined.insert(name) }
    }
  }

  private func text(_ value: JSONValue) -> String { String(decoding: value.serialized(), as: UTF8.self) }
}
