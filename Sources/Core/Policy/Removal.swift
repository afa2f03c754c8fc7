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
    if var spec = result["spec"], let volume = spec["volumes"]?.array?.first(where: isAgentVolume) {
      spec.removeElements(below: "volumes", where: isAgentVolume)
      spec.removeElements(below: "initContainers") { $0["name"]?.string == OdigosName.agentsInitContainer }
      // Only the node's directory led the pod to certain nodes.
      if volume["hostPath"] != nil { NodeAffinity.remove(from: &spec) }
      result["spec"] = spec
    }
    // Not a conditional expression: there `nil` would be the JSON value null.
    if result == pod { return nil }
    return result
  }

  private static func isAgentVolume(_ volume: JSONValue) -> Bool { volume["name"]?.string == OdigosName.agentVolume }

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
