import JSON
import OdigosObjects
import Testing

@Suite struct ConditionTests {
  @Test func keepsTheTransitionTimeWhileTheStatusStays() {
    let first = Condition(type: "Ready", status: .no, reason: "Waiting", message: "", now: "2025-01-01T00:00:00Z")
    let same = Condition(type: "Ready", status: .no, reason: "StillWaiting", message: "", now: "2025-01-02T00:00:00Z")
    let changed = Condition(type: "Ready", status: .yes, reason: "Done", message: "", now: "2025-01-03T00:00:00Z")

    let conditions = [first].setting(same)
    #expect(conditions.condition("Ready")?.reason == "StillWaiting")
    #expect(conditions.condition("Ready")?.lastTransitionTime == "2025-01-01T00:00:00Z")
    #expect(conditions.setting(changed).condition("Ready")?.lastTransitionTime == "2025-01-03T00:00:00Z")
  }

  @Test func unknownFieldsSurviveChangesOfKnownOnes() {
    var source = Source(json: ["metadata": ["name": "a"], "spec": ["workload": ["name": "cart"], "future": [1, 2]]])
    source.spec.disableInstrumentation = true
    source.spec.workload?.kind = "Deployment"
    #expect(
      source.json["spec"] == [
        "workload": ["name": "cart", "kind": "Deployment"], "future": [1, 2], "disableInstrumentation": true,
      ])
  }
}
