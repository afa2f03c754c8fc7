/// Monitoring agents of others: two agents in one process disturb each other.
enum OtherAgents {
  /// What gives an agent away. A text that names our own files never does.
  private struct Sign: Sendable {
    var agent: String
    /// Names of variables that only this agent's users set.
    var variables: [String] = []
    /// Parts of the arguments or of the variables that load agents.
    var words: [String] = []
    /// Whole arguments, or whole words of the variables that load agents.
    var wholeWords: Set<Substring> = []
    /// Parts of names of mapped files.
    var files: [String] = []
  }

  private static let loadingVariables = [
    "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_OPTS", "_JAVA_OPTIONS", "NODE_OPTIONS", "LD_PRELOAD", "RUBYOPT",
    "PYTHONPATH", "CORECLR_PROFILER",
  ]

  /// Every variable that gives an agent away or loads one.
  static let variables = loadingVariables + signs.flatMap(\.variables)

  private static let signs = [
    Sign(
      agent: "Datadog Agent", variables: ["DD_INJECTION_ENABLED", "DD_TRACE_AGENT_URL"],
      words: [
        "dd-java-agent", "dd-trace", "ddtrace-run", "ddtrace/auto_instrument",
        "datadog/auto_instrument", "datadog-apm-inject",
        "{846F5F1C-F9AE-4B07-969E-05C26BC060D8}",
      ], files: ["ddtrace.so"]),
    Sign(
      agent: "New Relic Agent", variables: ["NEW_RELIC_CONFIG_FILE"],
      words: ["newrelic.jar", "newrelic-admin", "{36032161-FFC0-4B61-B559-F6C5D41BAE5A}"],
      wholeWords: ["newrelic", "--require=newrelic", "-rnewrelic"], files: ["newrelic.so", "newrelic-20"]),
    Sign(
      agent: "Dynatrace Agent", variables: ["DT_DYNAMIZER_TARGET_EXE"], words: ["/dynatrace/"], files: ["liboneagent"]),
    Sign(
      agent: "OpenTelemetry Agent",
      words: [
        "opentelemetry-javaagent", "@opentelemetry/auto-instrumentations-node", "opentelemetry-instrument",
        "wo11y-agent",
      ]),
    Sign(agent: "Grafana Agent", words: ["grafana-opentelemetry-java"]),
    Sign(agent: "Splunk Agent", words: ["splunk-otel-javaagent"]),
    Sign(agent: "AWS Agent", words: ["aws-opentelemetry-agent"]),
    Sign(agent: "Elastic Agent", words: ["elastic-apm-agent"]),
    Sign(
      agent: "AppDynamics Agent", variables: ["APPDYNAMICS_CONTROLLER_HOST_NAME"], words: ["appdynamics"]),
    Sign(agent: "Instana Agent", words: ["instana-agent", "@instana/collector"]),
  ]

  /// The names of the agents in these processes, in the order of the table.
  static func found(in processes: [ProcessFacts]) -> [String] {
    var found: Set<String> = []
    for facts in processes {
      let loading = loadingVariables.compactMap { facts.environment.values[$0] }.flatMap {
        $0.split { $0 == " " || $0 == ":" }
      }
      let later = facts.laterArguments?.split(separator: "\0") ?? []
      let texts = (loading + facts.arguments.map { $0[...] } + later).filter { !$0.hasBytes("/var/odigos/") }
      for sign in signs where !found.contains(sign.agent) && matches(sign, facts, texts) { found.insert(sign.agent) }
    }
    return found.isEmpty ? [] : signs.map(\.agent).filter(found.contains)
  }

  private static func matches(_ sign: Sign, _ facts: ProcessFacts, _ texts: [Substring]) -> Bool {
    if sign.variables.contains(where: { facts.environment.values[$0] != nil }) { return true }
    if texts.contains(where: sign.wholeWords.contains) { return true }
    if sign.words.contains(where: { word in texts.contains { $0.hasBytes(word) } }) { return true }
    return facts.mappings.agents.contains(sign.agent)
  }

  /// The names of the agents whose files are among these paths.
  static func found(inMapped paths: [String]) -> Set<String> {
    let isForeign = { (sign: Sign, path: String) in
      sign.files.contains { path.hasBytes($0) } && !path.hasPrefix("/var/odigos/")
    }
    return Set(signs.filter { sign in paths.contains { isForeign(sign, $0) } }.map(\.agent))
  }
}
