import Testing

@testable import Collector

@Suite("Collector configuration") struct ConfigurationTests {
  @Test(
    "What the pipeline manager writes is accepted",
    arguments: [
      """
      receivers:
        otlp:
          protocols:
            grpc:
              endpoint: 0.0.0.0:4317
              max_recv_msg_size_mib: 128
              keepalive: {server_parameters: {max_connection_age: 15s, max_connection_age_grace: 2s}}
            http: {endpoint: "0.0.0.0:4318"}
      processors:
        memory_limiter: {check_interval: 1s, limit_mib: 250, spike_limit_mib: 50}
        resource/odigos-version: {attributes: [{key: odigos.version, value: "${ODIGOS_VERSION}", action: upsert}]}
        batch: {}
      exporters:
        otlp/tempo-t1: {endpoint: "tempo.tracing:4317", tls: {insecure: true}, compression: none}
        otlphttp/other:
          endpoint: https://example.com/otlp
          traces_endpoint: https://example.com/traces
          headers: {Authorization: "Bearer ${env:TOKEN}"}
          tls: {ca_pem: "-----BEGIN CERTIFICATE-----", insecure_skip_verify: true}
        debug/discard: {verbosity: basic}
      extensions: {health_check: {endpoint: "0.0.0.0:13133"}}
      service:
        extensions: [health_check]
        telemetry: {metrics: {address: "0.0.0.0:8888"}, resource: {service.name: gateway, service.version: null}}
        pipelines:
          traces/tempo-t1:
            receivers: [otlp]
            processors: [memory_limiter, resource/odigos-version, batch]
            exporters: [otlp/tempo-t1, otlphttp/other]
          metrics/discard: {receivers: [otlp], processors: [memory_limiter], exporters: [debug/discard]}
      """,
      """
      receivers: {otlp/in: {protocols: {grpc: , http: }}}
      processors: {memory_limiter: {check_interval: 1s, limit_percentage: 80, spike_limit_percentage: 25}}
      exporters:
        otlp_grpc/gateway:
          endpoint: dns:///odigos-gateway.odigos-system:4317
          balancer_name: round_robin
          timeout: 5s
          tls: {insecure: true}
          retry_on_failure: {enabled: true, initial_interval: 5s, max_interval: 30s, max_elapsed_time: 300s}
          sending_queue: {enabled: true, num_consumers: 10, queue_size: 5000}
        otlp_http: {endpoint: "http://backend:4318/", encoding: json}
        file: {path: /tmp/x, format: json, rotation: {max_megabytes: 1, max_backups: 3}}
      service:
        telemetry:
          logs: {level: warn}
          metrics: {readers: [{pull: {exporter: {prometheus: {host: 0.0.0.0, port: 8888}}}}]}
        pipelines:
          traces: {receivers: [otlp/in], processors: [memory_limiter], exporters: [otlp_grpc/gateway, otlp_http, file]}
      """,
    ])
  func accepted(text: String) throws {
    let configuration = try CollectorConfiguration(Array(text.utf8)) { _ in "value" }
    #expect(configuration.service.metrics?.description == "0.0.0.0:8888")
  }

  @Test("Settings arrive where they belong")
  func values() throws {
    let text = Self.minimal(
      exporter: """
        otlp:
              endpoint: https://backend.example:443
              timeout: 1m30s
              compression: none
              headers: {X-Tenant: a, x-number: 5}
              tls: {ca_file: /ca.pem, server_name_override: other}
              retry_on_failure: {enabled: false}
              sending_queue: {enabled: false}
        """)
    let configuration = try CollectorConfiguration(Array(text.utf8)) { _ in nil }
    let id = try #require(ComponentID("otlp"))
    guard case .otlp(let settings)? = configuration.exporters[id] else {
      Issue.record("no otlp exporter")
      return
    }
    #expect(settings.address == .tcp(host: "backend.example", port: 443))
    #expect(settings.usesTLS)
    #expect(settings.delivery.timeout == .seconds(90))
    #expect(settings.delivery.compression == .none)
    #expect(settings.delivery.headers.map(\.name) == ["x-tenant", "x-number"])
    #expect(settings.delivery.headers.map(\.value) == ["a", "5"])
    #expect(settings.delivery.tls.authority == .file("/ca.pem"))
    #expect(settings.delivery.tls.serverName == "other")
    #expect(!settings.delivery.retry.enabled && !settings.delivery.queue.enabled)
    #expect(configuration.receivers[id]?.grpc?.address == .tcp(host: "0.0.0.0", port: 0))
    #expect(configuration.receivers[id]?.http == nil)
  }

