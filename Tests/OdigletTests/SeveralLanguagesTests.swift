import OdigosObjects
import ProcessInspection
import Testing

@testable import Odiglet

/// No first result wins: what odiglets of several nodes see of a container over time.
@Suite struct SeveralLanguagesTests {
  private typealias Seen = (language: RuntimeLanguage, standing: RuntimeStanding)

  private static func pod(
    _ seen: [Seen], id: String = "0123456789abcdef", created: String = "2026-01-01T00:00:00Z", command: String = "c1",
    image: String = "sha256:a", environment: String = "", variables: [CapturedVariable: String] = [:],
    agents: [String] = []
  ) -> PodObservation {
    var inspection = ContainerInspection()
    inspection.runtimes = seen.map {
      DetectedRuntime(
        language: $0.language, version: "1.2", standing: $0.standing,
        evidence: ["executable /usr/bin/\($0.language)", "standing \($0.standing): words"])
    }
    inspection.environment = variables
    inspection.otherAgents = agents
    inspection.isBlind = false
    return PodObservation(
      created: created, containerNames: ["app"],
      containers: [
        ContainerObservation(
          name: "app", image: image, command: command, environment: environment, containerID: id,
          inspection: inspection,
          imageVariables: .success([:]))
      ])
  }

  private static func languages(_ details: [RuntimeDetails]) -> [String] {
    guard let first = details.first else { return [] }
    let others = first.evidence.filter { $0.hasPrefix("also ") || $0.hasPrefix("earlier ") }.compactMap { line in
      line.split(separator: " ").dropFirst().first.map { line.hasPrefix("also ") ? String($0) : "(\($0))" }
    }
    return [first.language ?? ""] + others
  }

