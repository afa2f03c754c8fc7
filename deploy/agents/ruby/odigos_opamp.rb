# frozen_string_literal: true

require "socket"
require_relative "odigos_threads"
require_relative "odigos_wire"

# The agent's side of OpAMP (opentelemetry.io/docs/specs/opamp): tells the node agent how the process is, and takes
# configuration from it. It uses nothing but Ruby and its sockets, has one thread, and keeps whatever goes wrong to itself.
# A process that was forked is an agent of its own.
class OdigosOpAMP
  SERVER, SOCKET = "ODIGOS_OPAMP_SERVER_HOST", "ODIGOS_OPAMP_UNIX_SOCKET"
  FIRST_SECONDS = 1.0 # processes that end before, such as those of probes, are not worth an object in the cluster
  INTERVAL_SECONDS = 30.0 # OpAMP's default, until the server says another
  LONGEST_PAUSE_SECONDS = 30.0
  GOODBYE_SECONDS = 0.3
  # reports status, effective configuration, health, status of configuration, heartbeats; accepts configuration and
  # settings of the connection
  CAPABILITIES = 0x1 | 0x2 | 0x4 | 0x100 | 0x800 | 0x1000 | 0x2000
  APPLIED, FAILED = 1, 3
  UNAVAILABLE = 2
  REPORT_FULL_STATE = 1

  # In processes that are forked, too: `Process._fork` is where Ruby lets libraries see that.
  module Forks
    def _fork
      super.tap { |id| OdigosOpAMP.current&.forked if id.zero? }
    end
  end

  class << self
    attr_reader :current

    # Begins to report, where the environment names a server.
    def start(settings)
      return if ENV[SERVER].to_s.empty? && ENV[SOCKET].to_s.empty?

      @current = new(settings)
      Process.singleton_class.prepend(Forks) if Process.respond_to?(:_fork)
      @current
    end
  end

  def initialize(settings)
    @settings = settings
    @environment = ENV.to_h
    @failure = nil
    @is_started = false
    begin_anew
    run_soon
  end

  # OpenTelemetry runs.
  def started
    @is_started = true
  end

  # OpenTelemetry does not run.
  def failed(error)
    @failure = "#{error.class}: #{error.message}"
  end

  def forked
    status, connection = @status, @connection
    begin_anew
    @status = status # what was applied holds here, too
    run_soon
    connection&.close # the parent goes on with its own descriptor of it
  rescue StandardError
    nil
  end

  # Says goodbye when the program ends, if that is quickly done.
  def finish
    return unless @is_heard && @connection && @lock.try_lock

    @connection.post(message(OdigosWire.bytes(9, "")), GOODBYE_SECONDS)
    @uid = nil
  rescue StandardError
    nil
  end

  private

  def begin_anew
    @lock = Mutex.new # held while a message is under way
    @uid = uuid7
    @sequence = 0
    @connection = nil
    @interval = INTERVAL_SECONDS
    @is_full = true
    @is_heard = false
    @sent_health = @sent_status = nil
    @status ||= nil # (hash, state, error) of the configuration that came last
    @since = nanoseconds
  end

  def run_soon
    thread = Thread.new { run }
    thread.report_on_exception = false
    OdigosThreads.hide(thread)
    thread.name = "odigos"
  rescue ThreadError
    nil
  end

  def run
    process, failures, pause = Process.pid, 0, FIRST_SECONDS
    loop do
      sleep(pause)
      @lock.synchronize do
        return if @uid.nil? || process != Process.pid

        pause = exchange
        failures = 0
      rescue StandardError
        disconnect
        failures += 1
        pause = [2.0**failures, LONGEST_PAUSE_SECONDS].min * (0.75 + rand * 0.5)
      end
    end
  end

  # One message and its answer; returns the seconds until the next.
  def exchange
    health, status, was_full = self.health, @status, @is_full
    body = +"".b
    body << OdigosWire.bytes(3, description) if was_full
    body << OdigosWire.bytes(5, encoded(health)) if was_full || health != @sent_health
    body << configuration(status) if status && (was_full || status != @sent_status)
    @connection ||= OdigosWire::Connection.new(@environment[SOCKET], @environment[SERVER])
    answer = @connection.post(message(body))
    @is_full = false
    @sent_health, @sent_status, @is_heard = health, status, true
    take(answer, was_full)
  end

  def message(body)
    @sequence += 1
    OdigosWire.bytes(1, @uid) + OdigosWire.number(2, @sequence) + OdigosWire.number(4, CAPABILITIES) + body
  end

  def disconnect
    @is_full = true
    connection, @connection = @connection, nil
    connection&.close
  end

  # Does what an answer says. What a server says again and again makes no haste.
  def take(answer, was_full)
    pause = nil
    OdigosWire.fields(answer) do |number, value|
      case number
      when 2 then pause = refused(value)
      when 3
        before = @status
        apply(value)
        pause = 0.0 if before.nil? || before[0] != @status[0] # what became of it is told at once
      when 4
        seconds = OdigosWire.first(OdigosWire.first(value, 2, ""), 4, 0)
        @interval = Float(seconds).clamp(1.0, 300.0) if seconds.positive?
      when 6
        next if value & REPORT_FULL_STATE == 0

        @is_full = true
        pause = 0.0 if pause.nil? && !was_full
      when 8
        uid = OdigosWire.first(value, 1, "")
        @uid, @is_full = uid, true unless uid.empty?
      end
    end
    pause || @interval
  end

  def refused(error)
    @is_full = true
    wait = OdigosWire.first(OdigosWire.first(error, 3, ""), 1, 0) / 1e9
    OdigosWire.first(error, 1, 0) == UNAVAILABLE ? [wait, 1.0].max : LONGEST_PAUSE_SECONDS
  end

  def apply(remote)
    sections, hash = {}, ""
    OdigosWire.fields(remote) do |number, value|
      hash = value if number == 2
      next unless number == 1

      OdigosWire.fields(value) do |_, entry|
        body = OdigosWire.first(OdigosWire.first(entry, 2, ""), 1, "")
        sections[OdigosWire.first(entry, 1, "").dup.force_encoding("UTF-8")] = body.dup.force_encoding("UTF-8")
      end
    end
    @settings.apply(sections)
    @status = [hash, APPLIED, ""]
  rescue StandardError, ScriptError => error
    @status = [hash, FAILED, "#{error.class}: #{error.message}"]
  end

  def configuration(status)
    file = OdigosWire.bytes(1, @settings.effective) + OdigosWire.bytes(2, "application/json")
    map = OdigosWire.bytes(1, OdigosWire.bytes(1, "") + OdigosWire.bytes(2, file))
    OdigosWire.bytes(6, OdigosWire.bytes(1, map)) + OdigosWire.bytes(
      7, OdigosWire.bytes(1, status[0]) + OdigosWire.number(2, status[1]) + OdigosWire.bytes(3, status[2]))
  end

  def description
    identifying = {
      "telemetry.sdk.language" => "ruby", "process.vpid" => Process.pid,
      "k8s.namespace.name" => @environment["ODIGOS_WORKLOAD_NAMESPACE"], "k8s.pod.name" => @environment["ODIGOS_POD_NAME"],
      "k8s.container.name" => @environment["ODIGOS_CONTAINER_NAME"]
    }
    others = {
      "process.runtime.name" => RUBY_ENGINE, "process.runtime.version" => RUBY_VERSION,
      "process.executable.path" => RbConfig.ruby, "process.parent_pid" => Process.ppid,
      "service.name" => @environment["OTEL_SERVICE_NAME"], "telemetry.distro.name" => @environment["ODIGOS_DISTRO_NAME"]
    }
    attributes(1, identifying) + attributes(2, others)
  end

  def attributes(field, pairs)
    pairs.reject { |_, value| value.to_s.empty? }.map do |key, value|
      encoded = value.is_a?(Integer) ? OdigosWire.number(3, value) : OdigosWire.bytes(1, value)
      OdigosWire.bytes(field, OdigosWire.bytes(1, key) + OdigosWire.bytes(2, encoded))
    end.join
  end

  # [healthy, status, error, components]
  def health
    return [false, "AgentFailure", @failure, {}] if @failure
    return [false, "Starting", "OpenTelemetry is being set up", {}] unless @is_started

    [true, "Healthy", "", @settings.components]
  end

  def encoded(health)
    is_healthy, status, error, components = health
    body = OdigosWire.number(1, is_healthy ? 1 : 0) + OdigosWire.fixed64(2, @since) + OdigosWire.bytes(3, error) +
           OdigosWire.bytes(4, status) + OdigosWire.fixed64(5, nanoseconds)
    components.each do |name, (is_sound, text)|
      component = OdigosWire.number(1, is_sound ? 1 : 0) + OdigosWire.bytes(3, text)
      body << OdigosWire.bytes(6, OdigosWire.bytes(1, name) + OdigosWire.bytes(2, component))
    end
    body
  end

  def nanoseconds
    Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)
  end

  # A UUID of version 7 (RFC 9562): the time in milliseconds, then chance.
  def uuid7
    uid = [nanoseconds / 1_000_000].pack("Q>")[2, 6] + Random.urandom(10)
    uid.setbyte(6, uid.getbyte(6) & 0x0F | 0x70)
    uid.setbyte(8, uid.getbyte(8) & 0x3F | 0x80)
    uid
  end
end
