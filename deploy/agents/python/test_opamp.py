"""Tests of what the Python agent tells a node agent, and what it lets it change, against a server that answers as a
test wants; see test_agent.py for what it needs.
"""
import http.server
import json
import os
import socketserver
import tempfile
import threading
import unittest

from test_agent import AgentTests, Sink, fields, first
from sink import HearsOut, HTTPServer

# The programs wait for files that the server makes when it has heard what a test waits for.
WAIT = """
import os, time
def wait(name):
    while not os.path.exists(os.path.join(os.environ["EVENTS"], name)):
        time.sleep(0.02)
"""
QUERY = """
import sqlite3
from opentelemetry import trace
def work(name):
    with trace.get_tracer("mine").start_as_current_span(name):
        sqlite3.connect(":memory:").cursor().execute("select 1")
"""

# Forks when the agent has tried in vain, and where it waits for an answer until a fork is over before that is: on a busy
# machine not the first, and never if it were held up.
HELD_UP = """
import os, sys, time
def in_function(name):
    for frame in sys._current_frames().values():
        while frame:
            if frame.f_code.co_name == name:
                return frame
            frame = frame.f_back
def fork():
    if os.fork() == 0: os._exit(0)
    os.wait()
if "EVENTS" in os.environ:
    is_over = False
    while not is_over:
        while not in_function("_exchange"):
            time.sleep(0.01)
        fork()
        is_over = in_function("_exchange")
else:
    while not in_function("_run").f_locals.get("failures"):
        time.sleep(0.01)
    fork()
print("forked")
sys.exit(3)
"""


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def remote_config(digest, **sections):
    entries = b"".join(
        field(1, field(1, "" if name == "language" else name) + field(2, field(1, json.dumps(body))))
        for name, body in sections.items())
    return field(3, field(1, entries) + field(2, digest))


INTERVAL = field(4, field(2, field(4, 1)))
FULL = field(6, 1)


class Message:
    def __init__(self, data):
        self.data = data
        self.uid, self.sequence = first(data, 1), first(data, 2, 0)
        self.attributes = {}
        for _, attribute in fields(first(data, 3)):
            value = dict(fields(first(attribute, 2)))
            self.attributes[first(attribute, 1).decode()] = value[3] if 3 in value else value.get(1, b"").decode()
        health = first(data, 5, None)
        self.has_health = health is not None
        self.healthy, self.error, self.state = first(health or b"", 1, 0), first(health or b"", 3), first(health or b"", 4)
        self.components = {
            first(entry, 1).decode(): (first(first(entry, 2), 1, 0), first(first(entry, 2), 3).decode())
            for number, entry in fields(health or b"") if number == 6}
        effective = first(first(first(first(data, 6), 1), 1), 2)
        self.effective = json.loads(first(effective, 1)) if effective else None
        status = first(data, 7, None)
        self.status = status and (first(status, 1), first(status, 2, 0), first(status, 3).decode())
        self.is_goodbye = 9 in dict(fields(data))


class UnixServer(HearsOut, socketserver.ThreadingUnixStreamServer):
    pass


