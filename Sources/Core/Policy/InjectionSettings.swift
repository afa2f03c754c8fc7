/// What injection depends on beside the workload: the configuration and the state of the cluster.
public struct InjectionSettings: Sendable, Hashable {
  /// Where agents find the collector of their node.
  public enum Endpoint: Sendable, Hashable {
    /// At the node's own address, where the collector has host ports.
    case nodeAddress
    /// At a Service whose traffic stays on the node (Kubernetes 1.26 and newer).
    case localTrafficService
  }

  /// The namespace of the system.
  public var ownNamespace: String
  /// How the agent files come into containers.
  public var mountMethod: MountMethod
  /// Whether nodes are made by Karpenter, which cannot foresee the node label of the node agent.
  public var karpenterEnabled: Bool
  /// Where agents find the collector of their node.
  public var endpoint: Endpoint
  /// The signals that the node collector receives.
  public var signals: Set<CollectedSignal>

  /// Gathers the settings.
  public init(
    ownNamespace: String, mountMethod: MountMethod = .virtualDevice, karpenterEnabled: Bool = false,
    endpoint: Endpoint = .nodeAddress, signals: Set<CollectedSignal>
  ) {
    self.ownNamespace = ownNamespace
    self.mountMethod = mountMethod
    self.karpenterEnabled = karpenterEnabled
    self.endpoint = endpoint
    self.signals = signals
  }

  /// The settings of a configuration.
  public init(
    configuration: OdigosConfiguration, ownNamespace: String, endpoint: Endpoint, signals: Set<CollectedSignal>
  ) {
    self.init(
      ownNamespace: ownNamespace, mountMethod: configuration.mountMethod,
      karpenterEnabled: configuration.karpenterEnabled, endpoint: endpoint, signals: signals)
  }
}
