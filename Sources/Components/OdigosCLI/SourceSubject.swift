import JSON
import KubeObjects
import OdigosObjects
import Policy

/// A workload or namespace that a Source is about.
enum SourceSubject {
  case workload(WorkloadReference)
  case namespace(String)

  /// The namespace of its Source.
  var namespace: String {
    switch self {
    case .workload(let workload): workload.namespace
    case .namespace(let name): name
    }
  }

  var kind: String {
    switch self {
    case .workload(let workload): workload.kind.rawValue
    case .namespace: Namespace.type.kind
    }
  }

  var name: String {
    switch self {
    case .workload(let workload): workload.name
    case .namespace(let name): name
    }
  }

  /// The object of the cluster.
  var object: (type: ResourceType, key: ObjectKey) {
    switch self {
    case .workload(let workload):
      (workload.kind.servedType, ObjectKey(namespace: workload.namespace, name: workload.name))
    case .namespace(let name): (Namespace.type, ObjectKey(name: name))
    }
  }

  /// `spec.workload`.
  var json: JSONValue { ["name": .string(name), "namespace": .string(namespace), "kind": .string(kind)] }

  /// A Source about it, with the labels that follow from that.
  ///
  /// - Parameters:
  ///   - name: the Source's; nil for that of its kind and name.
  ///   - stream: the data stream that it belongs to.
  func source(named name: String? = nil, stream: String = "default") -> Source {
    var source = Source(name: name ?? "\(kind.lowercased())-\(self.name)", namespace: namespace)
    var labels = ["\(OdigosLabel.dataStreamPrefix)\(stream)": "true"]
    for (key, value) in SourceLabels.wanted(json, isExpression: false) { labels[key] = value }
    source.metadata.labels = labels
    source.json["spec"] = ["workload": json]
    return source
  }
}
