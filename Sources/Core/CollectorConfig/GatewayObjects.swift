import JSON
import KubeObjects
import OdigosObjects

/// The gateway in the cluster: its configuration, its address and its pods.
public struct GatewayObjects: Sendable, Equatable {
  /// The configuration.
  public var configMap: ConfigMap
  /// The address: a headless Service, so that senders see every pod.
  public var service: Service
  /// The pods.
  public var deployment: Deployment

  /// Makes the objects of a gateway CollectorsGroup.
  /// - Parameters:
  ///   - configuration: the text of the collector's configuration.
  ///   - variables: what the configuration reads from Secrets.
  ///   - secrets: the facts of those Secrets; when one changes, the pods start anew.
  public static func make(
    group: CollectorsGroup, configuration: String, variables: [SecretVariable], secrets: [String: SecretFacts],
    platform: CollectorPlatform
  ) -> GatewayObjects {
    let size = CollectorSize(group.spec.resourcesSettings, role: .gateway)
    var versions = JSONObject()
    for name in Set(variables.map(\.secret)).sorted() { versions[name] = .string(secrets[name]?.version ?? "") }

    var configMap = ConfigMap(named: ObjectName.gateway, of: group)
    configMap.json["data"] = [ConfigMapKey.gateway: .string(configuration)]

    var environment = variables.map { JSONValue.variable($0) }
    if let proxy = group.spec.httpsProxyAddress, !proxy.isEmpty {
      environment.append(.variable(CollectorEnvironment.httpsProxy, proxy))
      environment.append(.variable(CollectorEnvironment.noProxy, "localhost,127.0.0.1,.svc,.cluster.local"))
    }
    let pod = CollectorPod(
      role: .gateway, name: ObjectName.gateway, container: "gateway", size: size, platform: platform,
      configKey: ConfigMapKey.gateway,
      configHash: (["configuration": .string(configuration), "secrets": .object(versions)] as JSONValue).contentHash,
      nodeSelector: group.spec.nodeSelector, environment: environment, hostPorts: false)
    var deployment = Deployment(named: ObjectName.gateway, of: group)
    deployment.json["spec"] = [
      "replicas": .int(size.minReplicas ?? 1),
      "revisionHistoryLimit": 2,
      "selector": ["matchLabels": CollectorPod.selector(.gateway)],
      "template": pod.template,
    ]
    return GatewayObjects(
      configMap: configMap,
      service: Service(named: ObjectName.gateway, of: group, role: .gateway, specification: ["clusterIP": "None"]),
      deployment: deployment)
  }

  /// The objects in the order in which they are applied: pods last.
  public var all: [DesiredObject] { [DesiredObject(configMap), DesiredObject(service), DesiredObject(deployment)] }
}
