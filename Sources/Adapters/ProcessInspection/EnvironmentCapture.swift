/// The variables of a process that agents need, as the application has them: a process that is instrumented already
/// has our own parts in them, which are taken out.
enum EnvironmentCapture {
  /// Where our files are in containers; whatever names something below it is ours.
  private static let ownPrefix = "/var/odigos/"

  static func variables(of facts: ProcessFacts) -> [CapturedVariable: String] {
    var result: [CapturedVariable: String] = [:]
    let hasOwnProfiler = facts.environment.values[CapturedVariable.profilerPath.rawValue]?.hasBytes(ownPrefix) ?? false
    for variable in CapturedVariable.allCases {
      guard let value = facts.environment.values[variable.rawValue] else { continue }
      // These two say nothing of their own: they are ours when the profiler is.
      if hasOwnProfiler, variable == .profiling || variable == .profiler { continue }
      let original = withoutOwnParts(variable, value)
      // A value that was wholly ours says nothing about the application; one that was empty before does.
      if original == value || !original.isEmpty { result[variable] = original }
    }
    return result
  }

  static func withoutOwnParts(_ variable: CapturedVariable, _ value: String) -> String {
    guard value.hasBytes(ownPrefix) else { return value }
    switch variable {
    case .pythonPath, .startupHooks, .additionalDependencies, .sharedStore, .profilerPath, .dotnetAgentHome,
      .phpConfiguration:
      return kept(value, separator: ":")
    case .profiling, .profiler: return value
    // The loader accepts both separators.
    case .preload: return kept(value, separator: value.contains(":") ? ":" : " ")
    case .javaToolOptions, .rubyOptions: return kept(value, separator: " ")
    case .nodeOptions:
      var words = value.split(separator: " ", omittingEmptySubsequences: true)
      while let index = words.firstIndex(where: { $0.hasBytes(ownPrefix) }) {
        // `--require FILE` and `-r FILE` are two words, `--require=FILE` is one.
        let hasOption = index > 0 && ["--require", "-r", "--import"].contains(words[index - 1])
        words.removeSubrange((hasOption ? index - 1 : index)...index)
      }
      return words.joined(separator: " ")
    }
  }

  private static func kept(_ value: String, separator: Character) -> String {
    var parts = value.split(separator: separator, omittingEmptySubsequences: false).filter { !$0.hasBytes(ownPrefix) }
    // The separator between an empty original and our part.
    while parts.first?.isEmpty == true { parts.removeFirst() }
    while parts.last?.isEmpty == true { parts.removeLast() }
    return parts.map(String.init).joined(separator: String(separator))
  }
}
