import JSON

/// What InstrumentationRules ask of agents and not every agent can do, by its name in a rule.
enum RulePart: String, Sendable, Hashable, CaseIterable {
  case headersCollection
  case httpRequestPayload = "payloadCollection.httpRequest"
  case httpResponsePayload = "payloadCollection.httpResponse"
  case databaseQuery = "payloadCollection.dbQuery"
  case messagingPayload = "payloadCollection.messaging"
  case codeAttributes
  case headSamplingFallbackFraction
  case traceVerbosity
  case customInstrumentations
  case networkMetrics
  case ebpfLogCapture
  case agentDiagnostics
  case libraryPayload = "payloadCollection of one library"
  case libraryCodeAttributes = "codeAttributes of one library"

  /// What an agent needs for it; nil where no agent can.
  private var capability: Distribution.Capability? {
    switch self {
    case .headersCollection: .headersCollection
    case .httpRequestPayload, .httpResponsePayload: .httpPayloads
    case .databaseQuery: .databaseQueries
    case .codeAttributes: .codeAttributes
    case .headSamplingFallbackFraction: .headSampling
    case .traceVerbosity: .traceVerbosity
    case .customInstrumentations: .customInstrumentations
    case .messagingPayload, .networkMetrics, .ebpfLogCapture, .agentDiagnostics, .libraryPayload,
      .libraryCodeAttributes:
      nil
    }
  }

  /// Whether the agent of the distribution carries it out.
  func isCarriedOut(by distribution: Distribution) -> Bool {
    // How much is logged is a matter of the connection alone.
    if self == .agentDiagnostics { return !distribution.opAMPTransports.isEmpty }
    return capability.map { distribution.capabilities.contains($0) } ?? false
  }
}

extension MergedRules {
  /// What the rules ask for and the agent of the distribution does not carry out, in words; nil where there is nothing.
  func remark(on distribution: Distribution) -> String? {
    let missing = parts.filter { !$0.isCarriedOut(by: distribution) }
    guard !missing.isEmpty else { return nil }
    let names = missing.map(\.rawValue).joined(separator: ", ")
    return "InstrumentationRules ask for what \(distribution.name) does not carry out: \(names)."
  }
}

extension InstrumentationRuleFacts {
  /// What it asks of agents of the languages that it selects, and what of that none of these carries out.
  var partsAsked: (asked: [RulePart], nobodys: [RulePart]) {
    var parts: Set<RulePart> = []
    var carriedOut: Set<RulePart> = []
    for language in ProgrammingLanguage.allCases where scope.selects(language) {
      var merged = MergedRules(language: language)
      merged.add(self)
      parts.formUnion(merged.parts)
      let agents = Distributions.all.filter { $0.language == language }
      carriedOut.formUnion(merged.parts.filter { part in agents.contains { part.isCarriedOut(by: $0) } })
    }
    let asked = RulePart.allCases.filter(parts.contains)
    return (asked, asked.filter { !carriedOut.contains($0) })
  }
}
