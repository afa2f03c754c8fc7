import InjectionProperties
import Testing

/// What holds for every pod, whatever it looks like. `make fuzz` checks many more of them.
@Suite struct InjectionPropertyTests {
  static let seeds: [UInt64] = (0..<8).map { 1 + $0 * 250 }

  @Test(arguments: seeds) func holdForGeneratedPods(_ seed: UInt64) {
    // 8 times 250.
    let applier = IndependentPatch.absence == nil ? IndependentPatch() : nil
    if applier == nil, seed == Self.seeds[0] {
      print("patches are not applied by another implementation: \(IndependentPatch.absence ?? "it does not start")")
    }
    let failures = InjectionRun(seed: seed, count: 250).run(applier) { Issue.record("\($0)") }
    #expect(failures == 0)
  }

  @Test(arguments: [42, 4242] as [UInt64]) func oneNumberMakesOneCase(_ seed: UInt64) throws {
    let (one, other) = (try InjectionCase(seed: seed), try InjectionCase(seed: seed))
    let patches = (try one.check().patch, try other.check().patch)
    #expect(one.pod == other.pod && patches.0 == patches.1)
    #expect(try InjectionCase(seed: seed + 1).pod != one.pod)
  }

  @Test func anotherImplementationSeesWrongPatches() throws {
    guard IndependentPatch.absence == nil, let applier = IndependentPatch() else { return }
    let item = try InjectionCase(seed: 1)
    var wrong = try item.check()
    let right = applier.differences([(item.pod, wrong)])
    wrong.pod.set(["spec", "unplanned"], true)
    let different = applier.differences([(item.pod, wrong)])
    wrong.patch = Array(#"[{"op":"remove","path":"/not/there"}]"#.utf8)
    #expect(right == [nil] && different.first??.contains("unplanned") == true)
    #expect(applier.differences([(item.pod, wrong)]).first??.contains("JsonP") == true)
  }
}
