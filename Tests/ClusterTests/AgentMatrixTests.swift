import Foundation
import JSON
import Testing

/// Every runtime and every conflict, by every way in which agents come into pods, on a real cluster: `make e2e-matrix`;
/// a part of it in `make e2e` (`MatrixSelection`).
///
/// The applications run side by side in one namespace. In each round the configuration is changed, which replaces their
/// pods; a cell of the table is one pod that was looked at: whether it runs, how its agent is loaded, whether spans of
/// that very pod have come out at the end of the pipeline, whether the application found its own settings, and whether it
/// answers what it did without an agent.
@Suite(.serialized, .enabled(if: MatrixTable.isWanted, "not asked for: run make e2e-matrix"))
struct AgentMatrixTests {
  private static let namespace = "matrix"

  init() async throws { try await Installation.ensure() }

  @Test func everyCombination() async throws {
    let selection = try MatrixSelection(MatrixSelection.wanted ?? "all")
    let (namespace, cases) = (Self.namespace, selection.cases)
    let home = BareNamespace(namespace: namespace)
    defer { home.remove() }
    try await home.create()
    try Cluster.apply(cases.map { $0.manifest(namespace: namespace) }.joined(separator: "---\n"))
    for item in cases { try await home.waitForRollout(item.name) }
    var plain: [String: MatrixAnswer] = [:]
    try await eventually("the answers without an agent") {
      plain = try MatrixAnswer.ofAll(cases, namespace: namespace)
      return nil
    }
    try Cluster.kubectl("label", "namespace", namespace, "odigos-instrumentation=enabled")
    try await Setting.preserved { try await lookInEveryRound(selection, plain) }
  }

  private func lookInEveryRound(_ selection: MatrixSelection, _ plain: [String: MatrixAnswer]) async throws {
    let cases = selection.cases
    var table = MatrixTable(cases: cases, inventory: try Self.inventory())
    for round in selection.rounds {
      let begin = ContinuousClock.now
      try Cluster.odigos("config", "set", "mount-method", round.mount)
      try Cluster.odigos("config", "set", "agent-env-vars-injection-method", round.environment)
      let cells = try await look(cases, round, plain)
      print("matrix: \(round): \(ContinuousClock.now - begin)")
      for (item, cell) in cells {
        table.set(item, round, cell)
        #expect(cell.missing == nil, "\(item.name), \(round): \(cell.missing ?? "")")
      }
    }
    print(table.text)
    if let path = ProcessInfo.processInfo.environment["ODIGOS_MATRIX_TABLE"] {
      try Data(table.text.utf8).write(to: URL(fileURLWithPath: path))
    }
  }

