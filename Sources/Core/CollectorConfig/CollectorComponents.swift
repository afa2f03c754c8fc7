/// The components that the collector which will run the configuration has. What is not here is never generated.
public struct CollectorComponents: Sendable, Equatable {
  /// Types of processors.
  public var processors: Set<String>
  /// Types of exporters.
  public var exporters: Set<String>
  /// Types of extensions.
  public var extensions: Set<String>

  /// Makes a catalogue.
  public init(processors: Set<String>, exporters: Set<String>, extensions: Set<String>) {
    self.processors = processors
    self.exporters = exporters
    self.extensions = extensions
  }

  /// What `odigos-collector` has; each of them is also in upstream's contrib distribution under the same name.
  public static let odigosCollector = CollectorComponents(
    processors: ["batch", "memory_limiter", "resource"],
    exporters: ["debug", "file", "otlp", "otlphttp"],
    extensions: ["health_check"])

  /// What upstream's contrib distribution has and our pipelines can use, for an image that the user chose. Processors
  /// that need access to the API server are not among them, because the collectors have none.
  public static let contrib = CollectorComponents(
    processors: [
      "attributes", "batch", "cumulativetodelta", "deltatocumulative", "deltatorate", "filter", "groupbyattrs",
      "groupbytrace", "interval", "logdedup", "memory_limiter", "metricsgeneration", "metricstransform",
      "probabilistic_sampler", "redaction", "resource", "span", "tail_sampling", "transform",
    ],
    exporters: odigosCollector.exporters, extensions: odigosCollector.extensions)
}
