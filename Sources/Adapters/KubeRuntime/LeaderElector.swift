import KubeClient
import Logging

// CONTRACT, to be implemented by the owner of this target.

/// Leader election by a Lease (client-go's algorithm): 30 s lease, 20 s renewal deadline, 5 s retry by default.
public struct LeaderElector: Sendable {
  /// Makes an elector for the Lease `name`; `identity` is this process.
  public init(
    client: KubeClient, namespace: String, name: String, identity: String, logger: Logger,
    leaseDuration: Duration = .seconds(30), renewDeadline: Duration = .seconds(20), retryPeriod: Duration = .seconds(5)
  ) {}
  /// Waits to lead, runs `lead` while leading (cancels it when the lease is lost, then waits again), releases the
  /// lease when the task is cancelled.
  public func run(_ lead: @escaping @Sendable () async -> Void) async {}
}
