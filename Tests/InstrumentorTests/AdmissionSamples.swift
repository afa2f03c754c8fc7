import HTTPTransport
import JSON
import KubeObjects
import Logging
import OdigosObjects
import Policy

@testable import Instrumentor

/// What the admission tests have in common: a workload that is opted in, its pods, and requests about them.
enum AdmissionSample {
  static let config = InstrumentationConfig(json: [
    "metadata": ["name": "deployment-web", "namespace": "shop"],
    "spec": [
      "serviceName": "checkout", "agentInjectionEnabled": true, "agentsMetaHash": "0123456789abcdef",
      "containers": [
        [
          "containerName": "app", "agentEnabled": true, "otelDistroName": "python-community",
          "envInjectionMethod": "pod-manifest",
        ]
      ],
    ],
    "status": [
      "runtimeDetailsByContainer": [["containerName": "app", "language": "python", "runtimeVersion": "3.11.2"]]
    ],
  ])

  static let settings = InjectionSettings(ownNamespace: "odigos-system", signals: [.traces])

  /// A table that knows just these InstrumentationConfigs.
  static func table(_ configs: [InstrumentationConfig] = [config], settings: InjectionSettings? = settings)
    -> AdmissionTable
  {
    let table = AdmissionTable { key in configs.first { $0.key == key } }
    table.change { settings }
    for config in configs { table.refresh(config.key) }
    return table
  }

  static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  static func endpoint(_ table: AdmissionTable = table(), sources: SourceTable = SourceTable()) -> AdmissionEndpoint {
    AdmissionEndpoint(
      table: table,
      objects: ObjectReviews(
        sources: sources, namespace: "odigos-system", metrics: AdmissionMetrics(), logger: logger),
      logger: logger)
  }

  /// A pod of the Deployment of that name.
  static func pod(of deployment: String = "web") -> JSONValue {
    [
      "apiVersion": "v1", "kind": "Pod",
      "metadata": [
        "generateName": .string("\(deployment)-5d4f8c7b9d-"), "labels": ["pod-template-hash": "5d4f8c7b9d"],
        "ownerReferences": [
          [
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": .string("\(deployment)-5d4f8c7b9d"), "uid": "r-1",
            "controller": true,
          ]
        ],
      ],
      "spec": ["containers": [["name": "app", "image": "python:3.11"]]],
    ]
  }

  static func review(_ pod: JSONValue, operation: String = "CREATE", kind: String = "Pod") -> JSONValue {
    [
      "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1",
      "request": [
        "uid": "u-1", "kind": ["group": "", "version": "v1", "kind": .string(kind)], "namespace": "shop",
        "operation": .string(operation), "object": pod,
      ],
    ]
  }

  static func request(
    _ body: [UInt8], method: String = "POST", path: String = WebhookWord.path, contentType: String = "application/json"
  ) -> HTTPRequest {
    HTTPRequest(method: method, path: path, headers: [(name: "content-type", value: contentType)], body: body)
  }

  static func request(_ review: JSONValue) -> HTTPRequest { request(review.serialized()) }
}
