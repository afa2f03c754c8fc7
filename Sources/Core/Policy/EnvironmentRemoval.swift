import JSON

/// Takes our variables out of a container's environment.
public enum EnvironmentRemoval {
  /// The entries of `env` as they were. What injection appended begins with the container's name; before it, only
  /// variables that it changed in place are ours.
  public static func remove(from entries: [JSONValue]) -> [JSONValue] {
    guard let start = entries.firstIndex(where: { $0["name"]?.string == OdigosEnvironment.containerName }) else {
      return entries
    }
    let block = entries[start...]
    let userVariables = block.last { $0["name"]?.string == OdigosEnvironment.userVariables }?["value"]?.string ?? ""
    let userNames = Set(userVariables.split(separator: ",").map(String.init))
    return restored(entries[..<start])
      + block.filter { entry in
        guard let name = entry["name"]?.string else { return true }
        return !ownNames.contains(name) && !userNames.contains(name) && !isOriginal(name)
      }
  }

  /// The entries that injection may have changed in place, as they were.
  private static func restored(_ entries: ArraySlice<JSONValue>) -> [JSONValue] {
    var result: [JSONValue] = []
    for var entry in entries {
      guard let name = entry["name"]?.string, let value = entry["value"]?.string,
        let rest = OwnPart.original(of: name, value: value)
      else {
        result.append(entry)
        continue
      }
      if let moved = result.last?["name"]?.string, rest == "$(\(moved))", isOriginal(moved) {
        // The last one of that name came from the pod; those before it are for the case that it gives nothing.
        let source = result.removeLast()
        while result.last?["name"]?.string == moved { result.removeLast() }
        entry = source
        entry["name"] = .string(name)
      } else {
        entry["value"] = rest.isEmpty ? nil : .string(rest)
      }
      result.append(entry)
    }
    return result
  }

  /// Whether a name is that of a variable which made room for one of ours.
  private static func isOriginal(_ name: String) -> Bool {
    guard name.hasPrefix(OdigosEnvironment.originalPrefix) else { return false }
    var rest = name[...]
    while rest.hasPrefix(OdigosEnvironment.originalPrefix) {
      rest = rest.dropFirst(OdigosEnvironment.originalPrefix.count)
    }
    return OwnPart.byName[String(rest)] != nil
  }

  /// Every name that injection may append, from all distributions: what a pod has may come from an older one.
  private static let ownNames: Set<String> = {
    var names: Set<String> = [
      OdigosEnvironment.containerName, OdigosEnvironment.distributionName, OdigosEnvironment.podName,
      OdigosEnvironment.workloadNamespace, OdigosEnvironment.nodeIP, OdigosEnvironment.ownNodeIP,
      OdigosEnvironment.otlpEndpoint, OdigosEnvironment.serviceName, OdigosEnvironment.resourceAttributes,
      OdigosEnvironment.ownResourceAttributes, OdigosEnvironment.tracesExporter, OdigosEnvironment.metricsExporter,
      OdigosEnvironment.logsExporter, OdigosEnvironment.preload, OdigosEnvironment.opAMPServerHost,
      OdigosEnvironment.opAMPUnixSocket, OdigosEnvironment.agentLogLevel, OdigosEnvironment.openTelemetryLogLevel,
      OdigosEnvironment.metricsEndpoint, OdigosEnvironment.userVariables,
    ]
    names.formUnion(InjectedEnvironment.configurationVariables.map(\.1))
    for distribution in Distributions.all {
      names.formUnion(distribution.fixedVariables.map(\.name))
      names.formUnion(distribution.appendedVariables.map(\.name))
    }
    return names
  }()
}

/// What we append to one variable, recognised whatever the parameters were that it was made with.
private struct OwnPart {
  private let separator: String
  /// The texts between the parameters.
  private let pieces: [String]

  private init(_ variable: Distribution.AppendedVariable) {
    separator = variable.separator
    var pieces: [String] = []
    var rest = variable.value.replacing("{{agents}}", with: OdigosPath.agents)[...]
    while let start = rest.firstRange(of: "{{"), let end = rest[start.upperBound...].firstRange(of: "}}") {
      pieces.append(String(rest[..<start.lowerBound]))
      rest = rest[end.upperBound...]
    }
    self.pieces = pieces + [String(rest)]
  }

  /// The parts of all distributions, by the variable's name.
  static let byName: [String: [OwnPart]] = {
    let variables = Distributions.all.flatMap(\.appendedVariables)
    return Dictionary(grouping: variables, by: \.name).mapValues { $0.map(OwnPart.init) }
  }()

  /// The value before ours was appended; nil where nothing of ours is in it.
  static func original(of name: String, value: String) -> String? {
    for part in byName[name] ?? [] {
      if let rest = part.original(of: value) { return rest }
    }
    return nil
  }

  private func original(of value: String) -> String? {
    guard let first = pieces.first, let start = value.ranges(of: first).last, matches(value[start.upperBound...]) else {
      return nil
    }
    let before = value[..<start.lowerBound]
    if before.isEmpty { return "" }
    return before.hasSuffix(separator) ? String(before.dropLast(separator.count)) : nil
  }

  /// Whether a text is what follows the first piece: parameters and the other pieces, and nothing else.
  private func matches(_ text: Substring) -> Bool {
    var rest = text
    for (index, piece) in pieces.enumerated().dropFirst() {
      let isLast = index == pieces.count - 1
      let end = piece.isEmpty ? rest.endIndex : rest.firstRange(of: piece)?.lowerBound
      guard let end, !rest[..<end].isEmpty, rest[..<end].allSatisfy({ $0.isLetter || $0.isNumber || $0 == "." }) else {
        return false
      }
      rest = rest[end...].dropFirst(piece.count)
      if isLast { break }
    }
    return rest.isEmpty
  }
}
