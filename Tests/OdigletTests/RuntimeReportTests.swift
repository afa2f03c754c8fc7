import JSON
import OdigosObjects
import ProcessInspection
import TestSupport
import Testing

@testable import Odiglet

@Suite struct RuntimeReportTests {
  /// A pod with one container `app`.
  private static func pod(
    _ created: String, image: String = "sha256:a", container: String = "app", names: [String]? = nil,
    runtimes: [(RuntimeLanguage, String)] = [(.python, "3.11")], secure: Bool? = false,
    environment: [CapturedVariable: String] = [:],
    imageVariables: Result<[CapturedVariable: String], ContainerRuntimeError> = .success([:]), agents: [String] = []
  ) -> PodObservation {
    var inspection = ContainerInspection()
    inspection.runtimes = runtimes.map {
      DetectedRuntime(language: $0.0, version: $0.1, evidence: ["executable /usr/bin/\($0.0)"])
    }
    inspection.isSecure = secure
    inspection.environment = environment
    inspection.otherAgents = agents
    inspection.executables = ["sh"]
    return PodObservation(
      created: created, containerNames: names ?? [container],
      containers: [
        ContainerObservation(
          name: container, image: image, inspection: inspection, imageVariables: imageVariables)
      ])
  }

  @Test func reportsWhatWasFound() {
    let details = RuntimeReport.joined(
      [],
      [
        Self.pod(
          "2026-01-01T00:00:00Z", environment: [.pythonPath: "/app"], imageVariables: .success([.pythonPath: "/app"]),
          agents: ["Datadog Agent"])
      ])
    #expect(
      details.map(\.json) == [
        [
          "containerName": "app", "language": "python", "runtimeVersion": "3.11", "secureExecutionMode": false,
          "envVars": [["name": "PYTHONPATH", "value": "/app"]],
          "envFromContainerRuntime": [["name": "PYTHONPATH", "value": "/app"]],
          "otherAgents": [["name": "Datadog Agent"]],
          "evidence": [
            "image sha256:a", "pod created 2026-01-01T00:00:00Z", "executable /usr/bin/python",
          ],
        ]
      ])
  }

  @Test func saysWhatRunsWhereNoLanguageIsKnown() {
    let details = RuntimeReport.joined([], [Self.pod("2026-01-01T00:00:00Z", runtimes: [])])
    #expect(details.first?.language == "unknown")
    #expect(details.first?.evidence.last == "no known language among: sh")
  }

  @Test func addsNothingTwice() {
    let pod = Self.pod("2026-01-01T00:00:00Z", environment: [.preload: "/x.so"], agents: ["New Relic Agent"])
    let once = RuntimeReport.joined([], [pod])
    #expect(RuntimeReport.joined(once, [pod]) == once)
    #expect(RuntimeReport.joined(once, [Self.pod("2026-01-02T00:00:00Z")]) == once)
  }

  @Test func onlyAddsToWhatIsKnownOfAnImage() {
    let first = RuntimeReport.joined(
      [], [Self.pod("2026-01-01T00:00:00Z", runtimes: [(.python, "")], environment: [.pythonPath: "/a"])])
    let second = RuntimeReport.joined(
      first,
      [
        Self.pod(
          "2026-01-02T00:00:00Z", runtimes: [(.python, "3.11.4")], secure: true,
          environment: [.pythonPath: "/b", .preload: "/x.so"])
      ])
    #expect(second.first?.runtimeVersion == "3.11.4")
    #expect(second.first?.secureExecutionMode == true)
    #expect(second.first?.envVars.map(\.value) == ["/a", "/x.so"])
    let third = RuntimeReport.joined(second, [Self.pod("2026-01-03T00:00:00Z", runtimes: [], secure: false)])
    #expect(third == second)
  }

  @Test func replacesUnknown() {
    let unknown = RuntimeReport.joined([], [Self.pod("2026-01-01T00:00:00Z", runtimes: [])])
    let known = RuntimeReport.joined(unknown, [Self.pod("2026-01-01T00:00:00Z")])
    #expect(known.first?.language == "python")
    #expect(RuntimeReport.joined(known, [Self.pod("2026-01-01T00:00:00Z", runtimes: [])]) == known)
  }

  @Test func replacesAnErrorOfTheContainerRuntime() {
    let failed = RuntimeReport.joined(
      [], [Self.pod("2026-01-01T00:00:00Z", imageVariables: .failure(ContainerRuntimeError("no socket")))])
    #expect(failed.first?.criErrorMessage == "no socket")
    let answered = RuntimeReport.joined(
      failed, [Self.pod("2026-01-01T00:00:00Z", imageVariables: .success([.pythonPath: "/app"]))])
    #expect(answered.first?.criErrorMessage == nil)
    #expect(answered.first?.envFromContainerRuntime.map(\.value) == ["/app"])
    #expect(
      RuntimeReport.joined(
        answered, [Self.pod("2026-01-01T00:00:00Z", imageVariables: .failure(ContainerRuntimeError("no socket")))])
        == answered)
  }

  @Test func takesTheNewerPodsImage() {
    let old = Self.pod("2026-01-01T00:00:00Z", image: "sha256:a")
    let new = Self.pod("2026-01-02T00:00:00Z", image: "sha256:b", runtimes: [(.java, "21")])
    for order in [[old, new], [new, old]] {
      #expect(RuntimeReport.joined([], order).first?.language == "java")
      var oneByOne: [RuntimeDetails] = []
      for pod in order { oneByOne = RuntimeReport.joined(oneByOne, [pod]) }
      #expect(oneByOne.first?.language == "java")
    }
  }

  /// Nodes write in any order and any number of times; all end at the same list, and none takes back what another said.
  @Test func comesToTheSameEndInWhateverOrder() {
    let pods = [
      Self.pod("2026-01-01T00:00:00Z", image: "sha256:a", runtimes: []),
      Self.pod("2026-01-01T00:00:00Z", image: "sha256:b", runtimes: [(.python, "3.9")]),
      Self.pod("2026-01-03T00:00:00Z", image: "sha256:c", runtimes: [(.javascript, "20.1.0")]),
      Self.pod("2026-01-03T00:00:00Z", image: "sha256:c", runtimes: [], secure: true),
    ]
    for _ in 0..<200 {
      var recorded: [RuntimeDetails] = []
      for _ in 0..<20 { recorded = RuntimeReport.joined(recorded, [pods.randomElement() ?? pods[0]]) }
      for pod in pods.shuffled() { recorded = RuntimeReport.joined(recorded, [pod]) }
      for pod in pods { #expect(RuntimeReport.joined(recorded, [pod]) == recorded) }
      #expect(recorded.first?.language == "javascript")
    }
  }

  @Test func dropsContainersThatTheNewestPodDoesNotHave() {
    let old = Self.pod("2026-01-01T00:00:00Z", container: "old")
    let recorded = RuntimeReport.joined([], [old])
    let renamed = RuntimeReport.joined(recorded, [Self.pod("2026-01-02T00:00:00Z", container: "new")])
    #expect(renamed.compactMap(\.containerName) == ["new"])
    // The old pod is still there while the workload rolls.
    let both = RuntimeReport.joined(renamed, [old])
    #expect(RuntimeReport.joined(both, [Self.pod("2026-01-02T00:00:00Z", container: "new")]) == renamed)
  }

  @Test func keepsContainersThatDoNotRunYet() {
    let recorded = RuntimeReport.joined([], [Self.pod("2026-01-01T00:00:00Z", container: "a", names: ["a", "b"])])
    let pod = PodObservation(created: "2026-01-02T00:00:00Z", containerNames: ["a", "b"], containers: [])
    #expect(RuntimeReport.joined(recorded, [pod]) == recorded)
  }

  @Test func tellsOfSeveralLanguages() throws {
    let details = RuntimeReport.joined(
      [], [Self.pod("2026-01-01T00:00:00Z", runtimes: [(.javascript, "20.1.0"), (.python, "3.11")])])
    #expect(details.first?.language == "javascript")
    #expect(details.first?.evidence.last == "also python 3.11: executable /usr/bin/python")
    let condition = try #require(RuntimeReport.condition(details, now: "now"))
    #expect(condition.reason == "ResolvedFromMultipleLanguages")
    #expect(condition.status == "True")
  }

  @Test func saysHowDetectionStands() throws {
    #expect(RuntimeReport.condition([], now: "now") == nil)
    let details = RuntimeReport.joined(
      [],
      [
        Self.pod("2026-01-01T00:00:00Z", container: "app", names: ["app", "sidecar"]),
        Self.pod("2026-01-01T00:00:00Z", container: "sidecar", names: ["app", "sidecar"], runtimes: []),
      ])
    let condition = try #require(RuntimeReport.condition(details, now: "now"))
    #expect(condition.type == "RuntimeDetection" && condition.reason == "DetectedSuccessfully")
    #expect(condition.message == "app: python 3.11, sidecar: unknown")
  }

  @Test func knowsWhenNothingCanBeAdded() {
    let recorded = RuntimeReport.joined([], [Self.pod("2026-01-02T00:00:00Z", image: "sha256:b")])
    func isSettled(_ image: String, _ created: String, _ recorded: [RuntimeDetails]) -> Bool {
      RuntimeReport.isSettled(recorded, container: "app", image: image, podCreated: created)
    }
    #expect(isSettled("sha256:b", "2026-01-02T00:00:00Z", recorded))
    #expect(isSettled("sha256:b", "2026-01-09T00:00:00Z", recorded))
    #expect(isSettled("sha256:a", "2026-01-01T00:00:00Z", recorded))
    #expect(!isSettled("sha256:c", "2026-01-03T00:00:00Z", recorded))
    #expect(!isSettled("sha256:b", "2026-01-02T00:00:00Z", []))
    let unknown = RuntimeReport.joined([], [Self.pod("2026-01-02T00:00:00Z", image: "sha256:b", runtimes: [])])
    #expect(!isSettled("sha256:b", "2026-01-02T00:00:00Z", unknown))
  }
}

@Suite struct InspectionScheduleTests {
  @Test func looksSoonAndOftenThenSeldomThenNotAtAll() {
    var schedule = InspectionSchedule()
    var now = Duration.zero
    var times: [Duration] = []
    var reported: Duration?
    while times.count < 1000 {
      switch schedule.decision("c", at: now) {
      case .inspect:
        times.append(now)
        if schedule.foundNothing("c", at: now), reported == nil { reported = now }
      case .wait(let delay): now += delay
      case .leave:
        #expect(times.prefix(3) == [.zero, .milliseconds(250), .milliseconds(750)])
        #expect(times.count < 30)
        #expect(reported.map { $0 >= InspectionSchedule.patience && $0 < .seconds(60) } == true)
        return
      }
    }
    Issue.record("it never ends")
  }

  @Test func beginsAnewForAnotherContainer() {
    var schedule = InspectionSchedule()
    let mayReport = schedule.foundNothing("a", at: .zero)
    #expect(!mayReport)
    #expect(schedule.decision("a", at: .zero) == .wait(.milliseconds(250)))
    #expect(schedule.decision("b", at: .zero) == .inspect)
    schedule.keep(only: ["b"])
    #expect(schedule.decision("a", at: .zero) == .inspect)
  }
}
