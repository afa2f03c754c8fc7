import KubeClient
import KubeObjects

extension KubeClient {
  /// Applies the status of an object; one that is gone needs none.
  func applyStatus<Resource: KubeResource>(_ object: Resource) async throws(KubeError) {
    do throws(KubeError) {
      try await apply(object, fieldManager: InstrumentorName.statusManager, subresource: .status)
    } catch {
      if !error.isNotFound { throw error }
    }
  }
}
