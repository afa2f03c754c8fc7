import JSON

/// The way back: what injection put into a pod or pod template is taken out again.
public enum Removal {
  /// The pod or pod template without anything of ours; nil when there is nothing of ours in it. What injection made
  /// only to hold its additions (a list, a map) goes with them.
  public static func remove(from pod: JSONValue) -> JSONValue? {
    var result = pod
    result.removeMember(OdigosLabel.agentsMetaHash, below: ["metadata", "labels"])
    if var containers = pod.at("spec", "containers")?.array {
      for index in containers.indices { containers[index] = withoutAgent(containers[index]) }
      result.set(["spec", "containers"], .array(containers))
    }
    if var spec = result["spec"], spec.object != nil {
      let hadVolume = spec["volumes"]?.array?.contains { $0["name"]?.string == OdigosName.agentVolume } ?? false
      if hadVolume {
        spec.removeElements(below: "volumes") { $0["name"]?.string == OdigosName.agentVolume }
        NodeAffinity.remove(from: &spec)
        result["spec"] = spec
      }
    }
    // Not a conditional expression: there `nil` would be the JSON value null.
    if result == pod { return nil }
    return result
  }

  private static func withoutAgent(_ container: JSONValue) -> JSONValue {
    var result = container
    if let entries = container["env"]?.array {
      let rest = EnvironmentRemoval.remove(from: entries)
      if rest != entries { result["env"] = rest.isEmpty ? nil : .array(rest) }
    }
    result.removeElements(below: "volumeMounts") { $0["name"]?.string == OdigosName.agentVolume }
    for list in ["limits", "requests"] {
      for key in container.at("resources", list)?.object?.keys ?? [] where key.hasPrefix(OdigosResource.devicePrefix) {
        result.removeMember(key, below: ["resources", list])
      }
    }
    if container["resources"] != result["resources"], result["resources"]?.object?.isEmpty == true {
      result["resources"] = nil
    }
    return result
  }
}

/// Takes our variables out of a container's environment.
private enum EnvironmentRemoval {
  /// Every name that injection may append, from all distributions: what a pod has may come from an older one.
  private static let ownNames: Set<String> = {
    var names: Set<String> = [
      OdigosEnvironment.containerName, OdigosEnvironment.distributionName, OdigosEnvironment.podName,
      OdigosEnvironment.workloadNamespace, OdigosEnvironment.nodeIP, OdigosEnvironment.ownNodeIP,
      OdigosEnvironment.otlpEndpoint, OdigosEnvironment.serviceName, OdigosEnvironment.resourceAttributes,
      OdigosEnvironment.ownResourceAttributes, OdigosEnvironment.tracesExporter, OdigosEnvironment.metricsExporter,
      OdigosEnvironment.logsExporter,
    ]
    for distribution in Distributions.all {
      names.formUnion(distribution.staticVariables.map(\.name))
      names.formUnion(distribution.appendedVariables.map(\.name))
    }
    return names
  }()

  /// What injection appended begins with the container's name; before it, only variables that it changed in place
  /// are ours.
  static func remove(from entries: [JSONValue]) -> [JSONValue] {
    guard let start = entries.firstIndex(where: { $0["name"]?.string == OdigosEnvironment.containerName }) else {
      return entries
    }
    var result: [JSONValue] = []
    for entry in entries[..<start] {
      guard let name = entry["name"]?.string, let value = entry["value"]?.string,
        let rest = original(of: name, value: value)
      else {
        result.append(entry)
        continue
      }
      if let last = result.last, let moved = last["name"]?.string, rest == "$(\(moved))",
        moved.hasPrefix(OdigosEnvironment.originalPrefix)
      {
        result[result.count - 1]["name"] = .string(name)
      } else {
        var restored = entry
        restored["value"] = .string(rest)
        result.append(restored)
      }
    }
    result += entries[start...].filter { entry in
      !(entry["name"]?.string.map(ownNames.contains) ?? false)
    }
    return result
  }

  /// The value before ours was appended; nil where nothing of ours is in it.
  private static func original(of name: String, value: String) -> String? {
    for distribution in Distributions.all {
      for variable in distribution.appendedVariables where variable.name == name {
        let ours = variable.appended(to: "")
        if value == ours { return "" }
        if value.hasSuffix(variable.separator + ours) {
          return String(value.dropLast(variable.separator.count + ours.count))
        }
      }
    }
    return nil
  }
}

extension JSONValue {
  /// Removes a member of an object below this value, and the object when nothing else is in it.
  fileprivate mutating func removeMember(_ key: String, below path: [String]) {
    guard var object = at(path)?.object, object[key] != nil else { return }
    object[key] = nil
    set(path, object.isEmpty ? nil : .object(object))
  }

  /// Removes elements of an array, and the array when nothing else is in it.
  fileprivate mutating func removeElements(below key: String, where isOurs: (JSONValue) -> Bool) {
    guard let elements = self[key]?.array else { return }
    let rest = elements.filter { !isOurs($0) }
    if rest.count != elements.count { self[key] = rest.isEmpty ? nil : .array(rest) }
  }
}
