import JSON

/// One of the variables that are appended to a container, prepared so that admission only copies bytes.
struct InjectedVariable: Sendable {
  /// The name.
  var name: String
  /// The entry of `env`.
  var entry: [UInt8]

  /// A variable with a value.
  init(_ name: String, _ value: String) {
    self.name = name
    entry = JSONValue.object(["name": .string(name), "value": .string(value)]).serialized()
  }

  /// A variable whose value the kubelet takes from the pod.
  init(_ name: String, field: String) {
    self.name = name
    let entry: JSONValue = [
      "name": .string(name), "valueFrom": ["fieldRef": ["apiVersion": "v1", "fieldPath": .string(field)]],
    ]
    self.entry = entry.serialized()
  }
}

/// The variables that one container gets.
struct InjectedEnvironment: Sendable {
  /// In the order in which they are appended: what a value refers to comes before it. The first one opens the block.
  var variables: [InjectedVariable]
  /// The address of the node and the endpoint there; nil where the endpoint does not need it.
  var nodeEndpoint: NodeEndpoint?
  /// The service's name; nil where the agent learns it otherwise.
  var serviceName: InjectedVariable?
  /// The resource attributes; nil where the agent takes none.
  var resourceAttributes: ResourceAttributes?
  /// The variables that get our value beside their own.
  var appended: [Appended]

  /// A variable that gets our value beside its own.
  struct Appended: Sendable {
    var name: String
    var separator: String
    var ours: String
    /// The entry for a container that has no such variable: ours behind what the image gives. Nil where the image's
    /// value is ours already.
    var entry: [UInt8]?

    init(_ variable: Distribution.AppendedVariable, parameters: [String: String], image: String) {
      name = variable.name
      separator = variable.separator
      ours = variable.appended(to: "", parameters: parameters)
      entry = nil
      if !image.contains(OdigosPath.agentsPrefix) {
        entry = InjectedVariable(name, value(for: InjectedEnvironment.escaped(image))).entry
      }
    }

    /// The whole value for one that was there.
    func value(for original: String) -> String { original.isEmpty ? ours : original + separator + ours }
  }

  /// An endpoint at the node's address. Two forms: a container may have a `NODE_IP` that means something else.
  struct NodeEndpoint: Sendable {
    var address: InjectedVariable
    var endpoint: InjectedVariable
    var ownAddress: InjectedVariable
    var ownEndpoint: InjectedVariable

    init(port: Int) {
      func endpoint(_ address: String) -> InjectedVariable {
        InjectedVariable(OdigosEnvironment.otlpEndpoint, "http://$(\(address)):\(port)")
      }
      address = InjectedVariable(OdigosEnvironment.nodeIP, field: InjectedEnvironment.nodeAddressField)
      self.endpoint = endpoint(OdigosEnvironment.nodeIP)
      ownAddress = InjectedVariable(OdigosEnvironment.ownNodeIP, field: InjectedEnvironment.nodeAddressField)
      ownEndpoint = endpoint(OdigosEnvironment.ownNodeIP)
    }
  }

  /// The resource attributes: the entries without their ends, which depend on the pod's owner.
  struct ResourceAttributes: Sendable {
    /// The entry for a container that has none of its own.
    var entry: [UInt8]
    /// The entry, under our own name, for one that has.
    var ownEntry: [UInt8]

    /// By this beginning ours are recognised.
    static let start = "k8s.pod.name=$(\(OdigosEnvironment.podName))"
    /// What closes an entry.
    private static let end = Array("\"}".utf8)

    init(_ workload: WorkloadReference, containerName: String) {
      var text = Self.start
      text += ",k8s.container.name=\(containerName),k8s.namespace.name=\(workload.namespace)"
      if let key = workload.kind.attributeKey { text += ",\(key)=\(workload.name)" }
      text += ",odigos.workload.kind=\(workload.kind.rawValue),odigos.workload.name=\(workload.name)"
      func open(_ name: String) -> [UInt8] { InjectedVariable(name, text).entry.dropLast(Self.end.count) }
      entry = open(OdigosEnvironment.resourceAttributes)
      ownEntry = open(OdigosEnvironment.ownResourceAttributes)
    }

    /// The end of the entries for pods of that owner.
    static func end(_ owner: WorkloadOwner) -> [UInt8] {
      guard let intermediate = owner.intermediate else { return end }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(192)
      func append(_ attribute: String, _ value: String) {
        for text in [",k8s.", intermediate.kind.rawValue, attribute, value] {
          JSONValue.append(content: text, to: &bytes)
        }
      }
      // A Job that is itself the workload has said its name already.
      if owner.workload.kind != .job { append(".name=", intermediate.name) }
      if !intermediate.uid.isEmpty { append(".uid=", intermediate.uid) }
      bytes.append(contentsOf: end)
      return bytes
    }
  }

  /// The field of a pod that holds the address of its node.
  static let nodeAddressField = "status.hostIP"

  init(
    container: ContainerVerdict, distribution: Distribution, details: RuntimeFacts?, workload: WorkloadReference,
    serviceName: String, settings: InjectionSettings
  ) {
    let parameters = container.distributionParameters
    variables = [
      InjectedVariable(OdigosEnvironment.containerName, container.containerName),
      InjectedVariable(OdigosEnvironment.distributionName, distribution.name),
      InjectedVariable(OdigosEnvironment.podName, field: "metadata.name"),
      InjectedVariable(OdigosEnvironment.workloadNamespace, workload.namespace),
    ]
    for variable in distribution.staticVariables {
      variables.append(InjectedVariable(variable.name, Distribution.resolve(variable.value, parameters)))
    }
    if distribution.takesExporters {
      for (name, signal) in Self.exporters {
        variables.append(InjectedVariable(name, settings.signals.contains(signal) ? "otlp" : "none"))
      }
    }
    if distribution.sendsToLocalNode {
      switch settings.endpoint {
      case .nodeAddress: nodeEndpoint = NodeEndpoint(port: OdigosPort.otlpHTTP)
      case .localTrafficService:
        let host = "\(OdigosName.dataCollectionLocalTraffic).\(settings.ownNamespace)"
        variables.append(InjectedVariable(OdigosEnvironment.otlpEndpoint, "http://\(host):\(OdigosPort.otlpHTTP)"))
      }
    }
    if distribution.takesResourceAttributes {
      self.serviceName = InjectedVariable(OdigosEnvironment.serviceName, serviceName)
      resourceAttributes = ResourceAttributes(workload, containerName: container.containerName)
    }
    appended = distribution.appendedVariables.map { variable in
      let image = details?.envFromContainerRuntime.last { $0.name == variable.name }?.value ?? ""
      return Appended(variable, parameters: parameters, image: image)
    }
  }

  private static let exporters: [(String, CollectedSignal)] = [
    (OdigosEnvironment.logsExporter, .logs), (OdigosEnvironment.metricsExporter, .metrics),
    (OdigosEnvironment.tracesExporter, .traces),
  ]

  /// A literal text for the value of a variable, in which `$` begins references and escapes.
  fileprivate static func escaped(_ text: String) -> String {
    var result = ""
    for character in text { result += character == "$" ? "$$" : String(character) }
    return result
  }
}
