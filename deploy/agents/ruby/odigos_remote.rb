# frozen_string_literal: true

# What of the configuration that the node agent sends is carried out while the process runs, as the Python agent does it:
#
#     SDK.traceSignal.enabled                              whether there are spans at all
#     InstrumentationLibraries[] {name, traces.enabled}    whether a library makes spans
#     container_config.traces.headSampling.fallbackFraction, or headSamplerConfig.fallbackFraction of the section without
#     a name                                               which part of the traces that begin here is kept
#     container_config.agentDiagnostics.*LogLevel          whether the agent writes to standard error, and how much
#
# A span that is not made leaves the trace in one piece: what would be below it hangs below its parent.
class OdigosRemote
  LEVELS = %w[debug info warn error].freeze
  # of the container's entry: what is carried out, and what is no setting of the agent
  KNOWN = { "traces" => %w[headSampling traceVerbosity], "agentDiagnostics" => %w[odigosLogLevel openTelemetryComponentsLogLevel] }.freeze
  IDENTITY = %w[containerName agentEnabled agentEnabledReason agentEnabledMessage otelDistroName distroParams
                envInjectionMethod podManifestInjectionOptional].freeze
  SCOPE = "OpenTelemetry::Instrumentation::"

  # Between OpenTelemetry's SDK and its users.
  module Gate
    attr_accessor :odigos

    def internal_start_span(*arguments)
      return super unless odigos.drops?(arguments.last&.name.to_s)

      OpenTelemetry::Trace.non_recording_span(OpenTelemetry::Trace.current_span(arguments[-2]).context)
    end
  end

  class Sampler
    def initialize(settings, inner)
      @settings, @inner = settings, inner
    end

    def should_sample?(**arguments) = (@settings.sampler || @inner).should_sample?(**arguments)
    def description = (@settings.sampler || @inner).description
  end

  attr_reader :sampler

  def initialize
    @has_traces, @disabled, @ignored, @components = true, [], [], {}
    @fraction = @sampler = @level = nil
  end

  def install(provider, logger)
    @silent = logger
    provider.singleton_class.prepend(Gate)
    provider.odigos = self
    provider.sampler = Sampler.new(self, provider.sampler)
  end

  # The health of the parts that run: {name => [healthy, error]}
  def components = @components.dup

  def component(name, is_sound, error = "")
    @components = @components.merge(name => [is_sound, error]).sort.to_h
  end

  # Whether an instrumentation scope makes no spans.
  def drops?(scope)
    !@has_traces || (!@disabled.empty? && @disabled.include?(plain(scope)))
  end

  # What is in force, as JSON.
  def effective
    traces = { "enabled" => @has_traces, "disabledLibraries" => @disabled }
    traces["fallbackFraction"] = @fraction if @fraction
    result = { "traces" => traces }
    result["logLevel"] = @level if @level
    result["notCarriedOut"] = @ignored unless @ignored.empty?
    JSON.generate(result)
  end

  # Carries the sections (texts) out; raises where they cannot be read, and then changes nothing.
  def apply(texts)
    require "json"
    sections = texts.transform_values { |text| text.empty? ? nil : JSON.parse(text) }
    sdk, container, language = ["SDK", "container_config", ""].map { |name| hash(sections[name], name) }
    libraries = sections["InstrumentationLibraries"] || []
    disabled = libraries.select { |library| library.dig("traces", "enabled") == false }.map { |library| plain(library.fetch("name")) }
    fraction = fraction_of(container, language)
    level = hash(container["agentDiagnostics"], "agentDiagnostics").values_at("odigosLogLevel", "openTelemetryComponentsLogLevel").compact.first
    raise ArgumentError, "the log level #{level} is none of #{LEVELS.join(", ")}" unless level.nil? || LEVELS.include?(level)

    @sampler = fraction && sampler_of(fraction)
    @has_traces = hash(sdk["traceSignal"], "traceSignal")["enabled"] != false
    @disabled, @fraction, @ignored = disabled.sort, fraction, ignored(container)
    log(level)
  end

  private

  # Libraries are named as the instrumentation is, in full or without what all have in common, or as its gem is.
  def plain(name)
    name.delete_prefix(SCOPE).delete_prefix("opentelemetry-instrumentation-").gsub("::", "_").tr("-", "_").downcase
  end

  def hash(value, name)
    return {} if value.nil?

    value.is_a?(Hash) ? value : raise(ArgumentError, "#{name} is no object")
  end

  def sampler_of(fraction)
    samplers = OpenTelemetry::SDK::Trace::Samplers
    samplers.parent_based(root: samplers.trace_id_ratio_based(fraction))
  end

  def fraction_of(container, language)
    sampling = hash(hash(container["traces"], "traces")["headSampling"], "headSampling")
    return if sampling["dryRun"]

    fraction = sampling["fallbackFraction"] || hash(language["headSamplerConfig"], "headSamplerConfig")["fallbackFraction"]
    return if fraction.nil?

    fraction = Float(fraction)
    raise ArgumentError, "the fraction #{fraction} is not between 0 and 1" unless fraction.between?(0, 1)

    fraction
  end

  # The settings that came and are not carried out.
  def ignored(container)
    found = container.reject { |name, value| IDENTITY.include?(name) || !value.is_a?(Hash) }.flat_map do |name, value|
      (value.keys - KNOWN.fetch(name, [])).map { |setting| "#{name}.#{setting}" }
    end
    noisy = container.dig("traces", "headSampling", "noisyOperations")
    found << "traces.headSampling.noisyOperations" if noisy && !noisy.empty?
    found.sort
  end

  def log(level)
    return if level == @level

    OpenTelemetry.logger = level ? Logger.new($stderr, level: level) : @silent
    @level = level
  end
end
