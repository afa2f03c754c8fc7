import CollectorConfig
import JSON
import KubeObjects
import OdigosObjects
import Policy

/// Which CollectorsGroups there should be, and of what size.
struct GroupsDecision: Sendable, Equatable {
  /// To be applied.
  var wanted: [DesiredObject] = []
  /// Whether the node collectors' group should go.
  var deletesNodeGroup = false

  /// The gateway comes with the first Destination that is not disabled and stays. Node collectors come when there is
  /// something to collect and a gateway that takes it, and go when nothing is instrumented any more.
  static func make(
    configuration: OdigosConfiguration?, destinations: [Destination], hasInstrumentationConfigs: Bool,
    gateway: CollectorsGroup?, nodes: CollectorsGroup?, namespace: String
  ) -> GroupsDecision {
    var decision = GroupsDecision()
    if let nodes, !hasInstrumentationConfigs, nodes.metadata.deletionTimestamp == nil {
      decision.deletesNodeGroup = true
    }
    guard let configuration else { return decision }
    if gateway?.metadata.deletionTimestamp == nil,
      gateway != nil || destinations.contains(where: { $0.spec.disabled != true })
    {
      decision.wanted.append(DesiredObject(gatewayGroup(configuration, namespace)))
    }
    if hasInstrumentationConfigs, nodes?.metadata.deletionTimestamp == nil,
      nodes != nil || gateway?.status.ready == true
    {
      decision.wanted.append(DesiredObject(nodeGroup(configuration, namespace)))
    }
    return decision
  }

  private static func group(
    _ name: String, _ role: CollectorRole, _ configuration: OdigosConfiguration, _ namespace: String
  )
    -> CollectorsGroup
  {
    var problems: [String] = []
    var group = CollectorsGroup(name: name, namespace: namespace)
    group.metadata.labels = [LabelName.systemObject: "true"]
    group.spec.role = role.rawValue
    group.spec.resourcesSettings = configuration.size(of: role, problems: &problems).resources
    return group
  }

  private static func gatewayGroup(_ configuration: OdigosConfiguration, _ namespace: String) -> CollectorsGroup {
    var group = group(ObjectName.gateway, .gateway, configuration, namespace)
    let settings = configuration.collectorGateway
    group.spec.collectorOwnMetricsPort = CollectorPort.gatewayMetrics
    if !settings.nodeSelector.isEmpty { group.spec.nodeSelector = settings.nodeSelector }
    if !settings.httpsProxyAddress.isEmpty { group.spec.httpsProxyAddress = settings.httpsProxyAddress }
    return group
  }

  private static func nodeGroup(_ configuration: OdigosConfiguration, _ namespace: String) -> CollectorsGroup {
    var group = group(ObjectName.nodeCollector, .node, configuration, namespace)
    let settings = configuration.collectorNode
    group.spec.collectorOwnMetricsPort = settings.collectorOwnMetricsPort
    if !configuration.nodeSelector.isEmpty { group.spec.nodeSelector = configuration.nodeSelector }
    if settings.enableDataCompression { group.spec.enableDataCompression = true }
    if settings.otlpExporterConfiguration != OTLPExporterSettings() {
      group.spec.otlpExporterConfiguration = CollectorsGroupSpecOtlpExporterConfiguration(
        json: settings.otlpExporterConfiguration.json)
    }
    return group
  }
}
