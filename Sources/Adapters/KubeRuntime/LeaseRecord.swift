import JSON
import KubeClient

/// `spec` of a Lease: who leads, since when, and when it last said so (coordination.k8s.io/v1).
public struct LeaseRecord: Sendable, Equatable {
  /// Who holds the lease; "" for nobody.
  public var holder: String
  /// For how long after a renewal others keep away, in seconds.
  public var durationSeconds: Int
  /// When the holder got it, by the holder's clock.
  public var acquired: KubeTime?
  /// When the holder last renewed it, by the holder's clock.
  public var renewed: KubeTime?
  /// How often it went from one holder to another.
  public var transitions: Int

  /// Makes a record.
  public init(
    holder: String, durationSeconds: Int, acquired: KubeTime? = nil, renewed: KubeTime? = nil, transitions: Int = 0
  ) {
    self.holder = holder
    self.durationSeconds = durationSeconds
    self.acquired = acquired
    self.renewed = renewed
    self.transitions = transitions
  }

  /// Reads `spec`; what is missing is as nobody's.
  public init(spec: JSONValue) {
    holder = spec["holderIdentity"]?.string ?? ""
    durationSeconds = spec["leaseDurationSeconds"]?.int ?? 0
    acquired = spec["acquireTime"]?.string.flatMap(KubeTime.init)
    renewed = spec["renewTime"]?.string.flatMap(KubeTime.init)
    transitions = spec["leaseTransitions"]?.int ?? 0
  }

  /// Writes the record into `spec`, leaving alone what else is there.
  public func write(to spec: inout JSONValue) {
    spec["holderIdentity"] = .string(holder)
    spec["leaseDurationSeconds"] = .int(durationSeconds)
    spec["acquireTime"] = acquired.map { .string($0.microText) }
    spec["renewTime"] = renewed.map { .string($0.microText) }
    spec["leaseTransitions"] = .int(transitions)
  }
}
