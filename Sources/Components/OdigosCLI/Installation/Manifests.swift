import CManifests
import Foundation
import JSON
import KubeObjects
import Policy
import YAML

/// What the manifests leave open.
struct ManifestValues {
  /// `${NAMESPACE}`.
  var namespace: String
  /// `${IMAGE}`.
  var image: String
  /// `${IMAGE_PULL_POLICY}`.
  var imagePullPolicy: String
  /// `${VERSION}`.
  var version: String
  /// `${NODE_FEATURES}`, and with what they need `${NODE_CAPABILITIES}`.
  var nodeFeatures = NodeFeature.standard
  /// Whether the cluster has the field `appArmorProfile` (Kubernetes 1.30).
  var hasAppArmorField = true
  /// `${OPAMP_HOST_PORT}`: the port of every node at which agents find the node agent, 0 for none.
  var opAMPHostPort = OdigosPort.opAMP
  /// `${RUNTIME_SOCKET}`: the socket of the nodes' container runtime, "" where it is one of the usual ones.
  var runtimeSocket = ""

  /// For the user: what is going to run.
  var summary: String {
    "image \(image), pulled \(imagePullPolicy); node features \(NodeFeature.text(of: nodeFeatures))"
  }
}

/// The manifests of deploy/ and webhook-config/, as they were when this program was built.
struct Manifests {
  /// Embedded files by path, in the order in which they are applied.
  private let files: [(path: String, text: String)]

  init() {
    files = (0..<Int(odigos_manifests_count())).compactMap { index in
      let entry = odigos_manifest_at(index)
      guard let path = entry.path, let bytes = entry.bytes else { return nil }
      return (
        String(cString: path), String(decoding: UnsafeBufferPointer(start: bytes, count: entry.count), as: UTF8.self)
      )
    }
  }

  /// The paths of all files.
  var paths: [String] { files.map(\.path) }

  /// The objects of the files whose path starts with `prefix`, values filled in.
  func objects(_ prefix: String, _ values: ManifestValues) throws -> [DynamicObject] {
    try files.filter { $0.path.hasPrefix(prefix) }.flatMap { file in
      try YAML.documents(Array(fill(file.text, values).utf8)).map { document in
        try DynamicObject(
          manifest: AppArmor.fitted(document, values.nodeFeatures, hasField: values.hasAppArmorField), path: file.path)
      }
    }
  }

  private func fill(_ text: String, _ values: ManifestValues) -> String {
    text.replacingOccurrences(of: "${NAMESPACE}", with: values.namespace)
      .replacingOccurrences(of: "${IMAGE_PULL_POLICY}", with: values.imagePullPolicy)
      .replacingOccurrences(of: "${IMAGE}", with: values.image)
      .replacingOccurrences(of: "${VERSION}", with: values.version)
      .replacingOccurrences(
        of: "${NODE_FEATURES}", with: NodeFeature.text(of: values.nodeFeatures)
      )
      .replacingOccurrences(of: "${OPAMP_HOST_PORT}", with: String(values.opAMPHostPort))
      .replacingOccurrences(of: "${RUNTIME_SOCKET}", with: values.runtimeSocket)
      .replacingOccurrences(
        of: "${NODE_CAPABILITIES}",
        with: NodeFeature.capabilities(of: values.nodeFeatures).map(\.rawValue).joined(separator: ", "))
  }
}

extension DynamicObject {
  /// An object of a kind that our manifests use.
  init(manifest: JSONValue, path: String) throws {
    guard let apiVersion = manifest["apiVersion"]?.string, let kind = manifest["kind"]?.string else {
      throw CommandFailure("\(path): an object without apiVersion or kind", next: "mend the manifest")
    }
    guard let type = ResourceType.installed.first(where: { $0.apiVersion == apiVersion && $0.kind == kind }) else {
      throw CommandFailure(
        "\(path): no such kind here: \(apiVersion) \(kind)", next: "add it to ResourceType.installed")
    }
    self.init(type: type, json: manifest)
  }
}
