"""Tests of what loads OpenTelemetry into Ruby, with Debian's Ruby; run by `hack/agents test`.

ODIGOS_TEST_AGENTS is the directory of all laid-out agents. Where OpenTelemetry's gems are among them, they are used, too;
else gems made here stand in for them: their instrumentations only say that they were installed.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from sink import Sink  # noqa: E402

DEADLINE = 180
REAL = os.path.join(os.environ.get("ODIGOS_TEST_AGENTS", "/nowhere"), "ruby")
VERSION = shutil.which("ruby") and subprocess.run(["ruby", "-e", "print RUBY_VERSION[/\\d+\\.\\d+/]"], text=True,
                                                  stdout=subprocess.PIPE).stdout
HAS_REAL = bool(VERSION) and os.path.isdir(os.path.join(REAL, VERSION, "bundle", "gems"))
NOWHERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}

STAND_IN = {
    "opentelemetry-api-1.7.0/lib/opentelemetry.rb": "module OpenTelemetry; VERSION = 'ours'; end",
    "opentelemetry-sdk-1.10.0/lib/opentelemetry/sdk.rb": """
require "opentelemetry"
require "logger"
module OpenTelemetry
  class << self
    attr_reader :tracer_provider
  end
  class Provider
    attr_accessor :sampler
    def shutdown(timeout:) = File.write(ENV["FLUSHED"], "") if ENV["FLUSHED"]
    def shutdown(timeout:) = nil unless ENV["FLUSHED"]
  end
  module SDK
    class Configurator
      attr_writer :logger
      def add_span_processor(_) = nil
    end
    def self.configure = (yield(Configurator.new); OpenTelemetry.instance_variable_set(:@tracer_provider, Provider.new))
  end
end""",
    "opentelemetry-exporter-otlp-0.31.0/lib/opentelemetry/exporter/otlp.rb": "",
    "opentelemetry-instrumentation-all-0.85.0/lib/opentelemetry/instrumentation/all.rb": """
module OpenTelemetry
  module Instrumentation
    Stand = Struct.new(:name, :constant) do
      def instance = self
      def present? = Object.const_defined?(constant)
      def install(_) = (raise "half" unless Object.const_get(constant).const_defined?(:WHOLE); INSTALLED << name)
    end
    INSTALLED = []
    Registry = Class.new { def initialize = @instrumentation = [Stand.new("thing", "Sinatra")] }
    def self.registry = @registry ||= Registry.new
  end
end""",
    "thing/lib/sinatra.rb": """
module Sinatra; end
require "sinatra_inner"
REQUIRED_BY = caller_locations.map(&:path).reject { |path| path.start_with?("<internal:") }.first
Sinatra::WHOLE = true""",
    "thing/lib/sinatra_inner.rb": 'require "set"; require "sinatra_innermost"',
    "thing/lib/sinatra_innermost.rb": "",
}
LOCK = """GEM
  specs:
    opentelemetry-api (1.7.0)
    opentelemetry-sdk (1.10.0)
      opentelemetry-api (~> 1.1)
