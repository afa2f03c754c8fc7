# frozen_string_literal: true

require_relative "odigos_threads"

# OpenTelemetry's span processor and exporter for OTLP, made with the first span of each process. A process that was forked
# must not use its parent's connection, and a program that only loads itself to fork has no thread of ours yet.
class OdigosProcessor
  # Where the environment asks for something else than OTLP, OpenTelemetry sees to it.
  def self.add_to(sdk, settings)
    sdk.add_span_processor(new(settings)) if ENV.fetch("OTEL_TRACES_EXPORTER", "otlp").strip == "otlp"
  end

  # Tells how the export goes.
  Watched = Struct.new(:exporter, :settings) do
    def export(spans, timeout: nil)
      exporter.export(spans, timeout: timeout).tap do |result|
        is_sent = result == OpenTelemetry::SDK::Trace::Export::SUCCESS
        settings.component("exporter/otlp", is_sent, is_sent ? "" : "spans cannot be sent to #{ENDPOINT}")
      end
    end

    def force_flush(timeout: nil) = exporter.force_flush(timeout: timeout)
    def shutdown(timeout: nil) = exporter.shutdown(timeout: timeout)
  end
  ENDPOINT = ENV.values_at("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT").compact.first.to_s

  def initialize(settings)
    @settings = settings
    @lock = Mutex.new
    @process = @processor = nil
  end

  def on_start(span, context); end

  def on_finish(span)
    processor.on_finish(span) if span.context.trace_flags.sampled?
  end

  def force_flush(timeout: nil)
    own? ? @processor.force_flush(timeout: timeout) : OpenTelemetry::SDK::Trace::Export::SUCCESS
  end

  def shutdown(timeout: nil)
    own? ? @processor.shutdown(timeout: timeout) : OpenTelemetry::SDK::Trace::Export::SUCCESS
  end

  private

  def own?
    @process == Process.pid
  end

  def processor
    return @processor if own?

    # Ruby frees in a child what the parent's other threads had locked.
    @lock.synchronize { make unless own? }
    @processor
  end

  def make
    exporter = Watched.new(OpenTelemetry::Exporter::OTLP::Exporter.new, @settings)
    @processor = OpenTelemetry::SDK::Trace::Export::BatchSpanProcessor.new(exporter)
    thread = @processor.instance_variable_get(:@thread) # of which nothing is lost where the program forks
    OdigosThreads.hide(thread) if thread
    OdigosThreads.hide_timeouts
    @process = Process.pid
  end
end
