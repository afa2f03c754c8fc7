import KubeClient
import KubeObjects
import Logging

// CONTRACT, to be implemented by the owner of this target.

/// Records Events (core/v1) about objects; the same event again raises its count. Failures are logged, never thrown.
public final class EventRecorder: Sendable {
  /// `component` is the reporter's name.
  public init(client: KubeClient, component: String, logger: Logger) {}
  /// Records an event about an object.
  public func record<Resource: KubeResource>(_ object: Resource, warning: Bool = false, reason: String, message: String)
    async
  {}
}
