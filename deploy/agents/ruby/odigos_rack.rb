# frozen_string_literal: true

# Requests of Rack programs without a framework: OpenTelemetry traces those of frameworks, which put its handler into
# their own stack. Here it is put around the program of a config.ru; inside of it that of the framework has no more to do.
module OdigosRack
  SPAN = "otel.rack.token_and_span" # where OpenTelemetry keeps the span of a request

  # A request that has its span already goes past OpenTelemetry's handlers.
  module Once
    def call(env)
      return super unless env.key?(SPAN) && OdigosRack.handler?(@handlers)

      @app.call(env)
    end
  end

  module Program
    def new_from_string(*)
      made = super # the program, in Rack 2.2 with options
      program, *others = made.is_a?(Array) ? made : [made]
      program = OdigosRack.around(program)
      made.is_a?(Array) ? [program, *others] : program
    end
  end

  class << self
    def install
      return unless defined?(::Rack::Events) && defined?(::Rack::Builder)

      ::Rack::Events.prepend(Once)
      ::Rack::Builder.singleton_class.prepend(Program)
    end

    def around(program)
      middleware, handlers = OpenTelemetry::Instrumentation::Rack::Instrumentation.instance.middleware_args
      middleware == ::Rack::Events ? middleware.new(program, handlers) : program
    rescue StandardError, ScriptError => error
      OdigosAgent.report(error)
      program
    end

    def handler?(handlers)
      handlers.any? { |handler| handler.class.name.to_s.start_with?("OpenTelemetry::Instrumentation::Rack") }
    end
  end
end
