import JSON
import OdigosObjects
import ProcessInspection
import Testing

@testable import Odiglet

/// What pods of the same program show differently: variables, secure execution, agents of others.
@Suite struct UnitedFactsTests {
  /// A pod of the same program in the same environment; `time` is when it was created, on one day unless it says so.
  private static func pod(
    _ time: String, _ variables: [CapturedVariable: String] = [:], agents: [String] = [], secure: Bool? = false,
    standing: RuntimeStanding = .running, language: RuntimeLanguage? = .java
  ) -> PodObservation {
    var inspection = ContainerInspection()
    inspection.runtimes =
      language.map {
        [DetectedRuntime(language: $0, version: "", standing: standing, evidence: ["standing \(standing): words"])]
      } ?? []
    inspection.isSecure = secure
    inspection.environment = variables
    inspection.otherAgents = agents
    let created = time.count > 8 ? time : "2026-01-01T\(time)Z"
    return PodObservation(
      created: created, containerNames: ["app"],
      containers: [
        ContainerObservation(
          name: "app", image: "sha256:a", command: "c", environment: "e",
          containerID: String(created.filter(\.isNumber).suffix(12)),
          inspection: inspection, imageVariables: .success([:]))
      ])
  }

  private static func facts(_ details: [RuntimeDetails]) -> String {
    let variables = details.first?.envVars.map { "\($0.name ?? "")=\($0.value ?? "")" } ?? []
    let agents = details.first?.otherAgents.compactMap(\.name) ?? []
    return (variables + agents + (details.first?.secureExecutionMode == true ? ["secure"] : [])).joined(separator: " ")
  }

  private static let dynatrace = ["Dynatrace Agent"]