"""


@unittest.skipUnless(shutil.which("ruby"), "there is no Ruby here")
class RubyTests(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory())
        # as on a node, where Ruby's name for a file and the one that it was told differ
        os.makedirs(os.path.join(self.directory, ".versions", "1a2b", "ruby"))
        os.symlink(os.path.join(".versions", "1a2b"), os.path.join(self.directory, ".current"))
        os.symlink(os.path.join(".current", "ruby"), os.path.join(self.directory, "ruby"))
        os.symlink(os.path.dirname(REAL), os.path.join(self.directory, ".real"))
        os.symlink(os.path.join(".real", "ruby"), os.path.join(self.directory, "real"))
        self.real = os.path.join(self.directory, "real", VERSION)
        for path, text in STAND_IN.items():
            self.write(f"{'' if path.startswith('thing') else 'ruby/bundle/gems/'}{path}", text)
        self.write("ruby/Gemfile.lock", LOCK)
        for name in os.listdir(HERE):
            if name.endswith(".rb"):
                shutil.copy(os.path.join(HERE, name), os.path.join(self.directory, "ruby"))

    def write(self, path, text):
        path = os.path.join(self.directory, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def run_command(self, *command, agent=None, **variables):
        environment = {"PATH": os.environ["PATH"], "HOME": self.directory, "LANG": "C.UTF-8", **variables}
        if agent is not False:
            environment["RUBYOPT"] = f"-r{agent or os.path.join(self.directory, 'ruby')}/index.rb"
        return subprocess.run(command, env=environment, text=True, timeout=DEADLINE, cwd=self.directory,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run_program(self, source, *options, **arguments):
        program = self.write("program.rb", source)
        return self.run_command("ruby", *options, program, **arguments)

    def check(self, source, expected, **arguments):
        ran = self.run_program(source, "-I", os.path.join(self.directory, "thing", "lib"), **arguments)
        self.assertEqual((ran.stdout, ran.stderr, ran.returncode), (expected, "", 0))

    def assert_same(self, *command, agents=(None,), **variables):
        plain = self.run_command(*command, agent=False, **variables)
        for agent in agents:
            traced = self.run_command(*command, agent=agent, **variables)
            self.assertEqual((traced.stdout, traced.stderr, traced.returncode),
                             (plain.stdout, plain.stderr, plain.returncode), command)

    STATE = 'p OdigosAgent.instance_variable_get(:@state), defined?(OpenTelemetry), defined?(OdigosGems)\n'

    def test_nothing_is_loaded_for_a_program_that_has_nothing_to_trace(self):
        self.check('require "set"\nrequire "json"\n' + self.STATE, ":waiting\nnil\nnil\n")

    def test_a_library_is_traced_once_it_is_there_as_a_whole(self):
        self.check('require "sinatra"\np OpenTelemetry::Instrumentation::INSTALLED\n' + self.STATE,
                   '["thing"]\n:running\n"constant"\n"constant"\n')

    def test_a_library_sees_the_program_that_requires_it(self):
        self.check('require "sinatra"\np REQUIRED_BY == $0\n', "true\n")

    def test_a_library_that_never_becomes_whole_is_given_up(self):
        self.check('module Sinatra; end\n10.times { |i| File.write("part#{i}.rb", ""); require "./part#{i}" }\n'
                   "p OdigosAgent.instance_variable_get(:@attempts).values\n", "[3]\n")

    def test_what_the_agent_loads_does_not_show(self):
        source = 'before = Gem.loaded_specs.keys\nrequire "sinatra"\np $:.grep(/bundle/), Gem.loaded_specs.keys - before - ["set"]\n' \
                 'begin; require "opentelemetry"; rescue LoadError => error; p error.path; end\n'
        self.check(source, '[]\n[]\n"opentelemetry"\n')

    def test_the_end_of_the_program_flushes_after_the_programs_own(self):
        flushed = os.path.join(self.directory, "flushed")
        self.check('require "sinatra"\nat_exit { p File.exist?(ENV["FLUSHED"]) }\n', "false\n", FLUSHED=flushed)
        self.assertTrue(os.path.exists(flushed))

    def gem(self, name, version, text):
        feature = {"opentelemetry-api": "opentelemetry", "opentelemetry-sdk": "opentelemetry/sdk"}[name]
        self.write(f"home/gems/{name}-{version}/lib/{feature}.rb", text)
        self.write(f"home/specifications/{name}-{version}.gemspec",
                   f"Gem::Specification.new {{ |s| s.name = '{name}'; s.version = '{version}'; s.summary = 'x'; "
                   "s.authors = ['x']; s.require_paths = ['lib'] }")
        return {"GEM_HOME": os.path.join(self.directory, "home")}

    def test_the_programs_gem_wins_if_it_will_do(self):
        home = self.gem("opentelemetry-api", "1.9.0", "module OpenTelemetry; VERSION = 'the program\\'s'; end")
        self.check('require "sinatra"\np OpenTelemetry::VERSION\n' + self.STATE,
                   '"the program\'s"\n:running\n"constant"\n"constant"\n', **home)

    def test_a_gem_of_the_program_that_will_not_do_keeps_the_agent_out(self):
        for name, version, said in (("opentelemetry-api", "0.17.0", "0.17.0 is not ~> 1.1, as opentelemetry-sdk needs it"),
                                    ("opentelemetry-sdk", "1.10.0", "the program has opentelemetry-sdk 1.10.0 itself")):
            with self.subTest(name):
                shutil.rmtree(os.path.join(self.directory, "home"), ignore_errors=True)
                home = self.gem(name, version, "OWN = true")
                source = 'require "sinatra"\n' + self.STATE
                self.check(source, ":off\nnil\n\"constant\"\n", **home)
                ran = self.run_program(source, "-Ithing/lib", OTEL_LOG_LEVEL="debug", **home)
                self.assertIn(said, ran.stderr)

    def test_an_agent_that_does_not_load_is_none(self):
        place = "ruby/bundle/gems/opentelemetry-sdk-1.10.0/lib/opentelemetry/sdk.rb"
        for text in ("raise 'broken'", "def (", 'require "not/there"', "exit_not_there", "raise NotImplementedError"):
            with self.subTest(text):
                self.write(place, text)
                self.check('require "sinatra"\np 1\n', "1\n")
        shutil.rmtree(os.path.join(self.directory, "ruby", "bundle"))
        self.check('require "sinatra"\np 1\n', "1\n")

    def test_programs_do_what_they_did(self):
        self.write("Rakefile", "task(:default) { puts 'rake' }")
        agents = [None, *([self.real] if HAS_REAL else [])]
        for command in (
            ["ruby", "-e", "puts 1"], ["ruby", "-w", "-e", 'require "net/http"; p $:, caller, Thread.list.size'],
            ["ruby", "-e", 'require "net/http"; p Gem.loaded_specs.keys.sort'], ["ruby", "--disable-gems", "-e", "puts 1"],
            ["ruby", "-e", 'require "net/http"; exit 3'], ["ruby", "-e", 'require "net/http"; raise "x"'],
            ["ruby", "-e", 'begin; require "net/nope"; rescue LoadError => e; puts e.message, e.path; end'],
            ["ruby", "-e", 'require "net/http"; Process.kill(:TERM, $$); sleep'],
            ["ruby", "-e", 'require "net/http"; fork { puts 1 }; Process.wait; puts 2'], ["gem", "list", "--local"],
            ["rake"], ["sh", "-c", "echo 'require %q(net/http); p 1' | irb -f"],
        ):
            if shutil.which(command[0]):
                self.assert_same(*command, agents=agents, **NOWHERE)

    @unittest.skipUnless(shutil.which("bundle"), "there is no Bundler here")
    def test_bundler_has_chosen_before_anything_is_loaded(self):
        self.write("thing/thing.gemspec", "Gem::Specification.new { |s| s.name = 'thing'; s.version = '1'; s.summary = 'x'; "
                   "s.authors = ['x']; s.files = [] }")
        self.write("Gemfile", 'source "https://rubygems.org"\ngem "thing", path: "thing"\n')
        self.assertEqual(self.run_command("bundle", "lock", "--local", agent=False).returncode, 0)
        program = self.write("program.rb", 'require "sinatra"\np OpenTelemetry::Instrumentation::INSTALLED, $".grep(/bundler.setup/).size\n')
        early = self.write("early.rb", 'require "bundler/setup"\nrequire "sinatra"\np OpenTelemetry::Instrumentation::INSTALLED\n')
        with open(program) as file:  # Bundler loads a program of Ruby's in its own process
            script = self.write("script", "#!/usr/bin/env ruby\n" + file.read())
        os.chmod(script, 0o755)
        for command, expected in ((["bundle", "exec", "ruby", program], '["thing"]\n1\n'), (["ruby", early], '["thing"]\n'),
                                  (["bundle", "exec", script], '["thing"]\n1\n'),
                                  (["bundle", "list", "--name-only"], "thing\n")):
            ran = self.run_command(*command, BUNDLE_FROZEN="true")
            self.assertEqual((ran.stdout, ran.stderr), (expected, ""), command)

    def test_threads_of_a_child_share_one_processor(self):
        self.write("count.rb", """
