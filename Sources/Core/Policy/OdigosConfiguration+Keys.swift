import JSON

extension OdigosConfiguration: SettingsGroup {
  /// The configuration as it is kept in the cluster: what was set, and the defaults that people look for.
  public var json: JSONValue { settingsJSON }

  static var settings: [Setting<OdigosConfiguration>] { general + agents + workloads + collectors + interface + later }

  private static var general: [Setting<OdigosConfiguration>] {
    [
      .integer(
        "configVersion", \.configVersion, 0...Int(Int32.max), "Counts the changes of the configuration.", always: true),
      .bool("telemetryEnabled", \.telemetryEnabled, "Allows anonymous usage data. None is sent today.", always: true),
      .bool("openshiftEnabled", \.openshiftEnabled, "Says that the cluster is an OpenShift one.", always: true),
      .value(
        "ignoredNamespaces", \.ignoredNamespaces, .list,
        "Namespaces that lists and `sources enable cluster` leave out, beside the usual ones. "
          + "An explicit Source there still counts.", always: true,
        read: { $0.strings($1).map { adding($0, to: defaultIgnoredNamespaces) } }, json: { .strings($0) }),
      .value(
        "ignoredContainers", \.ignoredContainers, .list,
        "Names of containers that are never instrumented, beside the usual ones.", always: true,
        read: { $0.strings($1).map { adding($0, to: defaultIgnoredContainers) } }, json: { .strings($0) }),
      .bool(
        "ignoreOdigosNamespace", \.ignoreOdigosNamespace, "Lists leave out the system's own namespace.", always: true),
      .bool("psp", \.psp, "Installs PodSecurityPolicies.", always: true).withoutEffect,
      .text("imagePrefix", \.imagePrefix, "The registry that images come from.").withoutEffect,
      .bool(
        "skipWebhookIssuerCreation", \.skipWebhookIssuerCreation, "Certificates come from somebody else's issuer.",
        always: true
      ).withoutEffect,
      .list("profiles", \.profiles, "The profiles that are on.", always: true),
    ]
  }

  private static var agents: [Setting<OdigosConfiguration>] {
    [
      .bool("allowConcurrentAgents", \.allowConcurrentAgents, "Lets agents of others run beside ours.", always: true),
      .value(
        "uiMode", \.uiMode, .choice(UIMode.allCases.map(\.rawValue)), "What the UI may do.", always: true,
        // The older word for the same.
        read: { $0.value($1)?.string == "normal" ? .default : $0.choice($1, UIMode.self) },
        json: { .string($0.rawValue) }
      ).withoutEffect,
      .integer("uiPaginationLimit", \.uiPaginationLimit, 0...100_000, "Rows that the UI shows at once; 0 for its own.")
        .withoutEffect,
      .text("centralBackendURL", \.centralBackendURL, "Where a central backend is.").withoutEffect,
      .text("clusterName", \.clusterName, "The name of this cluster in telemetry.").withoutEffect,
      .choice("mountMethod", \.mountMethod, "How the agent files come into containers.", always: true),
      .value(
        "imageVolumesEnabled", \.imageVolumesEnabled, .bool,
        "Whether the cluster and the container runtimes of all its nodes have image volumes.", read: { $0.bool($1) },
        json: { $0.map { .bool($0) } }),
      .text(
        "customContainerRuntimeSocketPath", \.customContainerRuntimeSocketPath,
        "The socket of the nodes' container runtime where it is none of the usual ones. `odigos install` hands it on."
      ),
      .choice(
        "agentEnvVarsInjectionMethod", \.agentEnvVarsInjectionMethod,
        "How the variables that load an agent reach the process.", always: true),
      .map(
        "nodeSelector", \.nodeSelector,
        "The labels of the nodes that the node agent and collector run on; `odigos install` applies it to the agent."),
      .bool("karpenterEnabled", \.karpenterEnabled, "Says that Karpenter makes nodes.", always: true),
    ]
  }

  private static var workloads: [Setting<OdigosConfiguration>] {
    [
      .group("rollout", \.rollout, always: true),
      .integer(
        "podsWebhookTimeoutSeconds", \.podsWebhookTimeoutSeconds, 1...30,
        "How long a pod's creation waits for the webhook at most, in seconds."),
      .bool("rollbackDisabled", \.rollbackDisabled, "Leaves agents in workloads that crash with them.", always: true),
      .duration(
        "rollbackGraceTime", \.rollbackGraceTime, "How long after its start a crashing pod is left alone.",
        always: true),
      .duration(
        "rollbackStabilityWindow", \.rollbackStabilityWindow,
        "How long after instrumentation a crash is held against it.", always: true),
    ]
  }

