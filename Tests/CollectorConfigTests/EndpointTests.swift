import CollectorConfig
import Testing

@Suite struct EndpointTests {
  @Test(arguments: [
    ("collector", false, "collector:4317"),
    ("  collector.tracing:5555 ", false, "collector.tracing:5555"),
    ("grpc://collector", false, "collector:4317"),
    ("http://tempo-distributor.tracing:4317", false, "tempo-distributor.tracing:4317"),
    ("http://collector/", false, "collector:4317"),
    ("otlp.example.com:443", true, "otlp.example.com:443"),
    ("https://otlp.example.com", true, "otlp.example.com:4317"),
    ("GRPCS://otlp.example.com", true, "otlp.example.com:4317"),
    ("[fd00::1]", false, "[fd00::1]:4317"),
    ("[fd00::1]:4000", false, "[fd00::1]:4000"),
    ("10.0.0.1:1", false, "10.0.0.1:1"),
  ])
  func grpcAddress(text: String, tls: Bool, expected: String) throws {
    #expect(try Endpoint.grpc(text, tls: tls) == expected)
  }

  @Test(arguments: [
    ("", false, "empty"),
    ("   ", false, "empty"),
    ("https://collector", false, "TLS is not enabled"),
    ("grpcs://collector", false, "TLS is not enabled"),
    ("http://collector", true, "TLS is enabled"),
    ("tcp://collector", false, "not one of"),
    ("collector/v1/traces", false, "no path"),
    ("collector?x=1", false, "no path"),
    ("http://collector/?x=1", false, "no path"),
    ("collector#a", false, "fragment"),
    ("user:word@collector", false, "user information"),
    ("collector:", false, "no port"),
    ("collector:0", false, "no port"),
    ("collector:65536", false, "no port"),
    ("collector:99999999999999999999", false, "no port"),
    ("collector:4317x", false, "no port"),
    ("fd00::1", false, "brackets"),
    ("[fd00::1", false, "closing"),
    ("[collector]", false, "IPv6"),
    ("[fd00::1]x", false, "follows"),
    (":4317", false, "no host"),
    ("http://", false, "no host"),
    ("a b", false, "no host name"),
    ("${env:HOME}", false, "no host name"),
    ("1x://host", false, "no scheme"),
    ("://host", false, "no scheme"),
  ])
  func grpcAddressThatIsNone(text: String, tls: Bool, message: String) {
    let error = #expect(throws: EndpointError.self) { try Endpoint.grpc(text, tls: tls) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test(arguments: [
    ("collector:4318", "http://collector:4318"),
    ("http://collector", "http://collector"),
    ("HTTPS://collector.example.com/otlp/", "https://collector.example.com/otlp"),
    ("https://collector.example.com/", "https://collector.example.com"),
    ("https://[fd00::1]:4318/a/b", "https://[fd00::1]:4318/a/b"),
  ])
  func httpBase(text: String, expected: String) throws {
    #expect(try Endpoint.http(text) == expected)
  }

  @Test(arguments: [
    ("grpc://collector", "not one of http, https"), ("https://c/?a=b", "no query"),
    ("https://c/v1/traces", "adds /v1/traces itself"), ("https://c/v1/metrics/", "adds /v1/metrics itself"),
    ("https://c/a b", "percent-encoded"), ("https://u@c", "user information"),
  ])
  func httpBaseThatIsNone(text: String, message: String) {
    let error = #expect(throws: EndpointError.self) { try Endpoint.http(text) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }

  @Test func httpSignalKeepsItsPathAndQuery() throws {
    #expect(try Endpoint.httpSignal("logs.example.com/v1/logs?a=b") == "http://logs.example.com/v1/logs?a=b")
  }
}
