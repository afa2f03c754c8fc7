import JSON

/// The demand that a pod goes to a node where the agent files are.
enum NodeAffinity {
  private static let demand: JSONValue = [
    "key": .string(OdigosLabel.odigletInstalled), "operator": "In", "values": ["true"],
  ]
  private static let expression = demand.serialized()
  private static let expressions = JSONValue.array([demand]).serialized()
  private static let terms: JSONValue = [["matchExpressions": [demand]]]
  private static let selector: JSONValue = ["nodeSelectorTerms": terms]
  private static let required = "requiredDuringSchedulingIgnoredDuringExecution"

  /// Adds the demand to what the pod demands already. Terms are alternatives, so it goes into each of them: a term
  /// of its own would let the pod go where the user did not want it.
  static func require(in spec: JSONView, _ operations: inout PatchBytes) {
    guard let affinity = spec["affinity"], affinity.kind == .object else {
      operations.add(
        "/spec/affinity", value: JSONValue.object(["nodeAffinity": .object([required: selector])]).serialized())
      return
    }
    guard let node = affinity["nodeAffinity"], node.kind == .object else {
      operations.add("/spec/affinity/nodeAffinity", value: JSONValue.object([required: selector]).serialized())
      return
    }
    let path = "/spec/affinity/nodeAffinity/\(required)"
    guard let existing = node[required], existing.kind == .object else {
      operations.add(path, value: selector.serialized())
      return
    }
    guard let terms = existing["nodeSelectorTerms"], terms.kind == .array else {
      operations.add(path, "/nodeSelectorTerms", value: terms.serialized())
      return
    }
    for (index, term) in terms.elements.enumerated() {
      require(in: term, "\(path)/nodeSelectorTerms/\(index)/matchExpressions", &operations)
    }
  }

  private static func require(in term: JSONView, _ path: String, _ operations: inout PatchBytes) {
    let expressions = term["matchExpressions"]
    let existing = expressions.map { Array($0.elements) } ?? []
    if existing.contains(where: isDemand) { return }
    // A term without any demand matches no node at all; one of ours would make it match some.
    if existing.isEmpty, term["matchFields"]?[0] == nil { return }
    if expressions?.kind == .array {
      operations.add(path, "/-", value: expression)
    } else {
      operations.add(path, value: Self.expressions)
    }
  }

  private static func isDemand(_ expression: JSONView) -> Bool {
    guard expression["key"]?.equals(OdigosLabel.odigletInstalled) == true,
      expression["operator"]?.equals("In") == true, let values = expression["values"]
    else { return false }
    let only = Array(values.elements)
    return only.count == 1 && only[0].equals("true")
  }

  /// Takes the demand away again, and what held nothing else.
  static func remove(from spec: inout JSONValue) {
    let path = ["affinity", "nodeAffinity", required, "nodeSelectorTerms"]
    guard let terms = spec.at(path)?.array else { return }
    var kept: [JSONValue] = []
    for var term in terms {
      guard let expressions = term["matchExpressions"]?.array else {
        kept.append(term)
        continue
      }
      let rest = expressions.filter { !isDemand($0) }
      if rest.count == expressions.count {
        kept.append(term)
        continue
      }
      term["matchExpressions"] = rest.isEmpty ? nil : .array(rest)
      if term.object?.isEmpty == false { kept.append(term) }
    }
    if kept.count == terms.count {
      spec.set(path, .array(kept))
      return
    }
    spec.set(path, kept.isEmpty ? nil : .array(kept))
    for depth in [3, 2, 1] {
      let outer = Array(path.prefix(depth))
      if spec.at(outer)?.object?.isEmpty == true { spec.set(outer, nil) }
    }
  }

  private static func isDemand(_ expression: JSONValue) -> Bool {
    expression["key"] == demand["key"] && expression["operator"] == "In" && expression["values"] == ["true"]
  }
}