require "timeout"
module OpenTelemetry
  module Exporter; module OTLP; Exporter = Class.new; end; end
  module SDK; module Trace; module Export
    SUCCESS = 0
    class BatchSpanProcessor
      MADE = Queue.new
      def initialize(_)
        MADE << Process.pid
        Timeout.timeout(20) { Thread.pass until waited_for? || MADE.size > 1 } if $threads
      end
      def waited_for? = $arrived.size == $threads.size && ($threads - [Thread.current]).all?(&:stop?)
      def on_finish(_) = nil
    end
  end; end; end
end
require_relative "ruby/odigos_processor"
span = Struct.new(:context).new(Struct.new(:trace_flags).new(Struct.new(:sampled?).new(true)))
processor = OdigosProcessor.new(nil)
processor.on_finish(span)
made = OpenTelemetry::SDK::Trace::Export::BatchSpanProcessor::MADE
fork do
  made.clear
  gate, $arrived = Queue.new, Queue.new
  $threads = Array.new(8) { Thread.new { gate.pop; $arrived << true; processor.on_finish(span) } }
  gate.close
  $threads.each(&:join)
  puts made.size
end
Process.wait
""")
        ran = self.run_command("ruby", os.path.join(self.directory, "count.rb"), agent=False)
        self.assertEqual((ran.stdout, ran.stderr), ("1\n", ""))

    def test_what_a_hidden_thread_begins_is_hidden(self):
        ran = self.run_program("""