  /// What the nodes say of their agents.
  private static func inventory() throws -> JSONValue {
    let text = try Cluster.list("nodes", in: nil).lazy.compactMap {
      $0.at("metadata", "annotations", "odigos.io/agents")?.string
    }.first
    return try JSONValue(parsing: Array(try #require(text, "no node says which agents it has").utf8))
  }

  /// Looks at every application until it is as it should be, or the time is up.
  private func look(
    _ cases: [MatrixCase], _ round: MatrixRound, _ plain: [String: MatrixAnswer]
  ) async throws -> [(MatrixCase, MatrixCell)] {
    let end = ContinuousClock.now + .seconds(600)
    var done: [String: MatrixCell] = [:]
    while true {
      let pods = try Cluster.list("pods", in: Self.namespace)
      let configs = try Cluster.list("instrumentationconfigs", in: Self.namespace)
      let traced = Set(
        try TraceSink.spans(namespace: Self.namespace).compactMap { $0.resource["k8s.pod.name"] })
      for item in cases where done[item.name]?.missing != nil || done[item.name] == nil {
        // A pod may be gone before it is looked at.
        do { done[item.name] = try cell(item, round, pods, configs, traced, plain[item.name]) } catch {
          done[item.name] = MatrixCell(loading: .none, missing: "\(error)")
        }
      }
      let isComplete = cases.allSatisfy { done[$0.name]?.missing == nil }
      if isComplete || ContinuousClock.now >= end { break }
      try await Task.sleep(for: .seconds(1))
    }
    return cases.compactMap { item in done[item.name].map { (item, $0) } }
  }

  private func cell(
    _ item: MatrixCase, _ round: MatrixRound, _ all: [JSONValue], _ configs: [JSONValue], _ traced: Set<String>,
    _ plain: MatrixAnswer?
  ) throws -> MatrixCell {
    func missing(_ text: String) -> MatrixCell { MatrixCell(loading: .none, missing: text) }
    let config = configs.first { $0.at("metadata", "name")?.string == "deployment-\(item.name)" }
    guard let config else { return missing("it has no InstrumentationConfig") }
    let verdict = config.at("spec", "containers")?[0]?["agentEnabledMessage"]?.string ?? "no verdict"
    let pods = all.filter {
      $0.at("metadata", "labels", "app")?.string == item.name && $0.at("metadata", "deletionTimestamp") == nil
    }
    guard pods.count == 1, let pod = pods.first else { return missing("it has \(pods.count) pods; \(verdict)") }
    let hash = pod.at("metadata", "labels", "odigos.io/agents-meta-hash")?.string ?? ""
    guard hash == config.at("spec", "agentsMetaHash")?.string ?? "" else { return missing("its pod is an older one") }
    guard Cluster.isReady(pod) else { return missing("its pod is not ready; \(verdict)") }
    let container = pod.at("spec", "containers")?[0] ?? [:]
    let loading = MatrixLoading(container: container)
    guard loading == item.loading(round) else {
      return missing("its agent is loaded by \(loading) and not by \(item.loading(round)): \(verdict)")
    }
    let marks = PodMarks(pod).found
    let mark = round.mount == "k8s-host-path" ? "volume" : "device"
    guard loading == .none || marks.contains(mark) else { return missing("no \(mark) in its pod: \(marks)") }
    let name = pod.at("metadata", "name")?.string ?? ""
    let isTraced = traced.contains(name)
    guard isTraced == item.isTraced(round) else { return missing(isTraced ? "spans of it" : "no span of \(name)") }
    if !item.says.isEmpty {
      let log = try Cluster.kubectl("logs", name, "-n", Self.namespace)
      guard log.contains(item.says) else { return missing("it does not say \"\(item.says)\": \(log.suffix(300))") }
    }
    guard let answer = try? MatrixAnswer(pod: pod) else { return missing("it does not answer") }
    guard answer == plain else { return missing("it answers \(answer) and not \(plain?.description ?? "") as before") }
    return MatrixCell(loading: loading, isTraced: isTraced)
  }
}

/// What was seen of one application in one round.
struct MatrixCell {
  var loading: MatrixLoading
  var isTraced = false
  /// What is not as it should be; nil when all is.
  var missing: String?

  /// As the table has it.
  var text: String {
    if missing != nil { return "FAILED" }
    switch loading {
    case .none: return "no agent"
    case .loader, .variables: return isTraced ? "\(loading.rawValue)" : "no agent (set anew by the script)"
    }
  }
}

/// The table that `make e2e-matrix` prints and docs/languages.md has.
struct MatrixTable {
  /// Whether it was asked for: it takes minutes, and images of its own.
  static let isWanted = Cluster.isGiven && MatrixSelection.wanted != nil

  var cases: [MatrixCase]
  private var inventory: JSONValue
  private var cells: [String: [String: MatrixCell]] = [:]

  init(cases: [MatrixCase], inventory: JSONValue) { (self.cases, self.inventory) = (cases, inventory) }

  /// Whose agent a row was seen with.
  private func agent(_ item: MatrixCase) -> String {
    let version = inventory.at("distributions", item.distribution, "version")?.string
    return version == "proof-of-load" ? "proof of load" : "OpenTelemetry's"
  }

  mutating func set(_ item: MatrixCase, _ round: MatrixRound, _ cell: MatrixCell) {
    cells[item.name, default: [:]][round.description] = cell
  }

  /// In Markdown: a row for each application; the two mount methods share a column where they came to the same.
  var text: String {
    let methods = ["loader", "pod-manifest", "loader-fallback-to-pod-manifest"]
    var lines = [
      "| Application | Agent | " + methods.map { "`\($0)`" }.joined(separator: " | ") + " |",
      "| --- | --- | --- | --- | --- |",
    ]
    for item in cases {
      let columns = methods.map { method in
        let texts = MatrixRound.all.filter { $0.environment == method }.compactMap { round in
          cells[item.name]?[round.description].map { (round.mount, $0.text) }
        }
        guard let first = texts.first else { return "not looked at" }
        if Set(texts.map(\.1)).count == 1 { return first.1 }
        return texts.map { "\($0.1) (`\($0.0)`)" }.joined(separator: ", ")
      }
      lines.append("| \(item.title) | \(agent(item)) | " + columns.joined(separator: " | ") + " |")
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
