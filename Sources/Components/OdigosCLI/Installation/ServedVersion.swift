import KubeClient
import KubeObjects

/// Manifests are written for today's Kubernetes; the oldest clusters serve a few kinds under an older version only.
enum ServedVersion {
  /// The version of a kind on clusters that do not serve that of the manifests.
  static let older: [ResourceType: String] = [.podDisruptionBudget: "v1beta1"]

  /// The object as this cluster takes it.
  static func object(_ manifest: DynamicObject, _ client: KubeClient) async throws -> DynamicObject {
    guard let version = older[manifest.type] else { return manifest }
    do throws(KubeError) {
      _ = try await client.raw("/apis/\(manifest.type.group)/\(manifest.type.version)")
      return manifest
    } catch {
      guard error.isNotFound else { throw error }
      return object(manifest, version)
    }
  }

  /// The object under another version of its kind's group.
  static func object(_ manifest: DynamicObject, _ version: String) -> DynamicObject {
    var object = manifest
    object.type = type(manifest.type, version)
    object.json["apiVersion"] = .string(object.type.apiVersion)
    return object
  }

  /// The kind under another version of its group.
  static func type(_ type: ResourceType, _ version: String) -> ResourceType {
    ResourceType(
      group: type.group, version: version, kind: type.kind, plural: type.plural, isNamespaced: type.isNamespaced)
  }
}
