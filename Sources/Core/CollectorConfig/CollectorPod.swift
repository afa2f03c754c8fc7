import JSON
import KubeObjects
import OdigosObjects

/// The pod template that gateway and node collectors share.
struct CollectorPod {
  var role: CollectorRole
  var name: String
  var container: String
  var size: CollectorSize
  var platform: CollectorPlatform
  /// The ConfigMap's key with the collector's configuration.
  var configKey: String
  /// Changes when the pods must start anew.
  var configHash: String
  var nodeSelector: [String: String]
  /// Further environment, after the common one.
  var environment: [JSONValue]
  /// Whether the OTLP ports are also open on the node.
  var hostPorts: Bool
  /// Further fields of the pod's specification.
  var specification: JSONObject = [:]

  var labels: JSONValue {
    [
      LabelName.name: .string(name), LabelName.collectorRole: .string(role.rawValue), LabelName.systemObject: "true",
    ]
  }

  static func selector(_ role: CollectorRole) -> JSONValue { [LabelName.collectorRole: .string(role.rawValue)] }

  var template: JSONValue {
    var spec: JSONValue = [
      // The collectors never talk to the API server.
      "automountServiceAccountToken": false,
      "securityContext": [
        "runAsNonRoot": true, "runAsUser": 65534, "runAsGroup": 65534, "seccompProfile": ["type": "RuntimeDefault"],
      ],
      "terminationGracePeriodSeconds": 30,
      "containers": [containerSpec],
      "volumes": [
        [
          "name": "conf",
          "configMap": ["name": .string(name), "items": [["key": .string(configKey), "path": "conf.yaml"]]],
        ]
      ],
    ]
    if !platform.imagePullSecrets.isEmpty {
      spec["imagePullSecrets"] = .array(platform.imagePullSecrets.map { ["name": .string($0)] })
    }
    var selector: JSONObject = ["kubernetes.io/os": "linux"]
    for (key, value) in nodeSelector.sorted(by: { $0.key < $1.key }) { selector[key] = .string(value) }
    spec["nodeSelector"] = .object(selector)
    for (key, value) in specification { spec[key] = value }
    return [
      "metadata": ["labels": labels, "annotations": [LabelName.configHash: .string(configHash)]],
      "spec": spec,
    ]
  }

  private var containerSpec: JSONValue {
    var result: JSONValue = [
      "name": .string(container),
      "image": .string(platform.image.reference),
      "args": ["--config=/conf/conf.yaml"],
      "env": .array(commonEnvironment + environment),
      "ports": [port("otlp-grpc", CollectorPort.otlpGRPC), port("otlp-http", CollectorPort.otlpHTTP)],
      "resources": [
        "requests": [
          "cpu": Quantity.cpu(millicores: size.cpuRequest), "memory": Quantity.memory(mebibytes: size.memoryRequest),
        ],
        "limits": [
          "cpu": Quantity.cpu(millicores: size.cpuLimit), "memory": Quantity.memory(mebibytes: size.memoryLimit),
        ],
      ],
      "readinessProbe": probe(period: 2, failures: 3),
      "livenessProbe": probe(period: 10, failures: 6),
      "securityContext": [
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": ["drop": ["ALL"]],
      ],
      "volumeMounts": [["name": "conf", "mountPath": "/conf", "readOnly": true]],
    ]
    if platform.image.isOwn { result["command"] = ["odigos-collector"] }
    result["imagePullPolicy"] = platform.image.pullPolicy.map { .string($0) }
    return result
  }

  private var commonEnvironment: [JSONValue] {
    [
      .variable(CollectorEnvironment.version, platform.version),
      .variable(CollectorEnvironment.podName, field: "metadata.name"),
      .variable(CollectorEnvironment.nodeName, field: "spec.nodeName"),
      .variable(CollectorEnvironment.goMemoryLimit, "\(size.goMemoryLimit)MiB"),
      [
        "name": .string(CollectorEnvironment.goMaxProcs),
        "valueFrom": ["resourceFieldRef": ["containerName": .string(container), "resource": "limits.cpu"]],
      ],
    ]
  }

  private func port(_ name: String, _ number: Int) -> JSONValue {
    var port: JSONValue = ["name": .string(name), "containerPort": .int(number), "protocol": "TCP"]
    if hostPorts { port["hostPort"] = .int(number) }
    return port
  }

  private func probe(period: Int, failures: Int) -> JSONValue {
    [
      "httpGet": ["path": "/", "port": .int(CollectorPort.health)],
      "periodSeconds": .int(period), "timeoutSeconds": 2, "failureThreshold": .int(failures),
    ]
  }
}

extension JSONValue {
  static func variable(_ name: String, _ value: String) -> JSONValue {
    ["name": .string(name), "value": .string(value)]
  }

  static func variable(_ name: String, field: String) -> JSONValue {
    ["name": .string(name), "valueFrom": ["fieldRef": ["fieldPath": .string(field)]]]
  }

  /// Optional: without it a Secret that is deleted after the configuration was made would keep the pod from starting.
  static func variable(_ variable: SecretVariable) -> JSONValue {
    [
      "name": .string(variable.name),
      "valueFrom": [
        "secretKeyRef": ["name": .string(variable.secret), "key": .string(variable.key), "optional": true]
      ],
    ]
  }
}

extension KubeResource {
  /// An object that belongs to a CollectorsGroup: it goes when the group goes.
  init(named name: String, of group: CollectorsGroup) {
    self.init(name: name, namespace: group.namespace)
    metadata.labels = [LabelName.systemObject: "true", LabelName.name: name]
    metadata.ownerReferences = [OwnerReference(to: group)]
  }
}

extension Service {
  /// A Service for the OTLP ports of the collectors of a role.
  init(named name: String, of group: CollectorsGroup, role: CollectorRole, specification: JSONObject) {
    self.init(named: name, of: group)
    func port(_ name: String, _ number: Int) -> JSONValue {
      ["name": .string(name), "port": .int(number), "targetPort": .int(number), "protocol": "TCP"]
    }
    json["spec"] = [
      "selector": CollectorPod.selector(role),
      "ports": [port("otlp-grpc", CollectorPort.otlpGRPC), port("otlp-http", CollectorPort.otlpHTTP)],
    ]
    for (key, value) in specification { json.set(["spec", key], value) }
  }
}