  private static var collectors: [Setting<OdigosConfiguration>] {
    [
      .choice("resourceSizePreset", \.resourceSizePreset, "The size of the collectors."),
      .group("collectorGateway", \.collectorGateway, always: true),
      .group("collectorNode", \.collectorNode, always: true),
      .text("collectorImage", \.collectorImage, "The image that collectors run, if not the system's own."),
      .list(
        "imagePullSecrets", \.imagePullSecrets,
        "Names of Secrets for pulling images; `odigos install` applies them to all but the collectors."),
    ]
  }

  private static var interface: [Setting<OdigosConfiguration>] {
    [
      .text("uiRemoteUrl", \.uiRemoteUrl, "Where the UI is reached from outside.").withoutEffect,
      .choice("mcpAccessMode", \.mcpAccessMode, "What language models may do through the UI.").withoutEffect,
      .bool("mcpEnabled", \.mcpEnabled, "Lets language models use the UI.").withoutEffect,
      .group("oidc", \.oidc).withoutEffect,
      .list(
        "allowedTestConnectionHosts", \.allowedTestConnectionHosts,
        "Hosts that the test of a destination may connect to."
      ).withoutEffect,
      .bool("clickhouseJsonTypeEnabled", \.clickhouseJsonTypeEnabled, "ClickHouse stores attributes as JSON.")
        .withoutEffect,
      .bool("waspEnabled", \.waspEnabled, "Uses the exporter for WASP.").withoutEffect,
    ]
  }

  private static var later: [Setting<OdigosConfiguration>] {
    [
      .integer(
        "odigletHealthProbeBindPort", \.odigletHealthProbeBindPort, 1...65535, "The port of the node agent's probes."
      ).withoutEffect,
      .integer(
        "odigletOpampPort", \.odigletOpampPort, 0...65535,
        "Before Kubernetes 1.26: the port of every node at which agents find the node agent (OpAMP), 0 for none. "
          + "`odigos install` opens it."),
      .text("goAutoOffsetsCron", \.goAutoOffsetsCron, "When Go offsets are looked up anew (cron).").withoutEffect,
      .choice("goAutoOffsetsMode", \.goAutoOffsetsMode, "How Go offsets are looked up anew.").withoutEffect,
      .bool(
        "checkDeviceHealthBeforeInjection", \.checkDeviceHealthBeforeInjection,
        "Leaves pods alone while a device plugin does not run."
      ).withoutEffect,
      .value(
        "traceIdSuffix", \.traceIdSuffix, .structure("two hexadecimal digits"),
        "Ends the trace ids that agents make with this byte.", read: { $0.hexByte($1) }, json: { .string($0) }),
      .group("userInstrumentationEnvs", \.userInstrumentationEnvs),
      .group("agentsInitContainerResources", \.agentsInitContainerResources),
      .group("odigosOwnTelemetryStore", \.odigosOwnTelemetryStore).withoutEffect,
      .group("componentLogLevels", \.componentLogLevels).withoutEffect,
      .group("metricsSources", \.metricsSources), .group("traceCorrelations", \.traceCorrelations).withoutEffect,
      .group("sampling", \.sampling), .group("profiling", \.profiling).withoutEffect,
    ]
  }

  /// Lists of what to leave out add to the defaults: forgetting a service mesh's proxy is never meant.
  private static func adding(_ names: [String], to defaults: [String]) -> [String] {
    var result = defaults
    result.appendMissing(names)
    return result
  }
}

extension ConfigurationReader {
  /// Two hexadecimal digits; "" for none.
  mutating func hexByte(_ key: String) -> String? {
    guard let text = string(key) else { return nil }
    if text.isEmpty || text.utf8.count == 2 && UInt8(text, radix: 16) != nil { return text }
    error(key, "expected two hexadecimal digits such as 0f, found \"\(text)\".")
    return nil
  }

  /// A list of durations, as they were written.
  mutating func durations(_ key: String) -> [String]? {
    guard let texts = strings(key) else { return nil }
    guard let wrong = texts.first(where: { ConfigurationDuration($0) == nil }) else { return texts }
    error(key, "expected durations such as 10ms or 2s, found \"\(wrong)\".")
    return nil
  }

  /// A list of `{name, disabled}`.
  mutating func namedSwitches(_ key: String) -> [String: Bool]? {
    guard let entries = value(key) else { return nil }
    var result: [String: Bool] = [:]
    for entry in entries.array ?? [.null] {
      guard let name = entry["name"]?.string, entry["disabled"] == nil || entry["disabled"]?.bool != nil else {
        error(key, "expected a list of name with disabled: true or false.")
        return nil
      }
      result[name] = entry["disabled"]?.bool ?? false
    }
    return result
  }
}