  /// What one odiglet sees of one container, one after the other.
  @Test(
    arguments: [
      (
        "a script runs before the application", [[(.python, .started)], [(.java, .started)], [(.java, .running)]],
        ["java", "(python)"]
      ),
      (
        "a long script runs before the application", [[(.python, .running)], [(.java, .started)], [(.java, .running)]],
        ["java", "(python)"]
      ),
      (
        "a listener becomes another program", [[(.python, .listening), (.ruby, .running)], [(.java, .running)]],
        ["java", "(python)", "(ruby)"]
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
      // For long enough: the odiglet does not tell before.
      ("nothing is seen any more", [[(.java, .running)], []], ["unknown", "(java)"]),
      ("it comes back", [[(.java, .running)], [], [(.java, .running)]], ["unknown", "(java)"]),
      ("it comes back to stay", [[(.java, .running)], [], [(.java, .listening)]], ["java"]),
      (
        "two take turns", [[(.java, .running)], [(.ruby, .running)], [(.java, .running)], [(.ruby, .running)]],
        ["ruby", "(java)"]
      ),
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

  /// Every new pod runs the script first: what the program becomes must not go back and forth with each of them, since
  /// each change may restart the pods.
  @Test func aScriptAtTheStartOfEveryNewPodChangesNothing() {
    var recorded = RuntimeReport.joined([], [Self.pod([(.python, .running)])])
    recorded = RuntimeReport.joined(recorded, [Self.pod([(.java, .running)])])
    for day in 2...9 {
      let created = "2026-01-0\(day)T00:00:00Z"
      let pod = { (seen: [Seen]) in Self.pod(seen, id: "\(day)000000000000000", created: created) }
      #expect(RuntimeReport.joined(recorded, [pod([(.python, .running)])]) == recorded)
      recorded = RuntimeReport.joined(recorded, [pod([(.java, .running)])])
      #expect(Self.languages(recorded) == ["java", "(python)"])
    }
    // But one that listens is more.
    let listener = Self.pod([(.python, .listening)], id: "f00000000000000", created: "2026-02-01T00:00:00Z")
    #expect(Self.languages(RuntimeReport.joined(recorded, [listener])).first == "python")
  }

  /// A container that has lost its program does not speak for others for good.
  @Test func anotherContainerOfTheProgramMayStillBeWhatItWas() {
    let one = Self.pod([(.python, .running)], id: "aaaaaaaaaaaaaaaa")
    let other = Self.pod([(.python, .running)], id: "bbbbbbbbbbbbbbbb")
    var recorded = RuntimeReport.joined([], [one, other])
    recorded = RuntimeReport.joined(recorded, [Self.pod([], id: "bbbbbbbbbbbbbbbb")])
    #expect(Self.languages(recorded) == ["python"])
    recorded = RuntimeReport.joined(recorded, [Self.pod([], id: "aaaaaaaaaaaaaaaa")])
    #expect(Self.languages(recorded) == ["unknown", "(python)"])
    var lasting = other
    lasting.containers[0].inspection.runtimes[0].evidence[1] = "standing running: runs for more than 300 s"
    recorded = RuntimeReport.joined(recorded, [lasting])
    #expect(Self.languages(recorded) == ["python"])
    #expect(RuntimeReport.joined(recorded, [Self.pod([], id: "aaaaaaaaaaaaaaaa")]) == recorded)
  }

  @Test func otherVariablesInTheManifestAreDetectedAnew() {
    let first = Self.pod(
      [(.python, .running)], environment: "e1", variables: [.pythonPath: "/a", .nodeOptions: "-x"],
      agents: ["Datadog Agent"])
    let second = Self.pod(
      [(.python, .running)], id: "ff", created: "2026-01-02T00:00:00Z", environment: "e2",
      variables: [.pythonPath: "/b"])
    let recorded = RuntimeReport.joined([], [first])
    #expect(recorded.first?.otherAgents.isEmpty == false)
    let changed = RuntimeReport.joined(recorded, [second])
    #expect(changed.first?.envVars.map { "\($0.name ?? "")=\($0.value ?? "")" } == ["PYTHONPATH=/b"])
    #expect(changed.first?.otherAgents.isEmpty == true)
    #expect(changed.first?.evidence.contains("environment e2") == true)
    // The old pod is still there while the workload rolls, and may be looked at again.
    #expect(RuntimeReport.joined(changed, [first]) == changed)
    // A new pod that shows nothing, or only the script at its start, does not take back what the program is.
    let third = { (seen: [Seen]) in
      Self.pod(seen, id: "ee", created: "2026-01-03T00:00:00Z", environment: "e3")
    }
    #expect(RuntimeReport.joined(changed, [third([])]) == changed)
    #expect(RuntimeReport.joined(changed, [third([(.nginx, .started)])]) == changed)
    #expect(RuntimeReport.joined(changed, [third([(.python, .running)])]).first?.envVars.isEmpty == true)
    // Details of older versions do not tell; of one environment the newer pod's count as well.
    let old = RuntimeReport.joined([], [Self.pod([(.python, .running)], variables: [.pythonPath: "/a"])])
    #expect(RuntimeReport.joined(old, [second]).first?.envVars.map(\.value) == ["/b"])
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
    let known = known.map { RuntimeDetails(json: ["language": .string($0)]) }
    let verdict = InspectionVerdict(observation, known: known)
    #expect(verdict.isCertain == isCertain)
    #expect(verdict.patience == patience)
    #expect(verdict.isNews == isNews)
    observation.imageVariables = .failure(ContainerRuntimeError("no socket"))
    #expect(!InspectionVerdict(observation, known: known).isCertain)
  }

  @Test func whatAContainerHasSaidIsNotTakenBackAtOnce() throws {
    let known = try #require(RuntimeReport.joined([], [Self.pod([(.python, .running)])]).first)
    var nothing = try #require(Self.pod([]).containers.first)
    #expect(InspectionVerdict(nothing, known: known).patience == InspectionSchedule.takingBack)
    // Nor where the odiglet cannot see anything.
    nothing.inspection.isBlind = true
    #expect(InspectionVerdict(nothing, known: known).patience == nil)
    nothing.containerID = "another container"
    #expect(InspectionVerdict(nothing, known: known).patience == InspectionSchedule.patience)
  }

  @Test func whatWasTakenBackIsNotCertainBeforeItHasLasted() throws {
    var recorded = RuntimeReport.joined([], [Self.pod([(.python, .running)])])
    recorded = RuntimeReport.joined(recorded, [Self.pod([])])
    let known = try #require(recorded.first)
    var back = try #require(Self.pod([(.python, .running)]).containers.first)
    #expect(!InspectionVerdict(back, known: known).isCertain)
    back.inspection.runtimes[0].isLasting = true
    #expect(InspectionVerdict(back, known: known).isCertain)
    let other = try #require(Self.pod([(.java, .running)]).containers.first)
    #expect(InspectionVerdict(other, known: known).isCertain)
  }

  @Test func aVariableThatIsTooLongIsNotTakenForAbsent() {
    var pod = Self.pod([(.python, .running)])
    pod.containers[0].inspection.oversizedVariables = ["PYTHONPATH"]
    let details = RuntimeReport.joined([], [pod])
    #expect(details.first?.criErrorMessage == "the process's PYTHONPATH is too long")
  }
}
