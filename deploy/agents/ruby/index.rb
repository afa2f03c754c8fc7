# frozen_string_literal: true

# What Ruby requires first in an instrumented process. What it does, and what it promises the program:
#
# - Nothing is loaded until the program has loaded something that OpenTelemetry traces, and, where it uses Bundler, until
#   Bundler has chosen the gems. So `gem`, `ruby -e` and small scripts stay as they are.
# - After each `require` of the program, what has become traceable by it is traced from then on.
# - The program's gems win: see odigos_gems.rb. Nothing of the agent stays on $LOAD_PATH or among the activated gems.
# - Where RubyGems is off, so is the agent.
# - Whatever goes wrong is kept from the program and its output. OTEL_LOG_LEVEL=debug says it on standard error.
return unless defined?(Gem::Specification)

module OdigosAgent
  # Constants of what is traced: the conditions of OpenTelemetry's instrumentations, which are only loaded once one holds.
  TRACED = %w[
    ActionMailer ActionController ActionView ActiveJob ActiveModelSerializers ActiveRecord ActiveStorage ActiveSupport
    Anthropic Seahorse Bunny Concurrent::ThreadPoolExecutor Dalli Delayed Ethon Excon Faraday Grape GraphQL GRPC Gruf
    HTTP::Client HTTPClient HTTPX Koala LMDB Mongo Mysql2 Net::HTTP OpenTelemetry PG Que Racecar Rack Rails Rake::Task
    Rdkafka Redis RedisClient Resque RestClient Kafka Sidekiq Sinatra Trilogy
  ].freeze
  # Programs that are about gems: what they load is not the program's own.
  TOOLS = %w[gem bundle bundler].freeze
  ATTEMPTS = 3 # at an instrumentation while other files are being loaded, for its library may be half there, and after
  FLUSH_SECONDS = 1 # that the end of a program waits for its last spans, at most
  GEM_DIRECTORY = %r{/gems/[^/]+-[0-9a-f][^/]*/}
  BUNDLER = %r{/bundler(?:/runtime)?\.rb\z}

  @state = :waiting # then :starting, and :running or :off
  @features = -1

  class << self
    # After a `require`: called by the program, or by nothing, when all that it loads is there.
    def after_require(depth)
      return if @state == :off || @state == :starting || $LOADED_FEATURES.size == @features

      stay_with_bundler
      return unless depth.zero? || by_program?

      @features = $LOADED_FEATURES.size
      start if @state == :waiting && time?
      install_present(depth.zero?) if @state == :running
    rescue StandardError, ScriptError, SystemStackError => error
      give_up(error)
    end

    def hook
      [Kernel, Kernel.singleton_class].each do |place|
        next if place.instance_method(:require).source_location&.first == HOOK_FILE

        place.module_eval(HOOK, HOOK_FILE, 1)
      end
      Kernel.send(:private, :require)
    end

    # The end of the program: its last spans. OpenTelemetry would wait for longer than it is told to.
    def flush
      Thread.new { OpenTelemetry.tracer_provider.shutdown(timeout: FLUSH_SECONDS) }.join(FLUSH_SECONDS) if @state == :running
    rescue StandardError, ScriptError => error
      report(error)
    ensure
      @opamp&.finish
    end

    def report(error)
      warn error.is_a?(Exception) ? error.full_message : error.to_s if debug?
    rescue StandardError
      nil
    end

    def debug?
      ENV["OTEL_LOG_LEVEL"].to_s.casecmp?("debug")
    end

    private

    # Whether the program itself, or Bundler in its name, has called `require`, and not a part of a library.
    def by_program?
      place = caller_locations(3, 8)&.find { |location| location.base_label != "require" }
      path = place&.absolute_path || place&.path
      return true if path.nil? || path.match?(BUNDLER)

      !path.start_with?("<internal:", *libraries) && !path.match?(GEM_DIRECTORY)
    end

    def libraries
      @libraries ||= [*RbConfig::CONFIG.values_at("rubylibdir", "sitedir", "vendordir"), *Gem.path]
                     .compact.map { |path| "#{path}/" }
    end

    def time?
      return false if TOOLS.include?(File.basename($PROGRAM_NAME)) && !bundled?

      bundled? || TRACED.any? { |name| defined_constant?(name) }
    end

    def bundled?
      $LOADED_FEATURES.any? { |feature| feature.end_with?("/bundler/setup.rb") }
    end

    # Bundler puts Ruby's own `require` back when it has chosen the gems.
    def stay_with_bundler
      return if @has_bundler || !defined?(::Bundler::RubygemsIntegration)

      @has_bundler = true
      ::Bundler::RubygemsIntegration.prepend(Module.new do
        def reverse_rubygems_kernel_mixin(...) = super.tap { OdigosAgent.hook }
      end)
    end

    def defined_constant?(name)
      name.split("::").inject(Object) do |scope, part|
        return false unless scope.const_defined?(part, false)
        return true if scope.autoload?(part, false) # it is there; asking for it would load it

        scope.const_get(part, false)
      end
      true
    end

    def start
      @state = :starting
      report_to_node
      require_relative "odigos_gems"
      bundle = File.realpath(ENV.fetch("ODIGOS_GEM_PATH") { File.join(__dir__, "bundle") })
      @gems = OdigosGems.new(bundle)
      @gems.visible do
        require "opentelemetry/sdk"
        require "opentelemetry/exporter/otlp"
        require "opentelemetry/instrumentation/all"
        configure
        # Their names are their classes'; each is installed when what it traces is there.
        @pending = OpenTelemetry::Instrumentation.registry.instance_variable_get(:@instrumentation).map(&:instance)
      end
      @attempts = Hash.new(0)
      @state = :running
      @opamp&.started
    end

    # To the node agent: that must be able to tell that OpenTelemetry does not load.
    def report_to_node
      require_relative "odigos_remote"
      @settings = OdigosRemote.new
      return if ENV.values_at("ODIGOS_OPAMP_UNIX_SOCKET", "ODIGOS_OPAMP_SERVER_HOST").all? { |value| value.to_s.empty? }

      require_relative "odigos_opamp"
      @opamp = OdigosOpAMP.start(@settings)
    rescue StandardError, ScriptError => error
      report(error)
    end

    def configure
      require_relative "odigos_processor"
      logger = Logger.new(debug? ? $stderr : File::NULL)
      OpenTelemetry::SDK.configure do |sdk|
        sdk.logger = logger
        OdigosProcessor.add_to(sdk, @settings)
      end
      @settings.install(OpenTelemetry.tracer_provider, logger) if @opamp
    end

    def install_present(is_outermost)
      present = @pending.select { |instrumentation| present?(instrumentation, is_outermost) }
      return if present.empty?

      @state = :starting # what the instrumentations load is not looked at
      @gems.visible { present.each { |instrumentation| install(instrumentation, is_outermost) } }
      @features = $LOADED_FEATURES.size
    ensure
      @state = :running if @state == :starting
    end

    def present?(instrumentation, is_outermost)
      @attempts[[instrumentation, is_outermost]] < ATTEMPTS && instrumentation.present?
    rescue StandardError => error
      report(error)
      false
    end

    def install(instrumentation, is_outermost)
      @attempts[[instrumentation, is_outermost]] += 1
      return unless instrumentation.install({})

      @pending.delete(instrumentation)
      after_install(instrumentation)
    rescue StandardError, ScriptError => error
      report(error)
    end

    def after_install(instrumentation)
      @settings.component(instrumentation.name, true)
      return unless instrumentation.name == "OpenTelemetry::Instrumentation::Rack"

      require_relative "odigos_rack"
      OdigosRack.install
    end

    def give_up(error)
      report(error)
      @opamp&.failed(error)
      @state = :off
    rescue StandardError # in a Ractor, where nothing of this may be touched
      nil
    end
  end

  # Between Ruby and the program no other frame may be seen: programs look at who requires them (Sinatra finds the main
  # file so), and skip frames of this name.
  HOOK = <<~RUBY
    remove_method(:require_without_odigos) if private_method_defined?(:require_without_odigos, false)
    alias require_without_odigos require
    private :require_without_odigos

    def require(path)
      thread = Thread.current
      depth = thread[:odigos_require] || 0
      thread[:odigos_require] = depth + 1
      begin
        loaded = require_without_odigos(path)
      ensure
        thread[:odigos_require] = depth
      end
      OdigosAgent.after_require(depth)
      loaded
    end
  RUBY
  HOOK_FILE = "<internal:odigos>"
  private_constant :HOOK, :HOOK_FILE

  begin
    at_exit { flush } # the first that is registered runs last: a server may run in one of the program's own
    hook
    after_require(0) # with Bundler, which is required before
  rescue StandardError, ScriptError => error
    report(error)
  end
end
