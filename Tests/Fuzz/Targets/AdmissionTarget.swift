import HTTPTransport
import JSON
import KubeObjects
import Logging
import OdigosObjects
import Policy

@testable import Instrumentor

/// The webhook from body to answer: whatever comes, a review that can be read is allowed, and the patch, if any, fits
/// the pod that was sent.
enum AdmissionTarget {
  static func run(_ bytes: [UInt8]) {
    let request = HTTPRequest(
      method: "POST", path: WebhookWord.path, headers: [(name: "content-type", value: "application/json")], body: bytes)
    let response = endpoint.answer(request)
    guard response.status == 200 else {
      return require(response.status == 400, "status \(response.status) for a body")
    }
    guard let answer = try? JSONValue(parsing: response.body), let review = try? JSONValue(parsing: bytes) else {
      return require(false, "the answer is not JSON")
    }
    require(answer.at("response", "allowed") == true, "a pod was kept from starting")
    require(answer.at("response", "uid") == review.at("request", "uid"), "the answer is for another request")
    guard let patch = answer.at("response", "patch")?.string else { return }
    guard let document = Base64.decode(patch), let json = try? JSONValue(parsing: document),
      let operations = try? JSONPatch(json: json), let pod = review.at("request", "object")
    else { return require(false, "the patch is not a JSON patch") }
    require((try? operations.applied(to: pod)) != nil, "the patch does not fit the pod")
  }

  private static let config = InstrumentationConfig(json: [
    "metadata": ["name": "deployment-web", "namespace": "shop"],
    "spec": [
      "serviceName": "checkout", "agentInjectionEnabled": true, "agentsMetaHash": "0123456789abcdef",
      "containers": [
        [
          "containerName": "app", "agentEnabled": true, "otelDistroName": "python-community",
          "envInjectionMethod": "pod-manifest",
        ],
        [
          "containerName": "java", "agentEnabled": true, "otelDistroName": "java-community",
          "envInjectionMethod": "pod-manifest",
        ],
      ],
    ],
    "status": [
      "runtimeDetailsByContainer": [
        ["containerName": "app", "language": "python", "runtimeVersion": "3.11.2"],
        ["containerName": "java", "language": "java", "runtimeVersion": "17.0.1"],
      ]
    ],
  ])

  private static let endpoint = {
    let table = AdmissionTable { key in config.key == key ? config : nil }
    table.change { InjectionSettings(ownNamespace: "odigos-system", signals: [.traces]) }
    table.refresh(config.key)
    let logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
    let objects = ObjectReviews(
      sources: SourceTable(), namespace: "odigos-system", metrics: AdmissionMetrics(), logger: logger)
    return AdmissionEndpoint(table: table, objects: objects, logger: logger)
  }()
}
