import JSON

/// A named set of settings and objects that is switched on as a whole.
public struct Profile: Sendable {
  /// Its name, as the configuration lists it.
  public var name: String
  /// What it does, as a sentence.
  public var summary: String
  /// Profiles that it brings with it.
  public var dependencies: [String] = []
  /// Why it does nothing here, as a sentence; nil where it works.
  public var unavailable: String?
  /// What it changes in the settings.
  var modify: @Sendable (inout JSONObject) -> Void = { _ in }
  /// The objects that it brings: kind and spec.
  var objects: [ProfileObject] = []

  /// Processors that it needs and that the system's own collector does not have: without a `collectorImage` that has
  /// them it is ignored.
  public var foreignProcessors: [String] {
    let types = objects.filter { $0.kind == "Processor" }.compactMap { $0.spec["type"]?.string }
    return types.filter { !EffectiveConfiguration.ownProcessors.contains($0) }
  }

  /// The profile of that name.
  public static func named(_ name: String) -> Profile? { all.first { $0.name == name } }

  /// Why there is no profile of that name, as a sentence.
  public static func absence(_ name: String) -> String {
    if ofOtherEditions.contains(name) {
      return "The profile \(name) belongs to the on-prem edition of Odigos and is not available here."
    }
    let names = all.map(\.name).sorted()
    let advice = KeySuggestion.nearest(to: name, among: names).map { "did you mean \($0)?" }
    return "There is no profile \(name); \(advice ?? "there are: \(names.joined(separator: ", ")).")"
  }
}

/// An object that a profile brings.
struct ProfileObject: Sendable {
  /// The kind in the group odigos.io.
  var kind: String
  /// The object's name.
  var name: String
  /// Its spec.
  var spec: JSONValue
}

extension Profile {
  /// Every profile that there is.
  public static let all: [Profile] = [
    Profile(
      name: "mount-method-k8s-host-path",
      summary: "Brings agent files into containers by a host path volume, unless mountMethod is set.",
      modify: { $0.setIfUnset("mountMethod", .string(MountMethod.hostPath.rawValue)) }),
    Profile(
      name: "mount-method-k8s-virtual-device",
      summary: "Brings agent files into containers by the device plugin, whatever mountMethod says.",
      modify: { $0["mountMethod"] = .string(MountMethod.virtualDevice.rawValue) }),
    Profile(
      name: "pod-manifest-env-var-injection",
      summary: "Loads agents by variables of the pod, unless agentEnvVarsInjectionMethod is set.",
      modify: {
        $0.setIfUnset("agentEnvVarsInjectionMethod", .string(EnvironmentInjectionMethod.podManifest.rawValue))
      }),
    Profile(
      name: "allow_concurrent_agents", summary: "Lets agents of others run beside ours.",
      modify: { $0["allowConcurrentAgents"] = true }),
    size(.small, "Small collectors."), size(.medium, "Collectors of medium size."), size(.large, "Large collectors."),
    Profile(
      name: "small-batches", summary: "Splits large batches of traces before they are exported.",
      objects: [
        processor(
          "small-batches", type: "batch", signals: ["TRACES"], order: 100,
          ["send_batch_size": 1, "send_batch_max_size": 256])
      ]),
    Profile(
      name: "copy-scope", summary: "Copies the name of a span's instrumentation scope into an attribute of the span.",
      objects: [
        processor(
          "copy-scope", type: "transform", signals: ["TRACES"], order: 0,
          transform(["set(attributes[\"otel.instrumentation.scope\"], instrumentation_scope.name)"]))
      ]),
    renaming("semconv", "Renames old names of attributes to the present ones.", SemanticConventions.general),
    renaming("semconvdynamo", "Renames old names of DynamoDB attributes.", SemanticConventions.dynamo),
    renaming("semconvredis", "Renames old names of Redis attributes.", SemanticConventions.redis),
    Profile(
      name: "disable-nodejs-express", summary: "Leaves out the spans of the Express library of Node.js.",
      objects: [verbosity("disable-nodejs-express", "disabledLibraries", ["express"])]),
    Profile(
      name: "nodejs-verbosity-full", summary: "Takes in the libraries of Node.js that are left out by default.",
      objects: [verbosity("nodejs-verbosity-full", "enabledLibraries", ["fs", "net", "dns"])]),
    Profile(
      name: "avoid-java-opts", summary: "Leaves JAVA_OPTS alone.",
      unavailable: "JAVA_OPTS is never touched; the profile is not needed."),
  ]

