import Telemetry

/// The exporter `otlphttp`: OTLP over HTTP.
struct OTLPHTTPExporterSettings: Sendable, Equatable {
  /// How requests are encoded.
  enum Encoding: String, CaseIterable, Sendable { case proto, json }

  /// The whole URL of each signal that has one.
  var urls: [Signal: String] = [:]
  var encoding: Encoding
  var delivery: DeliverySettings

  init(_ settings: Settings) {
    delivery = DeliverySettings(settings, timeout: .seconds(30))
    encoding = settings.choice("encoding", default: .proto)
    let base = Self.url("endpoint", settings)
    for signal in Signal.allCases {
      let own = Self.url("\(signal.rawValue)_endpoint", settings)
      urls[signal] = own ?? base.map { ($0.hasSuffix("/") ? String($0.dropLast()) : $0) + signal.httpPath }
    }
    if urls.isEmpty { settings.problem("endpoint", "a URL is needed, such as http://backend:4318") }
  }

  private static func url(_ key: String, _ settings: Settings) -> String? {
    guard let text = settings.string(key) else { return nil }
    let host = text.hasPrefix("http://") ? text.dropFirst(7) : text.hasPrefix("https://") ? text.dropFirst(8) : ""
    guard let first = host.first, first != "/", first != ":", text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      settings.problem(key, "\"\(text)\" is no URL; write http://host:port or https://host:port")
      return nil
    }
    return text
  }
}
