import JSON

/// What a destination adds to the gateway's configuration.
struct DestinationComponents {
  var exporters: [ComponentID: JSONValue] = [:]
  var extensions: [ComponentID: JSONValue] = [:]
  var variables: Set<SecretVariable> = []
}

/// How the destinations of one type are configured.
struct DestinationRecipe: Sendable {
  /// What such a backend takes.
  var signals: Set<Signal>
  /// Makes the components of one destination, whose signals are among `signals`.
  var make: @Sendable (DestinationInput) throws(DestinationProblem) -> DestinationComponents

  /// All types, by the name in `spec.type`.
  static let all: [String: DestinationRecipe] = [
    "otlp": DestinationRecipe(signals: Set(Signal.allCases), make: otlp),
    "otlphttp": DestinationRecipe(signals: Set(Signal.allCases), make: otlpHTTP),
    "jaeger": .plainGRPC([.traces], endpoint: "JAEGER_URL", tls: "JAEGER_TLS_ENABLED", ca: "JAEGER_CA_PEM"),
    "tempo": .plainGRPC([.traces], endpoint: "TEMPO_URL"),
    "signoz": .plainGRPC([.traces, .metrics, .logs], endpoint: "SIGNOZ_URL"),
    "debug": DestinationRecipe(signals: [.traces, .metrics, .logs], make: debug),
  ]

  /// A backend that takes OTLP over gRPC at an address; `tls` and `ca` are the fields for encryption, if it has any.
  private static func plainGRPC(_ signals: Set<Signal>, endpoint: String, tls: String? = nil, ca: String? = nil)
    -> DestinationRecipe
  {
    DestinationRecipe(signals: signals) { input throws(DestinationProblem) in
      var result = DestinationComponents()
      let encrypted = if let tls { try input.flag(tls) } else { false }
      result.exporters[ComponentID("otlp", input.name)] = [
        "endpoint": .string(
          try input.endpoint(endpoint) { text throws(EndpointError) in try Endpoint.grpc(text, tls: encrypted) }),
        "tls": tlsSettings(input, encrypted: encrypted, ca: ca),
      ]
      return result
    }
  }

  private static func otlp(_ input: DestinationInput) throws(DestinationProblem) -> DestinationComponents {
    try refuse(input, "OTLP_GRPC_OAUTH2_ENABLED", "OAuth2", headers: "OTLP_GRPC_HEADERS")
    var result = DestinationComponents()
    let encrypted = try input.flag("OTLP_GRPC_TLS_ENABLED")
    var settings: JSONValue = [
      "endpoint": .string(
        try input.endpoint("OTLP_GRPC_ENDPOINT") { text throws(EndpointError) in
          try Endpoint.grpc(text, tls: encrypted)
        }),
      "compression": .string(try input.choice("OTLP_GRPC_COMPRESSION", of: compressions) ?? "none"),
      "tls": tlsSettings(
        input, encrypted: encrypted, ca: "OTLP_GRPC_CA_PEM",
        skipVerify: try input.flag("OTLP_GRPC_INSECURE_SKIP_VERIFY")),
    ]
    settings["headers"] = try headers(input, "OTLP_GRPC_HEADERS", &result.variables)
    result.exporters[ComponentID("otlp", input.name)] = settings
    return result
  }

