/// What the conditions and Events mean that come from no decision about a workload: of detection, collectors, agents and
/// the configuration. They follow the decisions in docs/reasons.md; the words are those of the components' vocabularies.
struct StateDocumentation {
  /// Whose state it is.
  var title: String
  /// Where the code appears.
  var place: String
  /// The codes: what the condition's status is (or the Event's type), what it means, what to do.
  var codes: [(code: String, status: String, meaning: String, advice: String)]

  private static let nothing = "Nothing; this is as it should be."

  static let all: [StateDocumentation] = [
    StateDocumentation(
      title: "What a workload's containers run",
      place: "Condition `RuntimeDetection` of the InstrumentationConfig. It is absent until a node agent has seen a "
        + "running process of the workload; `AgentEnabled` is `WaitingForRuntimeInspection` meanwhile.",
      codes: [
        ("DetectedSuccessfully", "True", "Every container that was seen has been inspected.", nothing),
        (
          "ResolvedFromMultipleLanguages", "True",
          "A container has several languages; the first of the ranking counts.",
          "Set `containerOverrides` of a Source where another one is meant."
        ),
      ]),
    StateDocumentation(
      title: "Whether telemetry gets to a destination", place: "Condition `DestinationConfigured` of the Destination.",
      codes: [
        ("TransformedToOtelcolConfig", "True", "The gateway's configuration has it.", nothing),
        (
          "ErrConfigDestination", "False", "It cannot be configured; the others work.",
          "Correct what the sentence names."
        ),
        ("Disabled", "False", "It is switched off.", "Set `disabled: false` to use it."),
      ]),
    StateDocumentation(
      title: "Whether a Processor is used",
      place: "Condition `AddedToCollectorConfig` of the Processor.",
      codes: [
        ("ConfigUpdated", "True", "The collectors' configuration has it.", nothing),
        ("ConfigRemovedDisabled", "False", "It is switched off.", "Set `disabled: false` to use it."),
        (
          "ErrConfigProcessor", "False", "It cannot be configured; the others work.", "Correct what the sentence names."
        ),
      ]),
    StateDocumentation(
      title: "Whether collectors run", place: "Condition `Deployed` of the CollectorsGroup.",
      codes: [
        ("GatewayDeployedCreatedSuccessfully", "True", "The collector's objects are in the cluster.", nothing),
        (
          "GatewayDeployedCreationFailed", "False", "They could not be made.", "Do what the sentence says."
        ),
        (
          "WaitingForConfiguration", "False",
          "`effective-config` cannot be read, and never could be: the collectors stay as they are.",
          "Look at the scheduler, which writes it."
        ),
      ]),
    StateDocumentation(
      title: "How an agent is", place: "`status.reason` of the InstrumentationInstance.",
      codes: [
        ("Healthy", "", "The agent does its work.", nothing),
        ("Starting", "", "The agent has begun.", "Wait a few seconds."),
        (
          "AgentFailure", "", "The agent does not do its work; the sentence has its error.",
          "See whether a package of the application does not fit."
        ),
        (
          "NoConnectionToOpAMPServer", "", "The process runs, and its agent is silent.",
          "See whether the process is stopped, starved of CPU, or cut off from the node agent."
        ),
      ]),
    StateDocumentation(
      title: "Whether an agent carries out what it is told",
      place: "Condition `RemoteConfigApplied` of the InstrumentationInstance; the words are OpAMP's.",
      codes: [
        ("APPLIED", "True", "It does.", nothing),
        ("APPLYING", "Unknown", "It is about to.", "Wait a few seconds."),
        ("FAILED", "False", "It cannot; the sentence has its error.", "Change the InstrumentationRule that it names."),
      ]),
    StateDocumentation(
      title: "What became of the configuration",
      place: "Events of the user's ConfigMap and, the last one, of `effective-config`; also its annotation "
        + "`odigos.io/configuration-status` (`Applied`, `PartlyApplied` or `Refused`).",
      codes: [
        ("ConfigurationApplied", "Normal", "It is in effect.", nothing),
        (
          "ConfigurationWarnings", "Warning", "It is in effect, but some of it does nothing.",
          "See what the sentence names."
        ),
        (
          "ConfigurationPartlyApplied", "Warning", "It is in effect but for values that cannot be used.",
          "Correct the values that the sentence names."
        ),
        (
          "ConfigurationRefused", "Warning", "It cannot be read; the last good one stays in effect.",
          "Correct the YAML."
        ),
        (
          "ConfigurationUnusable", "Warning",
          "`effective-config` cannot be read, or not all of it; what could be read last stays.",
          "Do not edit it by hand; look at the scheduler, which writes it."
        ),
      ]),
  ]

  /// All of them as Markdown.
  static var markdown: String {
    all.map { state in
      let rows = state.codes.map { "| `\($0.code)` | \($0.status) | \($0.meaning) | \($0.advice) |\n" }.joined()
      return "## \(state.title)\n\n\(state.place)\n\n"
        + "| Code | Status | Meaning | What to do |\n| --- | --- | --- | --- |\n\(rows)"
    }.joined(separator: "\n")
  }
}
