/// The messages of OTLP (opentelemetry-proto 1.7 and later; unknown fields of newer versions pass through).
enum MessageType: Int, CaseIterable {
  case exportTraceRequest, resourceSpans, scopeSpans, span, spanEvent, spanLink, spanStatus
  case exportMetricsRequest, resourceMetrics, scopeMetrics, metric, gauge, sum, histogram, exponentialHistogram, summary
  case numberDataPoint, histogramDataPoint, exponentialHistogramDataPoint, buckets, summaryDataPoint, valueAtQuantile
  case exemplar
  case exportLogsRequest, resourceLogs, scopeLogs, logRecord
  case resource, entityReference, scope, keyValue, anyValue, arrayValue, keyValueList

  private static let schemas = allCases.map(\.definition)

  var schema: MessageSchema { Self.schemas[rawValue] }

  private var definition: MessageSchema {
    switch self {
    case .exportTraceRequest: MessageSchema("ExportTraceServiceRequest", [many(1, "resourceSpans", .resourceSpans)])
    case .resourceSpans:
      MessageSchema(
        "ResourceSpans",
        [one(1, "resource", .resource), many(2, "scopeSpans", .scopeSpans), one(3, "schemaUrl", .string)])
    case .scopeSpans:
      MessageSchema(
        "ScopeSpans", [one(1, "scope", .scope), many(2, "spans", .span), one(3, "schemaUrl", .string)])
    case .span:
      MessageSchema(
        "Span", isItem: true,
        [
          one(1, "traceId", .identifier(16)), one(2, "spanId", .identifier(8)), one(3, "traceState", .string),
          one(4, "parentSpanId", .identifier(8)), one(16, "flags", .fixed32), one(5, "name", .string),
          one(6, "kind", .enumeration), one(7, "startTimeUnixNano", .fixed64), one(8, "endTimeUnixNano", .fixed64),
          many(9, "attributes", .keyValue), one(10, "droppedAttributesCount", .uint32),
          many(11, "events", .spanEvent), one(12, "droppedEventsCount", .uint32), many(13, "links", .spanLink),
          one(14, "droppedLinksCount", .uint32), one(15, "status", .spanStatus),
        ])
    case .spanEvent:
      MessageSchema(
        "Span.Event",
        [
          one(1, "timeUnixNano", .fixed64), one(2, "name", .string), many(3, "attributes", .keyValue),
          one(4, "droppedAttributesCount", .uint32),
        ])
    case .spanLink:
      MessageSchema(
        "Span.Link",
        [
          one(1, "traceId", .identifier(16)), one(2, "spanId", .identifier(8)), one(3, "traceState", .string),
          many(4, "attributes", .keyValue), one(5, "droppedAttributesCount", .uint32), one(6, "flags", .fixed32),
        ])
    case .spanStatus: MessageSchema("Status", [one(2, "message", .string), one(3, "code", .enumeration)])

    case .exportMetricsRequest:
      MessageSchema("ExportMetricsServiceRequest", [many(1, "resourceMetrics", .resourceMetrics)])
    case .resourceMetrics:
      MessageSchema(
        "ResourceMetrics",
        [one(1, "resource", .resource), many(2, "scopeMetrics", .scopeMetrics), one(3, "schemaUrl", .string)])
    case .scopeMetrics:
      MessageSchema(
        "ScopeMetrics", [one(1, "scope", .scope), many(2, "metrics", .metric), one(3, "schemaUrl", .string)])
    case .metric:
      MessageSchema(
        "Metric",
        [
          one(1, "name", .string), one(2, "description", .string), one(3, "unit", .string),
          choice(5, "gauge", .message(.gauge)), choice(7, "sum", .message(.sum)),
          choice(9, "histogram", .message(.histogram)),
          choice(10, "exponentialHistogram", .message(.exponentialHistogram)),
          choice(11, "summary", .message(.summary)), many(12, "metadata", .keyValue),
        ])
    case .gauge: MessageSchema("Gauge", [many(1, "dataPoints", .numberDataPoint)])
    case .sum:
      MessageSchema(
        "Sum",
        [
          many(1, "dataPoints", .numberDataPoint), one(2, "aggregationTemporality", .enumeration),
          one(3, "isMonotonic", .bool),
        ])
    case .histogram:
      MessageSchema(
        "Histogram",
        [many(1, "dataPoints", .histogramDataPoint), one(2, "aggregationTemporality", .enumeration)])
    case .exponentialHistogram:
      MessageSchema(
        "ExponentialHistogram",
        [many(1, "dataPoints", .exponentialHistogramDataPoint), one(2, "aggregationTemporality", .enumeration)])
    case .summary: MessageSchema("Summary", [many(1, "dataPoints", .summaryDataPoint)])
    case .numberDataPoint:
      MessageSchema(
        "NumberDataPoint", isItem: true,
        [
          many(7, "attributes", .keyValue), one(2, "startTimeUnixNano", .fixed64), one(3, "timeUnixNano", .fixed64),
          choice(4, "asDouble", .double), choice(6, "asInt", .sfixed64), many(5, "exemplars", .exemplar),
          one(8, "flags", .uint32),
        ])
    case .histogramDataPoint:
      MessageSchema(
        "HistogramDataPoint", isItem: true,
        [
          many(9, "attributes", .keyValue), one(2, "startTimeUnixNano", .fixed64), one(3, "timeUnixNano", .fixed64),
          one(4, "count", .fixed64), optional(5, "sum", .double), list(6, "bucketCounts", .fixed64),
          list(7, "explicitBounds", .double), many(8, "exemplars", .exemplar), one(10, "flags", .uint32),
          optional(11, "min", .double), optional(12, "max", .double),
        ])
    case .exponentialHistogramDataPoint:
      MessageSchema(
        "ExponentialHistogramDataPoint", isItem: true,
        [
          many(1, "attributes", .keyValue), one(2, "startTimeUnixNano", .fixed64), one(3, "timeUnixNano", .fixed64),
          one(4, "count", .fixed64), optional(5, "sum", .double), one(6, "scale", .sint32),
          one(7, "zeroCount", .fixed64), one(8, "positive", .buckets), one(9, "negative", .buckets),
          one(10, "flags", .uint32), many(11, "exemplars", .exemplar), optional(12, "min", .double),
          optional(13, "max", .double), one(14, "zeroThreshold", .double),
        ])
    case .buckets:
      MessageSchema(
        "ExponentialHistogramDataPoint.Buckets", [one(1, "offset", .sint32), list(2, "bucketCounts", .uint64)])
    case .summaryDataPoint:
      MessageSchema(
        "SummaryDataPoint", isItem: true,
        [
          many(7, "attributes", .keyValue), one(2, "startTimeUnixNano", .fixed64), one(3, "timeUnixNano", .fixed64),
          one(4, "count", .fixed64), one(5, "sum", .double), many(6, "quantileValues", .valueAtQuantile),
          one(8, "flags", .uint32),
        ])
    case .valueAtQuantile:
      MessageSchema("SummaryDataPoint.ValueAtQuantile", [one(1, "quantile", .double), one(2, "value", .double)])
    case .exemplar:
      MessageSchema(
        "Exemplar",
        [
          many(7, "filteredAttributes", .keyValue), one(2, "timeUnixNano", .fixed64), choice(3, "asDouble", .double),
          choice(6, "asInt", .sfixed64), one(4, "spanId", .identifier(8)), one(5, "traceId", .identifier(16)),
        ])

    case .exportLogsRequest: MessageSchema("ExportLogsServiceRequest", [many(1, "resourceLogs", .resourceLogs)])
    case .resourceLogs:
      MessageSchema(
        "ResourceLogs",
        [one(1, "resource", .resource), many(2, "scopeLogs", .scopeLogs), one(3, "schemaUrl", .string)])
    case .scopeLogs:
      MessageSchema(
        "ScopeLogs", [one(1, "scope", .scope), many(2, "logRecords", .logRecord), one(3, "schemaUrl", .string)])
    case .logRecord:
      MessageSchema(
        "LogRecord", isItem: true,
        [
          one(1, "timeUnixNano", .fixed64), one(11, "observedTimeUnixNano", .fixed64),
          one(2, "severityNumber", .enumeration), one(3, "severityText", .string), one(5, "body", .anyValue),
          many(6, "attributes", .keyValue), one(7, "droppedAttributesCount", .uint32), one(8, "flags", .fixed32),
          one(9, "traceId", .identifier(16)), one(10, "spanId", .identifier(8)), one(12, "eventName", .string),
        ])

    case .resource:
      MessageSchema(
        "Resource",
        [
          many(1, "attributes", .keyValue), one(2, "droppedAttributesCount", .uint32),
          many(3, "entityRefs", .entityReference),
        ])
    case .entityReference:
      MessageSchema(
        "EntityRef",
        [
          one(1, "schemaUrl", .string), one(2, "type", .string), list(3, "idKeys", .string),
          list(4, "descriptionKeys", .string),
        ])
    case .scope:
      MessageSchema(
        "InstrumentationScope",
        [
          one(1, "name", .string), one(2, "version", .string), many(3, "attributes", .keyValue),
          one(4, "droppedAttributesCount", .uint32),
        ])
    case .keyValue: MessageSchema("KeyValue", [one(1, "key", .string), one(2, "value", .anyValue)])
    case .anyValue:
      MessageSchema(
        "AnyValue",
        [
          choice(1, "stringValue", .string), choice(2, "boolValue", .bool), choice(3, "intValue", .int64),
          choice(4, "doubleValue", .double), choice(5, "arrayValue", .message(.arrayValue)),
          choice(6, "kvlistValue", .message(.keyValueList)), choice(7, "bytesValue", .bytes),
        ])
    case .arrayValue: MessageSchema("ArrayValue", [many(1, "values", .anyValue)])
    case .keyValueList: MessageSchema("KeyValueList", [many(1, "values", .keyValue)])
    }
  }
}

private func one(_ number: Int, _ name: String, _ kind: FieldKind) -> FieldSchema {
  FieldSchema(number: number, name: name, kind: kind, rule: .implicit)
}
private func one(_ number: Int, _ name: String, _ type: MessageType) -> FieldSchema {
  FieldSchema(number: number, name: name, kind: .message(type), rule: .optional)
}
private func optional(_ number: Int, _ name: String, _ kind: FieldKind) -> FieldSchema {
  FieldSchema(number: number, name: name, kind: kind, rule: .optional)
}
private func choice(_ number: Int, _ name: String, _ kind: FieldKind) -> FieldSchema {
  FieldSchema(number: number, name: name, kind: kind, rule: .choice)
}
private func list(_ number: Int, _ name: String, _ kind: FieldKind) -> FieldSchema {
  FieldSchema(number: number, name: name, kind: kind, rule: .repeated)
}
private func many(_ number: Int, _ name: String, _ type: MessageType) -> FieldSchema {
  FieldSchema(number: number, name: name, kind: .message(type), rule: .repeated)
}