  private static func otlpHTTP(_ input: DestinationInput) throws(DestinationProblem) -> DestinationComponents {
    try refuse(input, "OTLP_HTTP_OAUTH2_ENABLED", "OAuth2", headers: "OTLP_HTTP_HEADERS")
    if input.value("OTLP_HTTP_BASIC_AUTH_USERNAME") != nil {
      throw DestinationProblem(
        .invalid,
        "spec.data.OTLP_HTTP_BASIC_AUTH_USERNAME: basic authentication is not supported yet; put the header into the "
          + "Secret and name it in OTLP_HTTP_HEADERS, [{\"key\":\"Authorization\",\"value\":\"${KEY_OF_THE_SECRET}\"}]")
    }
    var result = DestinationComponents()
    let endpoint = try input.endpoint("OTLP_HTTP_ENDPOINT") { text throws(EndpointError) in try Endpoint.http(text) }
    var settings: JSONValue = [
      "endpoint": .string(endpoint),
      "compression": .string(try input.choice("OTLP_HTTP_COMPRESSION", of: compressions) ?? "none"),
    ]
    for signal in Signal.collectable {
      let field = "OTLP_HTTP_\(signal.rawValue)_ENDPOINT"
      guard input.value(field) != nil else { continue }
      settings["\(signal.pipelineName)_endpoint"] = .string(
        try input.endpoint(field) { text throws(EndpointError) in try Endpoint.httpSignal(text) })
    }
    if endpoint.hasPrefix("https://") {
      settings["tls"] = tlsSettings(
        input, encrypted: true, ca: "OTLP_HTTP_CA_PEM", skipVerify: try input.flag("OTLP_HTTP_INSECURE_SKIP_VERIFY"))
    } else if try input.flag("OTLP_HTTP_TLS_ENABLED") {
      throw DestinationProblem(
        .invalid, "spec.data.OTLP_HTTP_ENDPOINT \"\(endpoint)\" is without TLS, but TLS is enabled; write https://")
    }
    settings["headers"] = try headers(input, "OTLP_HTTP_HEADERS", &result.variables)
    result.exporters[ComponentID("otlphttp", input.name)] = settings
    return result
  }

  private static func debug(_ input: DestinationInput) throws(DestinationProblem) -> DestinationComponents {
    let verbosity = try input.choice("VERBOSITY", of: ["basic", "normal", "detailed"]) ?? "basic"
    return DestinationComponents(exporters: [ComponentID("debug", input.name): ["verbosity": .string(verbosity)]])
  }

  private static let compressions = ["none", "gzip"]

  private static func tlsSettings(
    _ input: DestinationInput, encrypted: Bool, ca: String? = nil, skipVerify: Bool = false
  ) -> JSONValue {
    guard encrypted else { return ["insecure": true] }
    var settings: JSONValue = ["insecure": false]
    // PEM has no "$", but nothing here may reach the collector's expansion.
    if let ca, let pem = input.value(ca) { settings["ca_pem"] = .string(pem.split(separator: "$").joined() + "\n") }
    if skipVerify { settings["insecure_skip_verify"] = true }
    return settings
  }

  private static func refuse(_ input: DestinationInput, _ field: String, _ what: String, headers: String)
    throws(DestinationProblem)
  {
    guard try input.flag(field) else { return }
    throw DestinationProblem(.invalid, "spec.data.\(field): \(what) is not supported yet; use \(headers) instead")
  }

  /// Headers as a user interface writes them: a JSON list of `{key, value}`.
  private static func headers(_ input: DestinationInput, _ field: String, _ variables: inout Set<SecretVariable>)
    throws(DestinationProblem) -> JSONValue?
  {
    guard let text = input.value(field) else { return nil }
    let example = "write a JSON list such as [{\"key\":\"x-tenant\",\"value\":\"a\"}]"
    let parsed: JSONValue
    do { parsed = try JSONValue(parsing: text) } catch {
      throw DestinationProblem(
        .invalid, "spec.data.\(field) is no JSON (\(error.reason), byte \(error.offset)); \(example)")
    }
    guard let entries = parsed.array else {
      throw DestinationProblem(.invalid, "spec.data.\(field) is no list; \(example)")
    }
    var headers = JSONObject()
    for entry in entries {
      guard let key = entry["key"]?.string?.trimmed, !key.isEmpty, let value = entry["value"]?.string else {
        throw DestinationProblem(
          .invalid, "spec.data.\(field) has an entry without the texts key and value; \(example)")
      }
      guard key.utf8.allSatisfy(isHeaderNameByte) else {
        throw DestinationProblem(.invalid, "spec.data.\(field): \"\(key)\" is no name of a header")
      }
      guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else {
        throw DestinationProblem(
          .invalid, "spec.data.\(field): the value of \"\(key)\" has a line break or another control character")
      }
      guard headers[key] == nil else {
        throw DestinationProblem(.invalid, "spec.data.\(field) has the header \"\(key)\" twice")
      }
      headers[key] = try input.literal(field, value, &variables)
    }
    return headers.isEmpty ? nil : .object(headers)
  }

  /// A byte of a token (RFC 9110) except "$", which the collector would expand.
  private static func isHeaderNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
    default: "!#%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