  @Test(
    "Mistakes are named with their place and what is allowed",
    arguments: [
      ("receivers: [", "line 2, column 1: did not find expected node content"),
      ("a: 1", "unknown key \"a\"; allowed: exporters, extensions, processors, receivers, service"),
      ("exporter: {}", "did you mean \"exporters\"?"),
      ("connectors: {forward: }", "connectors: not supported by odigos-collector; it has no connectors"),
      ("receivers: {kafka: }", "receivers.kafka: unknown receiver type \"kafka\"; odigos-collector has: otlp"),
      ("processors: {transform/x: }", "has: batch, memory_limiter, resource"),
      ("exporters: {otlp/: }", "exporters: \"otlp/\" is no name; write type or type/name"),
      (
        "exporters: {jaeger: }", "exporters.jaeger: unknown exporter type \"jaeger\"; odigos-collector has: debug, file"
      ),
      (
        "extensions: {pprof: }",
        "extensions.pprof: unknown extension type \"pprof\"; odigos-collector has: health_check"
      ),
      ("receivers: {otlp: }", "receivers.otlp.protocols: at least one of grpc, http is needed"),
      (
        "receivers: {otlp: {protocols: {grpc: {endpint: x}}}}",
        "receivers.otlp.protocols.grpc: unknown key \"endpint\"; did you mean \"endpoint\"?"
      ),
      ("receivers: {otlp: {protocols: {grpc: {endpoint: nowhere}}}}", "\"nowhere\" is no address; write host:port"),
      ("receivers: {otlp: {protocols: {http: {cors: {}}}}}", "http.cors: not supported by odigos-collector"),
      ("receivers: {otlp: {protocols: {http: {tls: {}}}}}", "http.tls.cert_file: a file is needed"),
      ("processors: {batch: {timeout: 5}}", "processors.batch.timeout: a duration such as 200ms, 5s or 1m30s"),
      ("processors: {batch: {send_batch_size: -1}}", "a whole number from 0 to 10000000 is expected"),
      ("processors: {batch: {send_batch_max_size: 5}}", "must be 0 or at least send_batch_size (8192)"),
      ("processors: {batch: {metadata_keys: [a]}}", "processors.batch.metadata_keys: not supported"),
      ("processors: {memory_limiter: {limit_mib: 5}}", "check_interval: a duration above 0 is needed"),
      ("processors: {memory_limiter: {check_interval: 1s}}", "either limit_mib or limit_percentage must be above 0"),
      ("processors: {memory_limiter: {limit_mib: 5, spike_limit_mib: 5}}", "must be below limit_mib (5)"),
      ("processors: {resource: }", "attributes: a list of at least one {key, action, value} is needed"),
      (
        "processors: {resource: {attributes: [{key: a, action: hash}]}}",
        "\"hash\" is not supported by odigos-collector"
      ),
      ("processors: {resource: {attributes: [{key: a, action: put}]}}", "\"put\" is not one of insert, update, upsert"),
      ("processors: {resource: {attributes: [{key: a, action: insert}]}}", "insert needs one of value, from_attribute"),
      ("processors: {resource: {attributes: [{action: delete}]}}", "attributes[0].key: the name of an attribute"),
      ("exporters: {otlp: {endpoint: backend}}", "exporters.otlp.endpoint: \"backend\" is no address"),
      ("exporters: {otlp: {endpoint: 'b:1', compression: zstd}}", "\"zstd\" is not one of gzip, none"),
      ("exporters: {otlp: {endpoint: 'b:1', auth: {}}}", "exporters.otlp.auth: not supported"),
      ("exporters: {otlp: {endpoint: 'b:1', sending_queue: {storage: x}}}", "sending_queue.storage: not supported"),
      (
        "exporters: {otlp: {endpoint: 'b:1', tls: {cert_pem: x}}}",
        "exporters.otlp.tls: a client certificate needs both"
      ),
      ("exporters: {otlp: {endpoint: 'b:1', headers: {'a b': x}}}", "\"a b\" or its value has characters"),
      ("exporters: {otlphttp: }", "exporters.otlphttp.endpoint: a URL is needed"),
      ("exporters: {otlphttp: {endpoint: 'b:4318'}}", "\"b:4318\" is no URL"),
      ("exporters: {debug: {verbosity: loud}}", "\"loud\" is not one of basic, normal, detailed"),
      ("exporters: {file: }", "exporters.file.path: the name of a file is needed"),
      ("exporters: {debug: [1]}", "exporters.debug: a mapping is expected"),
      ("extensions: {health_check: {path: x}}", "extensions.health_check.path: a path begins with a slash"),
      ("service: {pipelines: {spans: }}", "\"spans\" is no pipeline; write traces, metrics, logs, or signal/name"),
      ("service: {pipelines: {traces: }}", "service.pipelines.traces.receivers: at least one is needed"),
      (
        "service: {pipelines: {traces: {receivers: [otlp]}}}",
        "\"otlp\" is not defined in section receivers; defined: none"
      ),
      ("service: {pipelines: {traces: {receivers: otlp}}}", "traces.receivers: a list of names is expected"),
      ("service: {extensions: [zpages]}", "\"zpages\" is not defined in section extensions"),
      ("service: {telemetry: {traces: {}}}", "service.telemetry.traces: not supported"),
      ("service: {telemetry: {logs: {level: loud}}}", "\"loud\" is not one of debug, info, warn, error"),
      ("", "service.pipelines: at least one pipeline is needed"),
      ("exporters: {debug: {verbosity: '${file:x}'}}", "only environment variables are read, as ${env:NAME}"),
      ("exporters: {debug: {verbosity: '${env:1}'}}", "names no environment variable"),
      ("exporters: {debug: {verbosity: '${'}}", "write $$ for a dollar sign"),
    ])
  func mistakes(text: String, message: String) {
    let error = #expect(throws: ConfigurationError.self) { try CollectorConfiguration(Array(text.utf8)) { _ in nil } }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "none")")
  }

