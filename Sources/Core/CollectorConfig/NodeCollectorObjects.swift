import JSON
import KubeObjects
import OdigosObjects

/// The node collectors in the cluster: their configuration, their pods, and where Kubernetes has it a Service that
/// leads to the collector of the own node.
public struct NodeCollectorObjects: Sendable, Equatable {
  /// The configuration.
  public var configMap: ConfigMap
  /// The pods, one on each node.
  public var daemonSet: DaemonSet
  /// The address; nil where pods use the node's address.
  public var service: Service?

  /// Makes the objects of a CollectorsGroup of node collectors; `configuration` is the collectors' text.
  public static func make(group: CollectorsGroup, configuration: String, platform: CollectorPlatform)
    -> NodeCollectorObjects
  {
    let name = ObjectName.nodeCollector
    var configMap = ConfigMap(named: name, of: group)
    configMap.json["data"] = [ConfigMapKey.nodeCollector: .string(configuration)]

    let pod = CollectorPod(
      role: .node, name: name, container: "data-collection",
      size: CollectorSize(group.spec.resourcesSettings, role: .node), platform: platform,
      configKey: ConfigMapKey.nodeCollector, configHash: JSONValue.string(configuration).contentHash,
      nodeSelector: group.spec.nodeSelector,
      environment: [.variable(CollectorEnvironment.nodeIP, field: "status.hostIP")],
      hostPorts: !platform.hasLocalTrafficServices,
      specification: ["priorityClassName": "system-node-critical", "tolerations": [["operator": "Exists"]]])
    var daemonSet = DaemonSet(named: name, of: group)
    daemonSet.json["spec"] = [
      "revisionHistoryLimit": 2,
      "selector": ["matchLabels": CollectorPod.selector(.node)],
      "updateStrategy": ["type": "RollingUpdate", "rollingUpdate": ["maxUnavailable": "50%"]],
      "template": pod.template,
    ]
    let service =
      platform.hasLocalTrafficServices
      ? Service(
        named: ObjectName.nodeCollectorService, of: group, role: .node,
        specification: ["internalTrafficPolicy": "Local"])
      : nil
    return NodeCollectorObjects(configMap: configMap, daemonSet: daemonSet, service: service)
  }

  /// The objects in the order in which they are applied: pods last.
  public var all: [DesiredObject] {
    [DesiredObject(configMap)] + (service.map { [DesiredObject($0)] } ?? []) + [DesiredObject(daemonSet)]
  }
}