require_relative "ruby/odigos_threads"
begun, all = Queue.new, -> { [Thread.list.size, ThreadGroup::Default.list.size] }
hidden = Thread.new { Thread.stop; Thread.new { begun << Thread.current; sleep }.join }
p all.call
OdigosThreads.hide(hidden)
p all.call
hidden.run until hidden.stop? && begun.size == 1
p begun.pop.alive?, all.call, Class.new(Thread).list == [Thread.main]
Thread.new { sleep }
p all.call
""", agent=False)
        self.assertEqual((ran.stdout, ran.stderr), ("[2, 2]\n[1, 1]\ntrue\n[1, 1]\ntrue\n[2, 2]\n", ""))

    def test_the_thread_of_ruby_for_timeouts_is_hidden_where_the_exporter_brings_it(self):
        self.write("timeout.rb", """
module Timeout # as of Ruby 3.2
  def self.timeout(_)
    @thread ||= Thread.new { sleep }.tap { |t| t.name = "Timeout stdlib thread"; ThreadGroup::Default.add(t) }
    yield
  end
end
""")
        for first, count in (("", 1), ("Timeout.timeout(1) {}", 2)):
            ran = self.run_program(f"""
require "timeout"
{first}
require_relative "ruby/odigos_threads"
OdigosThreads.hide_timeouts
p Thread.list.size, ThreadGroup::Default.list.size
""", "-I", self.directory, agent=False)
            self.assertEqual((ran.stdout, ran.stderr), (f"{count}\n{count}\n", ""))

    @unittest.skipUnless(HAS_REAL, "OpenTelemetry's gems are not laid out")
    def test_programs_wait_for_their_own_threads_alone(self):
        wait = "Thread.new { sleep 0.1; puts 'work' }\nThread.list.each { |t| t.join unless t == Thread.current }\n" \
               "p Thread.list.size, ThreadGroup::Default.list.size, Class.new(Thread).list.size\n"
        span = "OpenTelemetry.tracer_provider.tracer('mine').in_span('a') {} if defined?(OpenTelemetry)\n"
        for source in (wait, span + wait, f"fork {{ {span + wait} }}\nProcess.wait\n"):
            with self.subTest(source):
                self.assert_same("ruby", "-e", 'require "net/http"\n' + source, agents=[self.real],
                                 ODIGOS_OPAMP_SERVER_HOST="127.0.0.1:9", **NOWHERE)

    @unittest.skipUnless(HAS_REAL, "OpenTelemetry's gems are not laid out")
    def test_a_call_is_traced_and_carries_its_trace(self):
        with Sink() as sink:
            ran = self.run_program(f'require "net/http"\nputs Net::HTTP.get(URI("{sink.endpoint}/a"))\n'
                                   f'fork {{ Net::HTTP.get(URI("{sink.endpoint}/b")) }}\nProcess.wait\n', agent=self.real,
                                   OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, OTEL_SERVICE_NAME="shop")
        self.assertEqual((ran.stdout, ran.stderr, sink.failures), ("hello\n", "", []))
        calls = [span for span in sink.spans if span["name"] == "HTTP GET"]
        self.assertEqual(len(calls), 2)  # one of them in the child
        self.assertEqual({span["resource"]["service.name"] for span in calls}, {b"shop"})
        self.assertEqual({parent.split("-")[1] for parent in sink.parents}, {span["trace"].hex() for span in calls})

    @unittest.skipUnless(HAS_REAL and shutil.which("rackup"), "OpenTelemetry's gems are not laid out, or there is no Rack")
    def test_a_request_has_one_span_with_and_without_a_framework(self):
        for source, name in (("run lambda { |_| [200, {'content-type' => 'text/plain'}, ['hello']] }", "HTTP GET"),
                             ("require 'sinatra/base'\nclass Shop < Sinatra::Base; get('/:id') { 'hello' }; end\nrun Shop", "GET /:id")):
            path = self.write("config.ru", source)
            with self.subTest(name), Sink() as sink:
                ran = self.run_program(f"""
require "rack"
require "rack/mock"
program = Rack::Builder.parse_file({path!r})
program = program.first if program.is_a?(Array)
puts Rack::MockRequest.new(program).get("/7").body
""", agent=self.real, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
                if "cannot load such file -- sinatra" in ran.stderr:
                    self.skipTest("there is no Sinatra here")
                self.assertEqual((ran.stdout, ran.stderr), ("hello\n", ""))
                self.assertEqual([(span["name"], span["kind"]) for span in sink.spans], [(name, 2)])


if __name__ == "__main__":
    unittest.main()
