import JSON
import OdigosObjects
import Policy
import Testing

/// What the agent is told by variables.
extension EnvironmentInjectionTests {
  @Test(arguments: [InjectionSettings.Endpoint.nodeAddress, .localTrafficService])
  func theAgentIsToldWhereItsServersAre(_ endpoint: InjectionSettings.Endpoint) throws {
    let facts = try Self.facts(Container()) {
      $0.endpoint = endpoint
      $0.inventory.hasOpAMPServer = true
    }
    let result = try inject(Self.pod([:]), facts).pod
    let isNode = endpoint == .nodeAddress
    let host = named("ODIGOS_OPAMP_SERVER_HOST", result).first?["value"]
    #expect(host == (isNode ? "$(NODE_IP):4320" : "odiglet-local.odigos-system:4320"))
    #expect(named("NODE_IP", result).isEmpty != isNode)
    #expect(named("ODIGOS_OPAMP_UNIX_SOCKET", result).first?["value"] == "/var/odigos/exchange/exchange.sock")
    #expect(Removal.remove(from: result) == Self.pod([:]))
  }

  @Test(arguments: [(4321, "$(NODE_IP):4321"), (0, nil)])
  func theNodesPortForAgentsIsConfigured(_ port: Int, host: String?) throws {
    let configuration = OdigosConfiguration.parse(["odigletOpampPort": .int(port)]).configuration
    let facts = try Self.facts(Container()) {
      $0 = InjectionSettings(
        configuration: configuration, ownNamespace: "odigos-system", endpoint: .nodeAddress, signals: [.traces])
      $0.inventory.hasOpAMPServer = true
    }
    let result = try inject(Self.pod([:]), facts).pod
    #expect(named("ODIGOS_OPAMP_SERVER_HOST", result).first?["value"]?.string == host)
    #expect(!named("ODIGOS_OPAMP_UNIX_SOCKET", result).isEmpty)
    #expect(Removal.remove(from: result) == Self.pod([:]))
  }

  @Test func aSocketOfTheNodeIsNotInAnEmptyVolume() throws {
    let facts = try Self.facts(Container()) {
      $0.inventory.hasOpAMPServer = true
      $0.mountMethod = .initContainer
      $0.mounts.agentsImage = "registry.example/odigos:1"
    }
    let result = try inject(Self.pod([:]), facts).pod
    #expect(named("ODIGOS_OPAMP_UNIX_SOCKET", result).isEmpty && !named("ODIGOS_OPAMP_SERVER_HOST", result).isEmpty)
  }

  @Test func configurationAndDiagnosticsComeAsVariables() throws {
    var container = Self.php
    container.extra = [
      "agentDiagnostics": ["odigosLogLevel": "debug", "openTelemetryComponentsLogLevel": "warn"],
      "traces": ["customInstrumentations": ["php": [["className": "Cart", "functionName": "add"]], "java": []]],
    ]
    let result = try inject(Self.pod([:]), Self.facts(container)).pod
    #expect(named("ODIGOS_LOG_LEVEL", result).first?["value"] == "debug")
    #expect(named("OTEL_LOG_LEVEL", result).first?["value"] == "warn")
    #expect(
      named("ODIGOS_PHP_AGENT_CUSTOM_INSTRUMENTATIONS", result).first?["value"]
        == #"[{"className":"Cart","functionName":"add"}]"#)
    #expect(Removal.remove(from: result) == Self.pod([:]))
  }

  @Test func theUsersVariablesGiveWayToAllOthers() throws {
    let configuration = OdigosConfiguration.parse([
      "userInstrumentationEnvs": [
        "languages": [
          "python": [
            "enabled": true, "env": ["MY_FLAG": "1", "OTEL_SERVICE_NAME": "no", "PYTHONPATH": "no", "SET": "no"],
          ], "java": ["enabled": true, "env": ["JAVA": "no"]], "ruby": ["enabled": false, "env": ["RUBY": "no"]],
        ]
      ]
    ]).configuration
    let facts = try Self.facts(Container()) {
      $0 = InjectionSettings(
        configuration: configuration, ownNamespace: "odigos-system", endpoint: .nodeAddress, signals: [.traces])
    }
    let pod = Self.pod(["env": [["name": "SET", "value": "mine"]]])
    let result = try inject(pod, facts).pod
    #expect(named("MY_FLAG", result).first?["value"] == "1" && named("JAVA", result).isEmpty)
    #expect(named("SET", result) == [["name": "SET", "value": "mine"]])
    #expect(named("OTEL_SERVICE_NAME", result).map { $0["value"] } == ["web"])
    #expect(Removal.remove(from: result) == pod)
  }
}
