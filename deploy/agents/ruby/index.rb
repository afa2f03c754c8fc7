# frozen_string_literal: true

# What Ruby requires first in an instrumented process: it starts OpenTelemetry, and whatever goes wrong with that is kept
# from the application. OTEL_LOG_LEVEL=debug says it on standard error.
begin
  # The directory itself: a node whose agents are upgraded gives the path to others, and a process must not mix them.
  bundle = File.realpath(ENV.fetch("ODIGOS_GEM_PATH") { File.join(__dir__, "bundle") })
  # At the end of the path: the application's own gems win.
  Dir.glob(File.join(bundle, "gems", "*", "lib")).sort.each { |lib| $LOAD_PATH << lib unless $LOAD_PATH.include?(lib) }
  require "opentelemetry/sdk"
  require "opentelemetry/exporter/otlp"
  require "opentelemetry/instrumentation/all"
  OpenTelemetry.logger = Logger.new(File::NULL) unless ENV["OTEL_LOG_LEVEL"].to_s.casecmp?("debug")
  OpenTelemetry::SDK.configure(&:use_all)
rescue Exception => error # rubocop:disable Lint/RescueException -- whatever it is, the program must run
  warn error.full_message if ENV["OTEL_LOG_LEVEL"].to_s.casecmp?("debug")
end
