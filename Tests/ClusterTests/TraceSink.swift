import Foundation
import JSON
import Testing

/// The spans that arrived at the demo's trace sink.
struct TraceSink {
  /// A span as the sink wrote it.
  struct Span {
    var traceID: String
    var service: String
    var resource: [String: String]
    /// Its own attributes: texts, and the texts of lists.
    var attributes: [String: [String]]
    /// When it began, in nanoseconds since 1970.
    var start: Int
  }

  /// Makes the sink and the Destination that leads to it.
  static func deploy() async throws {
    try Cluster.kubectl("apply", "-f", "deploy/demo/trace-sink.yaml")
    try await Rollout.wait("deployment", "trace-sink", in: "tracing")
    try Cluster.kubectl("apply", "-f", "deploy/demo/destination.yaml")
  }

  /// The spans whose resource is in that namespace, of the last minutes.
  static func spans(namespace: String) throws -> [Span] {
    let log = try Cluster.kubectl("logs", "deployment/trace-sink", "-n", "tracing", "--since=3m")
    var spans: [Span] = []
    for line in log.split(separator: "\n") where line.contains("resourceSpans") {
      guard let export = try? JSONValue(parsing: String(line)) else { continue }
      for group in export["resourceSpans"]?.array ?? [] {
        var resource: [String: String] = [:]
        for attribute in group.at("resource", "attributes")?.array ?? [] {
          resource[attribute["key"]?.string ?? ""] = attribute.at("value", "stringValue")?.string
        }
        guard resource["k8s.namespace.name"] == namespace else { continue }
        for scope in group["scopeSpans"]?.array ?? [] {
          for span in scope["spans"]?.array ?? [] {
            spans.append(
              Span(
                traceID: span["traceId"]?.string ?? "", service: resource["service.name"] ?? "", resource: resource,
                attributes: attributes(span), start: Int(span["startTimeUnixNano"]?.string ?? "") ?? 0))
          }
        }
      }
    }
    return spans
  }

  private static func attributes(_ span: JSONValue) -> [String: [String]] {
    var result: [String: [String]] = [:]
    for attribute in span["attributes"]?.array ?? [] {
      let items = attribute.at("value", "arrayValue", "values")?.array ?? [attribute["value"] ?? [:]]
      result[attribute["key"]?.string ?? ""] = items.compactMap { $0["stringValue"]?.string }
    }
    return result
  }

  /// Waits for a span of a service; answers the first.
  static func waitForSpan(of service: String, namespace: String) async throws -> Span {
    var found: Span?
    try await eventually("a span of \(service) in \(namespace)") {
      found = try spans(namespace: namespace).first { $0.service == service }
      return found == nil ? "none" : nil
    }
    return try #require(found)
  }

  /// Waits for one trace that has spans of all these services.
  static func waitForTrace(
    namespace: String, services: Set<String>, within limit: Duration = .seconds(600)
  ) async throws {
    try await eventually("a trace of \(services.sorted()) in \(namespace)", within: limit) {
      let spans = try spans(namespace: namespace)
      let traces = Dictionary(grouping: spans, by: \.traceID)
      if traces.values.contains(where: { services.isSubset(of: Set($0.map(\.service))) }) { return nil }
      return "seen: \(spans.count) spans of \(Set(spans.map(\.service)).sorted())"
    }
  }
}
