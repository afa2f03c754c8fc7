import JSON
import OdigosObjects
import ProcessInspection
import TestSupport
import Testing

@testable import Odiglet

@Suite struct RuntimeReportTests {
  /// A pod with one container `app`.
  private static func pod(
    _ created: String, image: String = "sha256:a", command: String = "", id: String = "", container: String = "app",
    names: [String]? = nil,
    runtimes: [(RuntimeLanguage, String)] = [(.python, "3.11")], standing: RuntimeStanding = .running,
    secure: Bool? = false,
    environment: [CapturedVariable: String] = [:],
    imageVariables: Result<[CapturedVariable: String], ContainerRuntimeError> = .success([:]), agents: [String] = []
  ) -> PodObservation {
    var inspection = ContainerInspection()
    inspection.runtimes = runtimes.map {
      DetectedRuntime(
        language: $0.0, version: $0.1, standing: standing,
        evidence: ["executable /usr/bin/\($0.0)", "standing \(standing): words"])
    }
    inspection.isSecure = secure
    inspection.environment = environment
    inspection.otherAgents = agents
    inspection.executables = ["sh"]
    return PodObservation(
      created: created, containerNames: names ?? [container],
      containers: [
        ContainerObservation(
          name: container, image: image, command: command, containerID: id, inspection: inspection,
          imageVariables: imageVariables)
      ])
  }

  @Test func reportsWhatWasFound() {
    let details = RuntimeReport.joined(
      [],
      [
        Self.pod(
          "2026-01-01T00:00:00Z", command: "c0ffee", id: "0123456789abcdef", environment: [.pythonPath: "/app"],
          imageVariables: .success([.pythonPath: "/app"]),
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
            "image sha256:a", "command c0ffee", "pod created 2026-01-01T00:00:00Z", "container 0123456789ab",
            "executable /usr/bin/python", "standing running: words",
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
  }

  @Test func completesWhatIsKnownOfAnImage() {
    let first = RuntimeReport.joined([], [Self.pod("2026-01-01T00:00:00Z", runtimes: [(.python, "")])])
    let second = RuntimeReport.joined(
      first, [Self.pod("2026-01-02T00:00:00Z", runtimes: [(.python, "3.11.4")], secure: true)])
    #expect(second.first?.runtimeVersion == "3.11.4")
    #expect(second.first?.secureExecutionMode == true)
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
    #expect(details.first?.evidence.last == "also python 3.11: executable /usr/bin/python; standing running: words")
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
    func isSettled(_ image: String, _ created: String, _ recorded: [RuntimeDetails], command: String = "") -> Bool {
      let container = NodePod.Container(name: "app", runningID: "x", image: image, command: command)
      return RuntimeReport.isSettled(recorded, container, podCreated: created)
    }
    #expect(isSettled("sha256:b", "2026-01-02T00:00:00Z", recorded))
    #expect(isSettled("sha256:b", "2026-01-09T00:00:00Z", recorded))
    #expect(isSettled("sha256:a", "2026-01-01T00:00:00Z", recorded))
    #expect(!isSettled("sha256:c", "2026-01-03T00:00:00Z", recorded))
    #expect(!isSettled("sha256:b", "2026-01-02T00:00:00Z", []))
    let unknown = RuntimeReport.joined([], [Self.pod("2026-01-02T00:00:00Z", image: "sha256:b", runtimes: [])])
    #expect(!isSettled("sha256:b", "2026-01-02T00:00:00Z", unknown))
    let young = RuntimeReport.joined([], [Self.pod("2026-01-02T00:00:00Z", image: "sha256:b", standing: .started)])
    #expect(!isSettled("sha256:b", "2026-01-02T00:00:00Z", young))
    let several = RuntimeReport.joined(
      [], [Self.pod("2026-01-02T00:00:00Z", image: "sha256:b", runtimes: [(.java, ""), (.python, "")])])
    #expect(!isSettled("sha256:b", "2026-01-02T00:00:00Z", several))
    let commanded = RuntimeReport.joined([], [Self.pod("2026-01-02T00:00:00Z", image: "sha256:b", command: "1")])
    #expect(isSettled("sha256:b", "2026-01-02T00:00:00Z", commanded, command: "1"))
    #expect(!isSettled("sha256:b", "2026-01-03T00:00:00Z", commanded, command: "2"))
  }
}
