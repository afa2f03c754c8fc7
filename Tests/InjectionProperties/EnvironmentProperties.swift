import JSON
import Policy

/// What processes find: every variable of the container's own has its value, those that load the agent beside ours.
extension InjectionCase {
  private static let ownPath = "/var/odigos/"

  func checkEnvironments(_ injected: Injected) throws {
    let before = pod.at("spec", "containers")?.array ?? []
    let after = injected.pod.at("spec", "containers")?.array ?? []
    for (old, new) in zip(before, after) {
      guard let name = old["name"]?.string, injected.plan.containerNames.contains(name), let agent = agents[name] else {
        continue
      }
      let image = images[name] ?? [:]
      let had = KubeletEnvironment(container: old, image: image, objects: objects).values
      let has = KubeletEnvironment(container: new, image: image, objects: objects).values
      func expect(_ holds: Bool, _ property: String, _ variable: String) throws {
        if holds { return }
        let detail = "\(variable) was \(had[variable] ?? "not set"), is \(has[variable] ?? "not set")"
        throw InjectionFailure(seed: seed, property: "\(name): \(property)", detail: detail, pod: pod)
      }
      let usesLoader = has["LD_PRELOAD"] == "/var/odigos/loader/loader.so"
      var changed: Set<String> = []
      if !usesLoader {
        for variable in agent.distribution.appendedVariables {
          changed.insert(variable.name)
          try expect(
            isAppended(variable, agent.parameters, old, had[variable.name], has[variable.name]),
            "ours is appended", variable.name)
        }
      }
      let dependent = Self.dependents(of: changed, in: old)
      for (variable, value) in had where !changed.contains(variable) && !dependent.contains(variable) {
        try expect(has[variable] == value, "a variable of its own keeps its value", variable)
      }
      for (variable, value) in has where had[variable] == nil && !changed.contains(variable) {
        let isMoved = variable.hasPrefix("ORIGINAL_") || variable == "USER_A"
        let isText = variable == "OTEL_SERVICE_NAME" || variable.hasSuffix("CUSTOM_INSTRUMENTATIONS")
        try expect(isMoved || isText || !value.contains("$("), "what ours refer to is defined", variable)
      }
      try checkDuplicates(new, old)
    }
  }

  private func isAppended(
    _ variable: Distribution.AppendedVariable, _ parameters: [String: String], _ container: JSONValue, _ old: String?,
    _ new: String?
  ) -> Bool {
    let declared = container["env"]?.array?.last { $0["name"] == .string(variable.name) }
    // Ours of another release is left alone.
    if declared?["value"]?.string?.contains(Self.ownPath) == true { return new == old }
    let ours = variable.appended(to: "", parameters: parameters)
    guard let old, !old.isEmpty else {
      // Where a value could have come from, the separator is there although it did not.
      return new == ours || new == variable.separator + ours
    }
    return new == old + variable.separator + ours
  }

  /// The variables whose values refer to one of those, directly or not.
  private static func dependents(of names: Set<String>, in container: JSONValue) -> Set<String> {
    var result: Set<String> = []
    for entry in container["env"]?.array ?? [] {
      guard let name = entry["name"]?.string, let value = entry["value"]?.string else { continue }
      if names.union(result).contains(where: { value.contains("$(\($0))") }) { result.insert(name) }
    }
    return result
  }

  /// A name occurs more often than before only where one entry is for the case that another gives nothing.
  private func checkDuplicates(_ new: JSONValue, _ old: JSONValue) throws {
    func counts(_ container: JSONValue) -> [String: Int] {
      Dictionary(
        (container["env"]?.array ?? []).compactMap { $0["name"]?.string }.map { ($0, 1) }, uniquingKeysWith: +)
    }
    let before = counts(old)
    for (name, count) in counts(new) where count > max(before[name] ?? 0, 1) {
      if !name.hasPrefix("ORIGINAL_") {
        throw InjectionFailure(seed: seed, property: "names are unique", detail: name, pod: pod)
      }
    }
  }
}
