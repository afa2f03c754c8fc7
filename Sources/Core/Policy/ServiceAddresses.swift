import KubeObjects

/// The addresses of the Services that lead to what is on a pod's own node, for pods that cannot look names up.
public struct ServiceAddresses: Sendable, Hashable {
  /// That of the node collector, as a URL has it; nil where it is not known.
  public var collector: String?
  /// That of the node agent (OpAMP), as a URL has it; nil where it is not known.
  public var nodeAgent: String?

  /// Gathers the addresses.
  public init(collector: String? = nil, nodeAgent: String? = nil) {
    self.collector = collector
    self.nodeAgent = nodeAgent
  }

  /// Reads them from the Services of the system.
  ///
  /// - Parameter service: gives the Service of that name; nil where there is none.
  public init(_ service: (String) -> Service?) {
    self.init(
      collector: service(OdigosName.dataCollectionLocalTraffic).flatMap(Self.host),
      nodeAgent: service(OdigosName.odigletLocal).flatMap(Self.host))
  }

  /// A Service's own address, as a URL has it; nil for one without (`None`, or not given one yet).
  private static func host(_ service: Service) -> String? {
    guard let address = service.json.at("spec", "clusterIP")?.string, !address.isEmpty, address != "None" else {
      return nil
    }
    return address.contains(":") ? "[\(address)]" : address
  }
}

/// Whether a pod can look up the names of the cluster's Services.
enum ClusterNames {
  /// With the host's network `ClusterFirst` means `Default`, the node's own name servers (Kubernetes, "Pod's DNS
  /// Policy"); with `None` nobody knows which names the pod's own name servers have.
  static func areKnown(hostNetwork: Bool, dnsPolicy: String?) -> Bool {
    switch dnsPolicy {
    case "Default", "None": false
    case "ClusterFirstWithHostNet": true
    default: !hostNetwork
    }
  }
}