  @Test("A component twice in a pipeline is a mistake, all mistakes come at once")
  func several() {
    let text =
      Self.minimal(exporter: "debug: {a: 1, b: 2}") + "      traces/2: {receivers: [otlp, otlp], exporters: [x]}\n"
    let error = #expect(throws: ConfigurationError.self) { try CollectorConfiguration(Array(text.utf8)) { _ in nil } }
    #expect(error?.problems.count == 4, "\(error?.description ?? "none")")
    #expect(error?.description.contains("\"otlp\" stands twice") == true)
  }

  @Test("Unset variables and keys without effect are warned about")
  func warnings() throws {
    let text = Self.minimal(exporter: "file: {path: \"/tmp/${env:MISSING}x\"}")
    let configuration = try CollectorConfiguration(Array(text.utf8)) { _ in nil }
    #expect(
      configuration.warnings == [
        "exporters.file.path: environment variable MISSING is not set; its value is taken as empty"
      ])
  }

  @Test(
    "Environment variables are expanded",
    arguments: [
      ("${env:A}", "1"), ("${A}", "1"), ("x${A}y${env:A}", "x1y1"), ("$$A", "$A"), ("$${A}", "${A}"), ("$A", "$A"),
      ("a$", "a$"), ("${env:NONE:-b c}", "b c"), ("${NONE:-}", ""), ("${A:-b}", "1"), ("${env:NONE}", ""),
    ])
  func expansion(text: String, expected: String) {
    let findings = ConfigurationFindings()
    let expansion = EnvironmentExpansion(environment: { $0 == "A" ? "1" : nil }, findings: findings)
    #expect(expansion.expand(.string(text)) == .string(expected))
    #expect(findings.problems == [])
    #expect(expansion.expand(["k": [.string(text)], "n": 5]) == ["k": [.string(expected)], "n": 5])
  }

  @Test(
    "Durations are Go's",
    arguments: [
      ("0", Duration.zero), ("0s", .zero), ("200ms", .milliseconds(200)), ("1m30s", .seconds(90)),
      ("1.5h", .seconds(5400)), ("10us", .microseconds(10)), ("10µs", .microseconds(10)), ("5ns", .nanoseconds(5)),
      ("", nil), ("5", nil), ("5x", nil), ("s", nil), ("-5s", nil), ("5 s", nil), ("1.2.3s", nil), ("9999999999h", nil),
    ] as [(String, Duration?)])
  func durations(text: String, expected: Duration?) {
    #expect(DurationText.parse(text) == expected)
  }

  @Test(
    "Command lines",
    arguments: [
      (["--config=a"], "a", false), (["--config", "a"], "a", false), (["--validate", "--config=file:a"], "a", true),
      (["validate", "--config=a"], "a", true),
    ])
  func options(arguments: [String], file: String, validates: Bool) throws {
    let options = try CollectorProgram.Options(arguments)
    #expect(options.configFile == file)
    #expect(options.validatesOnly == validates)
  }

  @Test("Command lines that cannot be followed", arguments: [[], ["--config"], ["--config="], ["--confg=a"]])
  func badOptions(arguments: [String]) {
    #expect(throws: CollectorUsageError.self) { try CollectorProgram.Options(arguments) }
  }

  /// A configuration with one exporter; lines may be appended to its pipelines.
  static func minimal(exporter: String) -> String {
    """
    receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:0"}}}}
    exporters:
        \(exporter)
    service:
      telemetry: {metrics: {level: none}}
      pipelines:
          traces: {receivers: [otlp], exporters: [\(exporter.prefix { $0 != ":" })]}

    """
  }
}
