import JSON

/// OTLP/JSON as text for people.
enum TelemetryText {
  private static let dataKinds = ["gauge", "sum", "histogram", "exponentialHistogram", "summary"]

  /// One line for each span, log record or data point, under a line for its resource.
  static func lines(_ request: JSONValue) -> String {
    var text = ""
    for resource in elements(request, "resourceSpans", "resourceMetrics", "resourceLogs") {
      text += "resource \(attributes(resource.at("resource", "attributes")))\n"
      for scope in elements(resource, "scopeSpans", "scopeMetrics", "scopeLogs") {
        for span in elements(scope, "spans") {
          text += "  span \(words(span, "name", "traceId", "spanId", "parentSpanId")) "
          text += "\(milliseconds(span)) \(attributes(span["attributes"]))\n"
        }
        for record in elements(scope, "logRecords") {
          text += "  log \(words(record, "severityText", "traceId")) \(value(record["body"])) "
          text += "\(attributes(record["attributes"]))\n"
        }
        for metric in elements(scope, "metrics") {
          for kind in dataKinds {
            for point in elements(metric[kind] ?? .null, "dataPoints") {
              text += "  metric \(words(metric, "name")) \(kind) "
              text += "\(words(point, "asInt", "asDouble", "count", "sum")) \(attributes(point["attributes"]))\n"
            }
          }
        }
      }
    }
    return text
  }

  /// All fields, one a line, indented by depth.
  static func tree(_ request: JSONValue) -> String {
    var text = ""
    append(request, depth: 0, to: &text)
    return text
  }

  private static func append(_ value: JSONValue, depth: Int, to text: inout String) {
    let indent = String(repeating: "  ", count: depth)
    for (name, member) in value.object ?? JSONObject() {
      if name.hasSuffix("ttributes"), let list = member.array {
        text += "\(indent)\(name):\n"
        for entry in list { text += "\(indent)  \(entry["key"]?.string ?? ""): \(self.value(entry["value"]))\n" }
      } else if name == "body" {
        text += "\(indent)body: \(self.value(member))\n"
      } else if let list = member.array {
        for (index, element) in list.enumerated() {
          guard element.object != nil else {
            text += "\(indent)\(name) \(index): \(scalar(element))\n"
            continue
          }
          text += "\(indent)\(name) \(index):\n"
          append(element, depth: depth + 1, to: &text)
        }
      } else if member.object != nil {
        text += "\(indent)\(name):\n"
        append(member, depth: depth + 1, to: &text)
      } else {
        text += "\(indent)\(name): \(scalar(member))\n"
      }
    }
  }

  private static func elements(_ value: JSONValue, _ names: String...) -> [JSONValue] {
    names.lazy.compactMap { value[$0]?.array }.first ?? []
  }

  private static func words(_ value: JSONValue, _ names: String...) -> String {
    names.compactMap { value[$0].map(scalar) }.joined(separator: " ")
  }

  private static func milliseconds(_ span: JSONValue) -> String {
    guard let start = span["startTimeUnixNano"]?.string.flatMap({ UInt64($0) }),
      let end = span["endTimeUnixNano"]?.string.flatMap({ UInt64($0) }), end >= start
    else { return "-" }
    return "\(Double((end - start) / 1000) / 1000)ms"
  }

  private static func attributes(_ list: JSONValue?) -> String {
    (list?.array ?? []).map { "\($0["key"]?.string ?? "")=\(value($0["value"]))" }.joined(separator: " ")
  }

  /// An `AnyValue` without its type.
  private static func value(_ value: JSONValue?) -> String {
    guard let (name, content) = value?.object?.first(where: { _ in true }) else { return "-" }
    switch name {
    case "arrayValue":
      return "[" + elements(content, "values").map { self.value($0) }.joined(separator: ", ") + "]"
    case "kvlistValue": return "{" + attributes(content["values"]) + "}"
    default: return scalar(content)
    }
  }

  private static func scalar(_ value: JSONValue) -> String {
    value.string ?? String(decoding: value.serialized(), as: UTF8.self)
  }
}
