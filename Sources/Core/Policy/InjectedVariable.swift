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
    entry = Self.entry(name, value)
  }

  /// A variable whose value the kubelet takes from the pod.
  init(_ name: String, field: String) {
    self.name = name
    let entry: JSONValue = [
      "name": .string(name), "valueFrom": ["fieldRef": ["apiVersion": "v1", "fieldPath": .string(field)]],
    ]
    self.entry = entry.serialized()
  }

  /// An entry of `env` with a value.
  static func entry(_ name: String, _ value: String) -> [UInt8] {
    JSONValue.object(["name": .string(name), "value": .string(value)]).serialized()
  }
}

/// The variables that one container gets.
struct InjectedEnvironment: Sendable {
  /// In the order in which they are appended: what a value refers to comes before it. The first one opens the block.
  var variables: [InjectedVariable]
  /// The address of the node and the endpoint there; nil where the endpoint does not need it.
  var nodeEndpoint: NodeEndpoint?
  /// What follows the endpoint.
  var service: [InjectedVariable]
  /// The resource attributes that do not depend on the pod; nil where the agent takes none.
  var resourceAttributes: String?
  /// The variables that get our value beside their own.
  var appended: [Appended]

  /// A variable that gets our value beside its own.
  struct Appended: Sendable {
    var name: String
    var separator: String
    var ours: String
    /// The value that the image gives, escaped for `env`; "" where it gives none.
    var imageValue: String

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

  /// The field of a pod that holds the address of its node.
  static let nodeAddressField = "status.hostIP"
  /// By this beginning our resource attributes are recognised.
  static let resourceAttributesStart = "k8s.pod.name=$(\(OdigosEnvironment.podName))"

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
    service = []
    if distribution.takesResourceAttributes {
      service.append(InjectedVariable(OdigosEnvironment.serviceName, serviceName))
      resourceAttributes = Self.resourceAttributes(workload, containerName: container.containerName)
    }
    appended = distribution.appendedVariables.map { variable in
      let image = details?.envFromContainerRuntime.last { $0.name == variable.name }?.value ?? ""
      return Appended(
        name: variable.name, separator: variable.separator, ours: variable.appended(to: "", parameters: parameters),
        imageValue: Self.escaped(image))
    }
  }

  private static let exporters: [(String, CollectedSignal)] = [
    (OdigosEnvironment.logsExporter, .logs), (OdigosEnvironment.metricsExporter, .metrics),
    (OdigosEnvironment.tracesExporter, .traces),
  ]

  private static func resourceAttributes(_ workload: WorkloadReference, containerName: String) -> String {
    var text = resourceAttributesStart
    text += ",k8s.container.name=\(containerName),k8s.namespace.name=\(workload.namespace)"
    if let key = workload.kind.attributeKey { text += ",\(key)=\(workload.name)" }
    return text + ",odigos.workload.kind=\(workload.kind.rawValue),odigos.workload.name=\(workload.name)"
  }

  /// The resource attributes of one pod's owner, which follow those that do not depend on the pod.
  static func ownerAttributes(_ owner: WorkloadOwner) -> String {
    guard let intermediate = owner.intermediate else { return "" }
    let key = "k8s.\(intermediate.kind.rawValue)"
    // A Job that is itself the workload has said its name already.
    let name = owner.workload.kind == .job ? "" : ",\(key).name=\(intermediate.name)"
    return name + (intermediate.uid.isEmpty ? "" : ",\(key).uid=\(intermediate.uid)")
  }

  /// A literal text for the value of a variable, in which `$` begins references and escapes.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text { result += character == "$" ? "$$" : String(character) }
    return result
  }
}
