import JSON
import KubeObjects
import Policy
import Testing

/// Pods that cannot look names of the cluster up.
@Suite struct NameResolutionTests {
  static let pods: [(JSONValue, knowsNames: Bool)] = [
    ([:], true), (["dnsPolicy": "ClusterFirst"], true), (["hostNetwork": false], true),
    (["hostNetwork": true], false), (["hostNetwork": true, "dnsPolicy": "ClusterFirst"], false),
    (["hostNetwork": true, "dnsPolicy": "ClusterFirstWithHostNet"], true),
    (["dnsPolicy": "Default"], false), (["dnsPolicy": "None", "dnsConfig": ["nameservers": ["192.0.2.1"]]], false),
  ]
  private static let names = ("odiglet-local.odigos-system", "odigos-data-collection-local-traffic.odigos-system")

  private static func settings(
    _ addresses: ServiceAddresses, endpoint: InjectionSettings.Endpoint = .localTrafficService
  ) -> InjectionSettings {
    var settings = InjectionTests.settings(endpoint: endpoint)
    settings.inventory.hasOpAMPServer = true
    settings.serviceAddresses = addresses
    return settings
  }

  private func value(_ name: String, _ pod: JSONValue) -> String? {
    variable(name, pod)?["value"]?.string
  }

  private func variable(_ name: String, _ pod: JSONValue) -> JSONValue? {
    pod.at("spec", "containers")?[0]?["env"]?.array?.first { $0["name"]?.string == name }
  }

  @Test(arguments: pods) func namesAreForPodsThatCanLookThemUp(_ spec: JSONValue, knowsNames: Bool) throws {
    let settings = Self.settings(ServiceAddresses(collector: "10.0.0.7", nodeAgent: "[fd00::8]"))
    let pod = InjectionTests.pod([:], spec: spec, labels: ["app": "web"])
    let (result, plan) = try inject(pod, InjectionTests.facts(settings))
    let hosts = knowsNames ? Self.names : ("[fd00::8]", "10.0.0.7")
    #expect(value("ODIGOS_OPAMP_SERVER_HOST", result) == "\(hosts.0):4320")
    #expect(value("OTEL_EXPORTER_OTLP_ENDPOINT", result) == "http://\(hosts.1):4318")
    #expect(plan.reason.code == .injected)
    // Whatever is known by then: what a pod has, it keeps.
    for addresses in [settings.serviceAddresses, ServiceAddresses(collector: "10.0.0.9"), ServiceAddresses()] {
      #expect(try inject(result, InjectionTests.facts(Self.settings(addresses))).plan.isEmpty)
    }
    #expect(Removal.remove(from: result) == pod)
  }

  @Test(arguments: pods) func aPodIsLeftAloneWhileItCannotBeToldTheCollector(
    _ spec: JSONValue, knowsNames: Bool
  ) throws {
    let settings = Self.settings(ServiceAddresses(nodeAgent: "10.0.0.8"))
    let plan = try inject(InjectionTests.pod([:], spec: spec), InjectionTests.facts(settings)).plan
    #expect(plan.isEmpty == !knowsNames)
    #expect(plan.reason.code == (knowsNames ? .injected : .collectorAddressUnknown))
  }

  /// What its agent says of itself is less than what it says of the application.
  @Test func theNodeAgentsAddressMayBeMissing() throws {
    let settings = Self.settings(ServiceAddresses(collector: "10.0.0.7"))
    let pod = InjectionTests.pod([:], spec: ["hostNetwork": true])
    let result = try inject(pod, InjectionTests.facts(settings)).pod
    #expect(value("ODIGOS_OPAMP_SERVER_HOST", result) == "\(Self.names.0):4320")
    #expect(value("OTEL_EXPORTER_OTLP_ENDPOINT", result) == "http://10.0.0.7:4318")
  }

  @Test func whereTheUserSendsTelemetryNoAddressIsNeeded() throws {
    let own: JSONValue = ["env": [["name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://mine:4318"]]]
    let pod = InjectionTests.pod(own, spec: ["hostNetwork": true])
    let (result, plan) = try inject(pod, InjectionTests.facts(Self.settings(ServiceAddresses())))
    #expect(plan.reason.code == .injected && value("OTEL_EXPORTER_OTLP_ENDPOINT", result) == "http://mine:4318")
  }

  @Test func theNodesAddressNeedsNoNames() throws {
    let settings = Self.settings(ServiceAddresses(), endpoint: .nodeAddress)
    let pod = InjectionTests.pod([:], spec: ["hostNetwork": true])
    let result = try inject(pod, InjectionTests.facts(settings)).pod
    #expect(value("OTEL_EXPORTER_OTLP_ENDPOINT", result) == "http://$(NODE_IP):4318")
  }

  @Test(
    arguments: [
      ("10.0.0.7", "10.0.0.7"), ("fd00::7", "[fd00::7]"), ("None", nil), ("", nil), (nil, nil),
    ] as [(String?, String?)]) func addressesComeFromServices(_ address: String?, host: String?)
  {
    var object: JSONValue = ["metadata": ["name": "odigos-data-collection-local-traffic"]]
    if let address { object.set(["spec", "clusterIP"], .string(address)) }
    let service = Service(json: object)
    #expect(ServiceAddresses { $0 == service.name ? service : nil } == ServiceAddresses(collector: host))
  }
}