  /// Profiles of the other editions of the reference: known names that do nothing here.
  static let ofOtherEditions: Set<String> = [
    "category-attributes", "hostname-as-podname", "reduce-span-name-cardinality", "query-operation-detector",
    "code-attributes", "full-payload-collection", "db-payload-collection", "ebpf-log-capture", "disable-gin",
    "disable-golang-gin", "java-ebpf-instrumentations", "java-enterprise", "java-native-instrumentations",
    "legacy-dotnet-instrumentation", "kratos", "greatwall",
  ]

  private static func size(_ preset: ResourceSizePreset, _ summary: String) -> Profile {
    Profile(
      name: preset.rawValue, summary: summary + " Explicit settings still win.",
      modify: { $0.setIfUnset("resourceSizePreset", .string(preset.rawValue)) })
  }

  private static func renaming(_ name: String, _ summary: String, _ renames: [(old: String, new: String)]) -> Profile {
    let statements = renames.flatMap { rename in
      [
        "set(attributes[\"\(rename.new)\"], attributes[\"\(rename.old)\"]) where attributes[\"\(rename.new)\"] == nil",
        "delete_key(attributes, \"\(rename.old)\")",
      ]
    }
    return Profile(
      name: name, summary: summary,
      objects: [processor(name, type: "transform", signals: ["TRACES"], order: 1, transform(statements))])
  }

  private static func transform(_ statements: [String]) -> JSONValue {
    [
      "error_mode": "ignore",
      "trace_statements": [["context": "span", "statements": .strings(statements)]],
    ]
  }

  private static func processor(
    _ name: String, type: String, signals: [String], order: Int, _ configuration: JSONValue
  ) -> ProfileObject {
    ProfileObject(
      kind: "Processor", name: name,
      spec: [
        "type": .string(type), "processorName": .string(name), "signals": .strings(signals),
        "collectorRoles": ["CLUSTER_GATEWAY"], "orderHint": .int(order), "processorConfig": configuration,
      ])
  }

  private static func verbosity(_ name: String, _ list: String, _ libraries: [String]) -> ProfileObject {
    let entries = libraries.map { library -> JSONValue in
      // The capital is how the objects' schema spells it.
      ["Language": "javascript", "libraryName": .string("@opentelemetry/instrumentation-\(library)")]
    }
    let rule: JSONValue = .object([list: .array(entries)])
    return ProfileObject(
      kind: "InstrumentationRule", name: name, spec: ["ruleName": .string(name), "traceVerbosity": rule])
  }
}

/// Names of attributes that OpenTelemetry's semantic conventions have replaced, each by one of the same meaning.
private enum SemanticConventions {
  static let general = [
    ("http.method", "http.request.method"), ("http.status_code", "http.response.status_code"),
    ("http.url", "url.full"), ("http.scheme", "url.scheme"), ("http.user_agent", "user_agent.original"),
    ("http.client_ip", "client.address"), ("http.request_content_length", "http.request.body.size"),
    ("http.response_content_length", "http.response.body.size"), ("net.protocol.name", "network.protocol.name"),
    ("net.protocol.version", "network.protocol.version"), ("net.sock.peer.addr", "network.peer.address"),
    ("net.sock.peer.port", "network.peer.port"), ("db.system", "db.system.name"), ("db.name", "db.namespace"),
    ("db.statement", "db.query.text"), ("db.operation", "db.operation.name"), ("db.sql.table", "db.collection.name"),
    ("messaging.operation", "messaging.operation.type"),
    ("messaging.kafka.consumer.group", "messaging.consumer.group.name"),
  ].map { (old: $0.0, new: $0.1) }
  static let dynamo = [(old: "aws.dynamodb.table_name", new: "db.collection.name")]
  static let redis = [(old: "db.redis.database_index", new: "db.namespace")]
}

extension JSONObject {
  fileprivate mutating func setIfUnset(_ key: String, _ value: JSONValue) {
    if self[key]?.isNull ?? true { self[key] = value }
  }
}