  /// In whatever order they come, and each any number of times.
  @Test(
    arguments: [
      (
        "the newer pod lacks all of it",
        [
          pod("2026-01-01T00:00:00Z", [.profiler: "{x}"], agents: dynatrace, secure: true), pod("2026-01-02T00:00:00Z"),
        ],
        ""
      ),
      (
        "the newer pod has another value",
        [pod("10:00:00", [.pythonPath: "/a"]), pod("10:01:00", [.pythonPath: "/b"])],
        "PYTHONPATH=/b"
      ),
      (
        "the newer pod has more", [pod("10:00:00"), pod("10:01:00", [.preload: ""], secure: true)], "LD_PRELOAD= secure"
      ),
      (
        "the newer pod has only just started",
        [pod("10:00:00", [.preload: "x"]), pod("2026-01-02T00:00:00Z", standing: .started)], "LD_PRELOAD=x"
      ),
      (
        "the older pod has only just started", [pod("10:00:00", [.preload: "x"], standing: .started), pod("10:01:00")],
        ""
      ),
      (
        "both have only just started",
        [pod("10:00:00", [.preload: "x"], standing: .started), pod("10:01:00", standing: .started)], ""
      ),
      (
        "nothing is known in the newer pod", [pod("10:00:00", [.preload: "x"]), pod("10:09:00", language: nil)],
        "LD_PRELOAD=x"
      ),
      (
        "pods of one minute", [pod("10:00:01", [.preload: "x"]), pod("10:00:59", [.pythonPath: "/a"], secure: true)],
        "PYTHONPATH=/a LD_PRELOAD=x secure"
      ),
      (
        "pods of one minute with other values",
        [pod("10:00:01", [.preload: "x"]), pod("10:00:02", [.preload: "y"]), pod("10:00:03", [.preload: "w"])],
        "LD_PRELOAD=y"
      ),
      (
        "there and gone and there again",
        [pod("10:00:00", [.preload: "x"]), pod("10:01:00"), pod("10:02:00", [.preload: "y"])], "LD_PRELOAD=y"
      ),
      ("only some nodes have the agent", [pod("10:00:00", agents: dynatrace), pod("10:10:59")], "Dynatrace Agent"),
      ("the agent is gone", [pod("10:00:00", agents: dynatrace), pod("10:11:00")], ""),
      (
        "the agent is gone after a longer rollout",
        [pod("10:00:00", agents: dynatrace), pod("10:08:00", agents: dynatrace), pod("10:18:59"), pod("10:19:00")], ""
      ),
      (
        "a rollout on nodes of which some have the agent",
        [
          pod("10:00:00", agents: dynatrace), pod("10:06:00"), pod("10:07:00", agents: dynatrace), pod("10:15:00"),
          pod("10:16:00", agents: ["Instana Agent"]),
        ], "Dynatrace Agent Instana Agent"
      ),
      ("whether it is secure cannot be read", [pod("10:00:00", secure: true), pod("10:01:00", secure: nil)], "secure"),
    ] as [(String, [PodObservation], String)])
  func comesToTheSameEndInWhateverOrder(what: String, pods: [PodObservation], end: String) {
    for _ in 0..<50 {
      var recorded: [RuntimeDetails] = []
      for _ in 0..<Int.random(in: 0...4) {
        recorded = RuntimeReport.joined(recorded, [pods.randomElement() ?? pods[0]])
      }
      for pod in pods.shuffled() { recorded = RuntimeReport.joined(recorded, [pod]) }
      #expect(Self.facts(recorded) == end)
      // Looked at again, nothing is written.
      for pod in pods { #expect(RuntimeReport.joined(recorded, [pod]) == recorded) }
    }
  }

  /// Of generated pods: what stays does not depend on the order, and once all have been told nothing is written.
  @Test func anyPodsComeToTheSameEndInWhateverOrder() {
    for _ in 0..<300 {
      let pods = (0..<5).map { _ in
        Self.pod(
          "10:\(["00", "05", "09", "20", "21"].randomElement() ?? "00"):0\(Int.random(in: 0...3))",
          [[:], [.preload: "x"], [.preload: "y"], [.pythonPath: "/a"]].randomElement() ?? [:],
          agents: [[], Self.dynatrace, ["Instana Agent"]].randomElement() ?? [], secure: Bool.random())
      }
      var ends: Set<String> = []
      for _ in 0..<4 {
        var recorded: [RuntimeDetails] = []
        for pod in pods.shuffled() { recorded = RuntimeReport.joined(recorded, [pod]) }
        for pod in pods { #expect(RuntimeReport.joined(recorded, [pod]) == recorded) }
        ends.insert(Self.facts(recorded))
      }
      #expect(ends.count == 1, "\(ends) of \(pods)")
    }
  }

  /// A rollout of many pods is no matter of as many writes.
  @Test func aRolloutIsWrittenOnceAMinute() {
    var recorded: [RuntimeDetails] = []
    var writes = 0
    for number in 0..<300 {
      let time = "10:0\(number / 60):\(number % 60 < 10 ? "0" : "")\(number % 60)"
      let new = RuntimeReport.joined(recorded, [Self.pod(time, [.javaToolOptions: "-Da=b"])])
      if new != recorded { writes += 1 }
      recorded = new
    }
    #expect(writes == 5)
  }

  @Test func aNewerPodIsLookedAtWhereSomethingMayHaveGone() {
    let container = NodePod.Container(name: "app", runningID: "x", image: "sha256:a", command: "c", environment: "e")
    func isSettled(_ pod: PodObservation, _ created: String) -> Bool {
      RuntimeReport.isSettled(RuntimeReport.joined([], [pod]), container, podCreated: created)
    }
    for pod in [
      Self.pod("10:00:01", [.preload: ""]), Self.pod("10:00:01", agents: Self.dynatrace),
      Self.pod("10:00:01", secure: true),
    ] {
      #expect(!isSettled(pod, "2026-01-01T10:01:00Z"))
      #expect(isSettled(pod, "2026-01-01T10:00:59Z") && isSettled(pod, "2026-01-01T09:00:00Z"))
    }
    #expect(isSettled(Self.pod("10:00:01"), "2026-01-02T00:00:00Z"))
  }

  /// What an image sets stays known when the runtime of the newer pod's node does not answer; a value that is too long
  /// is the newer process's own.
  @Test func errorsOfTheNewerPod() {
    var old = Self.pod("10:00:00", [.preload: "x"])
    old.containers[0].imageVariables = .success([.pythonPath: "/img"])
    var new = Self.pod("10:01:00")
    new.containers[0].imageVariables = .failure(ContainerRuntimeError("no socket"))
    let recorded = RuntimeReport.joined([], [old])
    let joined = RuntimeReport.joined(recorded, [new])
    #expect(Self.facts(joined) == "" && joined.first?.criErrorMessage == nil)
    #expect(joined.first?.envFromContainerRuntime.map(\.value) == ["/img"])
    new.containers[0].imageVariables = old.containers[0].imageVariables
    new.containers[0].inspection.oversizedVariables = ["PYTHONPATH"]
    let long = RuntimeReport.joined(recorded, [new])
    #expect(long.first?.criErrorMessage == "the process's PYTHONPATH is too long")
    #expect(RuntimeReport.joined(long, [old]).first?.criErrorMessage != nil)
  }
}