class Server:
    """An OpAMP server over a Unix socket or TCP. `answer(server, message)` gives what follows the instance UID; one that
    never comes is `server.never()`."""

    def __init__(self, answer=lambda server, message: INTERVAL, kind="unix"):
        self.answer, self.kind, self.messages, self.failures = answer, kind, [], []
        self.is_over = threading.Event()

    def never(self):
        self.is_over.wait()
        return b""

    def __enter__(self):
        server = self
        self.directory = tempfile.TemporaryDirectory()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = b""
                try:
                    assert self.path == "/v1/opamp" and self.headers["Content-Type"] == "application/x-protobuf"
                    message = Message(body)
                    server.messages.append(message)
                    answer = field(1, message.uid) + server.answer(server, message)
                except Exception as error:
                    server.failures.append(repr(error))
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def address_string(self):
                return "agent"

            def log_message(self, *_):
                pass

        if self.kind == "unix":
            path = os.path.join(self.directory.name, "exchange.sock")
            self.server = UnixServer(path, Handler)
            self.variables = {"ODIGOS_OPAMP_UNIX_SOCKET": path}
        else:
            self.server = HTTPServer(("127.0.0.1", 0), Handler)
            self.variables = {"ODIGOS_OPAMP_SERVER_HOST": f"127.0.0.1:{self.server.server_port}"}
        self.variables.update(
            EVENTS=self.directory.name, ODIGOS_POD_NAME="web-1", ODIGOS_WORKLOAD_NAMESPACE="shop",
            ODIGOS_CONTAINER_NAME="app", ODIGOS_DISTRO_NAME="python-community",
            OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def tell(self, name):
        with open(os.path.join(self.directory.name, name), "w"):
            pass

    def __exit__(self, *_):
        self.is_over.set()
        self.server.hear_out()
        self.directory.cleanup()


def has_applied(message, digest):
    return message.status is not None and message.status[0] == digest


class OpAMPTests(unittest.TestCase):
    run_program = AgentTests.run_program
    directory_with = AgentTests.directory_with

    def run_with(self, server, source, **variables):
        with server:
            ran = self.run_program(WAIT + source, **{**server.variables, **variables})
        self.assertEqual(server.failures, [])
        self.assertEqual(ran.stderr, "")
        return ran

    def test_a_process_says_who_and_how_it_is_and_goodbye(self):
        for kind in ("unix", "tcp"):
            server = Server(lambda server, message: message.healthy and server.tell("heard") or INTERVAL, kind)
            self.run_with(server, "wait('heard')")
            hello, goodbye = server.messages[0], server.messages[-1]
            healthy = next(message for message in server.messages if message.healthy)
            self.assertEqual((hello.sequence, len(hello.uid), hello.uid[6] >> 4), (1, 16, 7))
            for key, value in (("telemetry.sdk.language", "python"), ("k8s.namespace.name", "shop"),
                               ("k8s.pod.name", "web-1"), ("k8s.container.name", "app"), ("service.name", "shop"),
                               ("telemetry.distro.name", "python-community")):
                self.assertEqual(hello.attributes[key], value)
            self.assertGreater(hello.attributes["process.vpid"], 1)
            self.assertEqual((healthy.state, healthy.error), (b"Healthy", b""))
            self.assertEqual(healthy.components["opentelemetry.instrumentation.sqlite3"], (1, ""))
            self.assertTrue(goodbye.is_goodbye)

    def test_what_has_not_changed_is_said_once_and_again_when_asked(self):
        calm = []  # the messages since it has said that all is well

        def answer(server, message):
            if message.healthy or calm:
                calm.append(message)
            if len(calm) == 4:
                server.tell("heard")
            return INTERVAL + (FULL if len(calm) == 2 else b"")

        server = Server(answer)
        self.run_with(server, "wait('heard')")
        self.assertEqual([bool(message.attributes) for message in calm[1:4]], [False, True, False])
        self.assertEqual([message.has_health for message in calm[:4]], [True, False, True, False])
        self.assertEqual([message.sequence for message in server.messages], list(range(1, len(server.messages) + 1)))

    def test_configuration_changes_what_is_traced_while_the_program_runs(self):
        steps = [
            (b"1", {"container_config": {"traces": {"headSampling": {"fallbackFraction": 0}}}}),
            (b"2", {"InstrumentationLibraries": [{"name": "sqlite3", "traces": {"enabled": False}}]}),
            (b"3", {"SDK": {"traceSignal": {"enabled": False}}}),
            (b"4", {"container_config": {"traces": {"urlTemplatization": {"templatizationRules": ["a"]}}}}),
        ]

        def answer(server, message):
            for digest, _ in steps:
                if has_applied(message, digest):
                    server.tell(f"applied-{digest.decode()}")
            done = [name for name in ("begin", "2", "3", "4") if os.path.exists(f"{server.directory.name}/next-{name}")]
            return INTERVAL + (remote_config(steps[len(done) - 1][0], **steps[len(done) - 1][1]) if done else b"")

        server = Server(answer)
        with Sink() as sink:
            self.run_with(server, QUERY + """
def go_on(name):
    open(os.path.join(os.environ["EVENTS"], name), "w").close()
work("at-first"); go_on("next-begin"); wait("applied-1")
work("fraction-0"); go_on("next-2"); wait("applied-2")
work("no-sqlite"); go_on("next-3"); wait("applied-3")
work("no-traces"); go_on("next-4"); wait("applied-4")
work("at-last")
""", OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
        names = {span["id"]: span["name"] for span in sink.spans}
        self.assertEqual(sorted(names.values()), ["at-first", "at-last", "no-sqlite", "select", "select"])
        parents = {names[span["parent"]] for span in sink.spans if span["name"] == "select"}
        self.assertEqual(parents, {"at-first", "at-last"})
        effective = {message.status[0]: message.effective for message in server.messages if message.effective}
        self.assertEqual(effective[b"1"]["traces"]["fallbackFraction"], 0.0)
        self.assertEqual(effective[b"2"]["traces"]["disabledLibraries"], ["sqlite3"])
        self.assertFalse(effective[b"3"]["traces"]["enabled"])
        self.assertEqual(effective[b"4"]["notCarriedOut"], ["traces.urlTemplatization"])
        self.assertTrue(all(message.status[1] == 1 for message in server.messages if message.status))

    def test_a_library_that_is_off_leaves_the_trace_in_one_piece(self):
        def answer(server, message):
            if has_applied(message, b"1"):
                server.tell("applied")
            return INTERVAL + remote_config(
                b"1", InstrumentationLibraries=[{"name": "middle", "traces": {"enabled": False}}])

        with Sink() as sink:
            self.run_with(Server(answer), """
from opentelemetry import trace
wait("applied")
with trace.get_tracer("mine").start_as_current_span("outer"):
    with trace.get_tracer("middle").start_as_current_span("hidden"):
        with trace.get_tracer("mine").start_as_current_span("inner"):
            pass
""", OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
        spans = {span["name"]: span for span in sink.spans}
        self.assertEqual(set(spans), {"outer", "inner"})
        self.assertEqual(spans["inner"]["parent"], spans["outer"]["id"])

    def test_who_asks_for_a_tracer_again_and_again_gets_one_as_good(self):
        with Sink() as sink:
            self.run_with(Server(), """
from opentelemetry import trace
for _ in range(3000):
    tracer = trace.get_tracer("mine")
with tracer.start_as_current_span("a"):
    pass
""", OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
        self.assertEqual([span["name"] for span in sink.spans], ["a"])

    def test_configuration_that_cannot_be_carried_out_changes_nothing_and_is_reported(self):
        def answer(server, message):
            if has_applied(message, b"1"):
                server.tell("applied")
            return INTERVAL + remote_config(b"1", container_config={
                "traces": {"headSampling": {"fallbackFraction": 7}}, "agentDiagnostics": {"odigosLogLevel": "debug"}})

        server = Server(answer)
        with Sink() as sink:
            self.run_with(server, QUERY + "wait('applied'); work('a')", OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
        self.assertEqual(sorted(span["name"] for span in sink.spans), ["a", "select"])
        status = next(message.status for message in server.messages if message.status)
        self.assertEqual(status, (b"1", 3, "ValueError: the fraction 7.0 is not between 0 and 1"))

    def test_the_log_level_opens_standard_error(self):
        def answer(server, message):
            if has_applied(message, b"1"):
                server.tell("applied")
            if not os.path.exists(os.path.join(server.directory.name, "before")):
                return INTERVAL
            return INTERVAL + remote_config(b"1", container_config={"agentDiagnostics": {"odigosLogLevel": "warn"}})

        with Server(answer) as server:
            ran = self.run_program(WAIT + """
import logging
logger = logging.getLogger("opentelemetry.mine")
logger.error("before"); open(os.path.join(os.environ["EVENTS"], "before"), "w").close(); wait("applied"); logger.error("after"); logger.info("little")
""", **server.variables)
        self.assertIn("after\n", ran.stderr)
        self.assertNotIn("before", ran.stderr)
        self.assertNotIn("little", ran.stderr)

    def test_each_process_that_is_forked_is_an_agent_of_its_own(self):
        def answer(server, message):
            if len({message.uid for message in server.messages}) == 3:
                server.tell("all")
            return INTERVAL

        server = Server(answer)
        ran = self.run_with(server, """
children = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        wait("all")
        os._exit(0)
    children.append(pid)
wait("all")
for pid in children:
    os.waitpid(pid, 0)
print(*sorted([os.getpid(), *children]))
""")
        pids = {message.attributes["process.vpid"] for message in server.messages if message.attributes}
        self.assertEqual(" ".join(map(str, sorted(pids))) + "\n", ran.stdout)

    def test_that_opentelemetry_does_not_start_is_reported(self):
        server = Server(lambda server, message: message.state == b"AgentFailure" and server.tell("heard") or INTERVAL)
        own = self.directory_with(google="name = 'of the application'")
        self.run_with(server, "wait('heard')", before=[own])
        failed = next(message for message in server.messages if message.state == b"AgentFailure")
        self.assertEqual(failed.healthy, 0)
        self.assertIn(b"google.protobuf", failed.error)

    def test_that_spans_do_not_arrive_is_reported(self):
        def answer(server, message):
            if message.components.get("exporter/otlp", (1, ""))[0] == 0:
                server.tell("heard")
            return INTERVAL

        server = Server(answer)
        with Sink(answer=400) as sink:
            self.run_with(server, QUERY + "work('a'); trace.get_tracer_provider().force_flush(); wait('heard')",
                          OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
        failed = next(message for message in server.messages if "exporter/otlp" in message.components)
        self.assertIn(sink.endpoint, failed.components["exporter/otlp"][1])
        self.assertEqual(failed.healthy, 1)

    def test_a_program_sees_none_of_it(self):
        source = "import threading, sys; print(threading.active_count(), [n for n in sys.modules if 'odigos' in n])"
        without = self.run_program(source, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
        with Server(lambda server, _: server.tell("heard") or INTERVAL) as server:
            ran = self.run_program(WAIT + "wait('heard')\n" + source, **server.variables)
        self.assertEqual((ran.stdout, ran.stderr), (without.stdout, without.stderr))

    def test_a_server_that_is_away_or_never_answers_holds_nothing_up(self):
        hanging = Server(lambda server, _: server.tell("heard") or server.never())
        with hanging as server:
            for variables in ({"ODIGOS_OPAMP_SERVER_HOST": "127.0.0.1:9"},
                              {"ODIGOS_OPAMP_UNIX_SOCKET": "/nowhere/exchange.sock"}, server.variables):
                ran = self.run_program(
                    HELD_UP, **{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", **variables})
                self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (3, "forked\n", ""))


del AgentTests  # which has a file of its own

if __name__ == "__main__":
    unittest.main()
