import OdigosObjects
import ProcessInspection
import Testing

@testable import Odiglet

/// No first result wins: what odiglets of several nodes see of a container over time.
@Suite struct SeveralLanguagesTests {
  private typealias Seen = (language: RuntimeLanguage, standing: RuntimeStanding)

  private static func pod(
    _ seen: [Seen], id: String = "0123456789abcdef", created: String = "2026-01-01T00:00:00Z", command: String = "c1",
    image: String = "sha256:a"
  ) -> PodObservation {
    var inspection = ContainerInspection()
    inspection.runtimes = seen.map {
      DetectedRuntime(
        language: $0.language, version: "1.2", standing: $0.standing,
        evidence: ["executable /usr/bin/\($0.language)", "standing \($0.standing): words"])
    }
    return PodObservation(
      created: created, containerNames: ["app"],
      containers: [
        ContainerObservation(
          name: "app", image: image, command: command, containerID: id, inspection: inspection,
          imageVariables: .success([:]))
      ])
  }

  private static func languages(_ details: [RuntimeDetails]) -> [String] {
    guard let first = details.first else { return [] }
    let others = first.evidence.filter { $0.hasPrefix("also ") }.compactMap {
      $0.split(separator: " ").dropFirst().first
    }
    return [first.language ?? ""] + others.map(String.init)
  }

  /// What one odiglet sees of one container, one after the other.
  @Test(
    arguments: [
      (
        "a script runs before the application", [[(.python, .started)], [(.java, .started)], [(.java, .running)]],
        ["java", "python"]
      ),
      (
        "a long script runs before the application", [[(.python, .running)], [(.java, .started)], [(.java, .running)]],
        ["java", "python"]
      ),
      (
        "a listener becomes another program", [[(.python, .listening), (.ruby, .running)], [(.java, .running)]],
        ["java", "ruby", "python"]
      ),
      (
        "a helper comes and goes",
        [[(.java, .running)], [(.java, .running), (.python, .started)], [(.java, .running)]],
        ["java", "python"]
      ),
      ("a probe alone is seen", [[(.java, .running)], [(.python, .started)]], ["java", "python"]),
      (
        "the listener shows late",
        [[(.javascript, .running), (.python, .running)], [(.python, .listening), (.javascript, .running)]],
        ["python", "javascript"]
      ),
      (
        "a database with a script", [[(.python, .started)], [(.postgres, .running), (.python, .started)]],
        ["postgres", "python"]
      ),
      (
        "an application that brings nginx along",
        [[(.nginx, .listening)], [(.python, .running), (.nginx, .listening)]],
        ["python", "nginx"]
      ),
      ("nothing is seen any more", [[(.java, .running)], []], ["java"]),
    ] as [(String, [[(RuntimeLanguage, RuntimeStanding)]], [String])])
  func ranksWhatAContainerShowsOverTime(what: String, seen: [[(RuntimeLanguage, RuntimeStanding)]], end: [String]) {
    var details: [RuntimeDetails] = []
    for one in seen { details = RuntimeReport.joined(details, [Self.pod(one.map { ($0.0, $0.1) })]) }
    #expect(Self.languages(details) == end)
    // Seen again, nothing changes.
    if let last = seen.last {
      #expect(RuntimeReport.joined(details, [Self.pod(last.map { ($0.0, $0.1) })]) == details)
    }
  }

  @Test func anotherCommandOfTheSameImageIsDetectedAnew() {
    let old = Self.pod([(.python, .listening)], created: "2026-01-01T00:00:00Z", command: "c1")
    let new = Self.pod([(.javascript, .running)], id: "ff", created: "2026-01-02T00:00:00Z", command: "c2")
    let recorded = RuntimeReport.joined([], [old])
    let changed = RuntimeReport.joined(recorded, [new])
    #expect(Self.languages(changed) == ["javascript"])
    // The old pod is still there while the workload rolls.
    #expect(RuntimeReport.joined(changed, [old]) == changed)
  }

  @Test func detailsOfOlderVersionsAreOfAnyCommand() {
    let recorded = RuntimeReport.joined([], [Self.pod([(.python, .running)], command: "")])
    let same = RuntimeReport.joined(recorded, [Self.pod([(.python, .running)], created: "2026-01-02T00:00:00Z")])
    #expect(Self.languages(same) == ["python"])
  }

  /// Replicas that disagree: whoever writes when, all come to the same end, and it stays.
  @Test func replicasThatDisagreeComeToOneEnd() {
    let seen: [Seen] = [
      (.python, .running), (.java, .listening), (.javascript, .listening), (.ruby, .started), (.nginx, .listening),
    ]
    for _ in 0..<200 {
      let pods = (0..<4).map { number in
        Self.pod(
          [seen.randomElement() ?? seen[0]], id: "\(number)00000000000000",
          created: "2026-01-0\(number % 2 + 1)T00:00:00Z")
      }
      var ends: Set<String> = []
      for _ in 0..<3 {
        var recorded: [RuntimeDetails] = []
        for _ in 0..<4 { for pod in pods.shuffled() { recorded = RuntimeReport.joined(recorded, [pod]) } }
        for pod in pods { #expect(RuntimeReport.joined(recorded, [pod]) == recorded) }
        ends.insert(recorded.first?.language ?? "")
      }
      #expect(ends.count == 1)
    }
  }

  @Test(
    arguments: [
      ([], nil, false, InspectionSchedule.patience, false),
      ([(.python, .running)], nil, true, .zero, true), ([(.python, .running)], "python", true, .zero, false),
      ([(.python, .started)], nil, false, InspectionSchedule.scriptPatience, true),
      ([(.python, .started)], "python", false, .zero, false),
      ([(.python, .running), (.ruby, .running)], "python", false, .zero, false),
      ([(.python, .listening), (.ruby, .running)], "python", true, .zero, false),
      ([(.python, .launching)], nil, false, InspectionSchedule.scriptPatience, true),
    ] as [([(RuntimeLanguage, RuntimeStanding)], String?, Bool, Duration, Bool)])
  func judgesWhetherToLookAgain(
    seen: [(RuntimeLanguage, RuntimeStanding)], known: String?, isCertain: Bool, patience: Duration, isNews: Bool
  ) throws {
    var observation = try #require(Self.pod(seen.map { ($0.0, $0.1) }).containers.first)
    let verdict = InspectionVerdict(observation, known: known)
    #expect(verdict.isCertain == isCertain)
    #expect(verdict.patience == patience)
    #expect(verdict.isNews == isNews)
    observation.imageVariables = .failure(ContainerRuntimeError("no socket"))
    #expect(!InspectionVerdict(observation, known: known).isCertain)
  }

  @Test func aVariableThatIsTooLongIsNotTakenForAbsent() {
    var pod = Self.pod([(.python, .running)])
    pod.containers[0].inspection.oversizedVariables = ["PYTHONPATH"]
    let details = RuntimeReport.joined([], [pod])
    #expect(details.first?.criErrorMessage == "the process's PYTHONPATH is too long")
  }
}
