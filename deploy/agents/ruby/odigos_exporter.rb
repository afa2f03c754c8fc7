# frozen_string_literal: true

# OpenTelemetry's exporter, made anew in each process that is forked: the connection that it keeps is its parent's.
class OdigosExporter
  # Where the environment asks for something else than OTLP, OpenTelemetry sees to it.
  def self.add_to(sdk)
    return unless ENV.fetch("OTEL_TRACES_EXPORTER", "otlp").strip == "otlp"

    sdk.add_span_processor(OpenTelemetry::SDK::Trace::Export::BatchSpanProcessor.new(new))
  end

  def initialize
    @process = nil
    exporter
  end

  def export(spans, timeout: nil)
    exporter.export(spans, timeout: timeout)
  end

  def force_flush(timeout: nil)
    exporter.force_flush(timeout: timeout)
  end

  def shutdown(timeout: nil)
    exporter.shutdown(timeout: timeout)
  end

  private

  def exporter
    return @exporter if @process == Process.pid

    @process = Process.pid
    @exporter = OpenTelemetry::Exporter::OTLP::Exporter.new
  end
end
