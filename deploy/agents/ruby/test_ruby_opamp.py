"""Tests of what the Ruby agent tells a node agent, and what it lets it change; see test_ruby_agent.py for what it needs."""
import os
import socket
import sys
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ.setdefault("ODIGOS_TEST_AGENT", "/nowhere")
sys.path += [os.path.join(os.path.dirname(HERE), "python"), HERE]
import test_opamp  # noqa: E402
import test_ruby_agent  # noqa: E402
from sink import Sink  # noqa: E402
from test_opamp import FULL, INTERVAL, Server, has_applied, remote_config  # noqa: E402

WAIT = """
def wait(name) = (sleep 0.02 until File.exist?(File.join(ENV["EVENTS"], name)))
"""


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    except OSError:
        return False


class RubyOpAMPTests(unittest.TestCase):
    setUp, write = test_ruby_agent.RubyTests.setUp, test_ruby_agent.RubyTests.write
    run_command, run_program = test_ruby_agent.RubyTests.run_command, test_ruby_agent.RubyTests.run_program

    def run_with(self, server, source, **arguments):
        with server:
            variables = {**server.variables, "ODIGOS_DISTRO_NAME": "ruby-community", "OTEL_SERVICE_NAME": "shop", **arguments}
            ran = self.run_program(WAIT + source, "-I", os.path.join(self.directory, "thing", "lib"), **variables)
        self.assertEqual((server.failures, ran.stderr), ([], ""))
        return ran

    def test_a_process_says_who_and_how_it_is_and_goodbye(self):
        for kind in ("unix", "tcp"):
            with self.subTest(kind):
                server = Server(lambda server, message: message.healthy and server.tell("heard") or INTERVAL, kind)
                self.run_with(server, "require 'sinatra'\nwait('heard')")
                hello, goodbye = server.messages[0], server.messages[-1]
                self.assertEqual((hello.sequence, len(hello.uid), hello.uid[6] >> 4), (1, 16, 7))
                for key, value in (("telemetry.sdk.language", "ruby"), ("k8s.namespace.name", "shop"), ("k8s.pod.name", "web-1"),
                                   ("k8s.container.name", "app"), ("service.name", "shop"), ("telemetry.distro.name", "ruby-community")):
                    self.assertEqual(hello.attributes[key], value)
                self.assertGreater(hello.attributes["process.vpid"], 1)
                self.assertEqual((hello.state, hello.components), (b"Healthy", {"thing": (1, "")}))
                self.assertTrue(goodbye.is_goodbye)
                self.assertEqual([message.sequence for message in server.messages], list(range(1, len(server.messages) + 1)))

    def test_a_program_that_waits_for_all_its_threads_ends(self):
        server = Server(lambda server, message: server.tell("heard") or INTERVAL)
        ran = self.run_with(server, """require 'sinatra'
wait('heard')
Thread.new { sleep 0.1; puts 'work' }
(Thread.list - [Thread.current]).each(&:join)
p Thread.list.size, ThreadGroup::Default.list.size
""")
        self.assertEqual((ran.returncode, ran.stdout), (0, "work\n1\n1\n"))
        self.assertTrue(server.messages[-1].is_goodbye)

    def test_servers_are_named_as_a_pod_gets_their_address(self):
        for name, address in (("127.0.0.1:4320", ("127.0.0.1", 4320)), ("[fd00::1]:4320", ("fd00::1", 4320)),
                              ("fd00::1:4320", ("fd00::1", 4320)), ("[::1]", ("::1", 80)), ("odiglet", ("odiglet", 80))):
            ran = self.run_program(f"""require "socket"
require_relative "ruby/odigos_wire"
def Socket.tcp(*where, **) = p(where)
OdigosWire::Connection.new(nil, {name!r})
""", agent=False)
            self.assertEqual((ran.stdout, ran.stderr), ('["%s", %d]\n' % address, ""))

    @unittest.skipUnless(has_ipv6(), "there is no ::1 here")
    def test_a_server_may_have_an_address_of_ipv6(self):
        def hear():
            connection, _ = listening.accept()
            with connection:
                heard.append(connection.recv(1 << 16)[:15])
            self.write("heard", "")

        for name in ("[::1]:%d", "::1:%d"):
            heard = []
            with self.subTest(name), socket.create_server(("::1", 0), family=socket.AF_INET6) as listening:
                listening.settimeout(test_ruby_agent.DEADLINE)
                thread = threading.Thread(target=hear, daemon=True)
                thread.start()
                ran = self.run_program(WAIT + "require 'sinatra'\nwait('heard')", "-I", os.path.join(self.directory, "thing", "lib"),
                                       EVENTS=self.directory, ODIGOS_OPAMP_SERVER_HOST=name % listening.getsockname()[1])
                thread.join()
                os.unlink(os.path.join(self.directory, "heard"))
            self.assertEqual((ran.returncode, ran.stderr, heard), (0, "", [b"POST /v1/opamp "]))

    def test_what_has_not_changed_is_said_once_and_again_when_asked(self):
        def answer(server, message):
            if len(server.messages) == 4:
                server.tell("heard")
            return INTERVAL + (FULL if len(server.messages) == 2 else b"")

        server = Server(answer)
        self.run_with(server, "require 'sinatra'\nwait('heard')")
        self.assertEqual([bool(message.attributes) for message in server.messages[:4]], [True, False, True, False])
        self.assertEqual([message.has_health for message in server.messages[:4]], [True, False, True, False])

    def test_each_process_that_is_forked_is_an_agent_of_its_own(self):
        def answer(server, message):
            if len({message.uid for message in server.messages}) == 3:
                server.tell("all")
            return INTERVAL

        server = Server(answer)
        ran = self.run_with(server, """require 'sinatra'
children = 2.times.map { fork { wait('all'); exit! } }
wait('all'); Process.waitall
puts [$$, *children].sort.join(" ")
""")
        pids = {message.attributes["process.vpid"] for message in server.messages if message.attributes}
        self.assertEqual(" ".join(map(str, sorted(pids))) + "\n", ran.stdout)

    def test_that_opentelemetry_does_not_start_is_reported(self):
        self.write("ruby/bundle/gems/opentelemetry-sdk-1.10.0/lib/opentelemetry/sdk.rb", "raise 'broken'")
        server = Server(lambda server, message: message.state == b"AgentFailure" and server.tell("heard") or INTERVAL)
        self.run_with(server, "require 'sinatra'\nwait('heard')")
        self.assertEqual((server.messages[0].healthy, server.messages[0].error), (0, b"RuntimeError: broken"))

    def test_a_server_that_is_away_or_never_answers_holds_nothing_up(self):
        hanging = Server(lambda server, _: server.tell("heard") or server.never())
        with hanging as server:
            for variables in ({"ODIGOS_OPAMP_SERVER_HOST": "127.0.0.1:9"}, {"ODIGOS_OPAMP_UNIX_SOCKET": "/nowhere/exchange.sock"},
                              server.variables):
                wait = "wait('heard')" if "EVENTS" in variables else "sleep 1.2"
                ran = self.run_program(f"{WAIT}require 'sinatra'\n{wait}\nfork {{ exit! }}\nProcess.wait\nputs 1\nexit 3",
                                       "-I", os.path.join(self.directory, "thing", "lib"), **variables)
                self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (3, "1\n", ""))

    def test_answers_that_cannot_be_read_are_no_matter(self):
        def answer(server, message):
            if len(server.messages) == 2:
                server.tell("heard")
            return b"\x1a\xff\xff\xff" if len(server.messages) == 1 else INTERVAL

        server = Server(answer)
        self.run_with(server, "require 'sinatra'\nwait('heard')")
        self.assertTrue(server.messages[1].attributes)  # all is said anew

    @unittest.skipUnless(test_ruby_agent.HAS_REAL, "OpenTelemetry's gems are not laid out")
    def test_configuration_changes_what_is_traced_while_the_program_runs(self):
        steps = [
            (b"1", {"container_config": {"traces": {"headSampling": {"fallbackFraction": 0}}}}),
            (b"2", {"InstrumentationLibraries": [{"name": "net_http", "traces": {"enabled": False}}]}),
            (b"3", {"SDK": {"traceSignal": {"enabled": False}}}),
            (b"4", {"container_config": {"traces": {"headersCollection": {"headerKeys": ["a"]}}}}),
            (b"5", {"container_config": {"traces": {"headSampling": {"fallbackFraction": 7}}}}),
        ]

        def answer(server, message):
            for digest, _ in steps:
                if has_applied(message, digest):
                    server.tell(f"applied-{digest.decode()}")
            done = [digest for digest, _ in steps if os.path.exists(f"{server.directory.name}/next-{digest.decode()}")]
            return INTERVAL + (remote_config(steps[len(done) - 1][0], **steps[len(done) - 1][1]) if done else b"")

        server = Server(answer)
        with Sink() as sink:
            self.run_with(server, f"""require "net/http"
def work(name)
  OpenTelemetry.tracer_provider.tracer("mine").in_span(name) {{ Net::HTTP.get(URI("{sink.endpoint}/")) }}
end
work("at-first")
%w[1 2 3 4 5].zip(%w[fraction-0 no-http no-traces headers at-last]) do |number, name|
  File.write(File.join(ENV["EVENTS"], "next-#{{number}}"), "")
  wait("applied-#{{number}}")
  work(name)
end
""", agent=self.real, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
        spans = {span["id"]: span for span in sink.spans if span["name"] != "connect"}
        names = sorted(span["name"] for span in spans.values())
        self.assertEqual(names, ["HTTP GET"] * 3 + ["at-first", "at-last", "headers", "no-http"])
        parents = {spans[span["parent"]]["name"] for span in spans.values() if span["name"] == "HTTP GET"}
        self.assertEqual(parents, {"at-first", "headers", "at-last"})
        effective = {message.status[0]: message.effective for message in server.messages if message.effective}
        self.assertEqual(effective[b"1"]["traces"]["fallbackFraction"], 0.0)
        self.assertEqual(effective[b"2"]["traces"]["disabledLibraries"], ["net_http"])
        self.assertFalse(effective[b"3"]["traces"]["enabled"])
        self.assertEqual(effective[b"4"]["notCarriedOut"], ["traces.headersCollection"])
        failed = next(message.status for message in server.messages if message.status and message.status[0] == b"5")
        self.assertEqual(failed[1:], (3, "ArgumentError: the fraction 7.0 is not between 0 and 1"))

    @unittest.skipUnless(test_ruby_agent.HAS_REAL, "OpenTelemetry's gems are not laid out")
    def test_that_spans_do_not_arrive_is_reported(self):
        def answer(server, message):
            if message.components.get("exporter/otlp", (1, ""))[0] == 0:
                server.tell("heard")
            return INTERVAL

        server = Server(answer)
        self.run_with(server, """require "net/http"
OpenTelemetry.tracer_provider.tracer("mine").in_span("a") {}
OpenTelemetry.tracer_provider.force_flush(timeout: 1)
wait("heard")
""", agent=self.real, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
        failed = next(message for message in server.messages if "exporter/otlp" in message.components)
        self.assertEqual(failed.components["exporter/otlp"], (0, "spans cannot be sent to http://127.0.0.1:9"))


del test_opamp.OpAMPTests  # which has a file of its own

if __name__ == "__main__":
    unittest.main()
