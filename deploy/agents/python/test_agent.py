"""Tests of the Python agent against an OTLP sink, with an unmodified Flask program; run by `hack/agents test`.

ODIGOS_TEST_AGENT is the laid-out agent, ODIGOS_TEST_PACKAGES a directory that has Flask and requests. Beside the agent
lies the loader.
"""
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import sink  # noqa: E402
from sink import fields, first  # noqa: E402

AGENT = os.environ["ODIGOS_TEST_AGENT"]
PACKAGES = os.environ.get("ODIGOS_TEST_PACKAGES", "")
DISTRIBUTION = "python-community" + os.path.basename(AGENT)[len("python"):]
DEADLINE = 180  # of a hang; a busy machine runs several of the programs at once

SHOP = """
import threading, requests, flask
from werkzeug.serving import make_server
app = flask.Flask("shop")
@app.route("/")
def front():
    return requests.get(f"http://127.0.0.1:{server.port}/price/7").text
@app.route("/price/<item>")
def price(item):
    return "42"
server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
import urllib.request
print(urllib.request.urlopen(f"http://127.0.0.1:{server.port}/").read().decode())
"""


def value(data):
    """What an AnyValue is."""
    for number, content in fields(data):
        if number == 5:
            return [value(item) for _, item in fields(content)]
        return content.decode() if number == 1 else content


def attributes(data, wanted):
    return {first(item, 1).decode(): value(first(item, 2)) for number, item in fields(data) if number == wanted}


def spans(request):
    """The spans of an ExportTraceServiceRequest, as dictionaries."""
    for _, resource_spans in fields(request):
        resource = attributes(first(resource_spans, 1), 1)
        for number, scope_spans in fields(resource_spans):
            if number == 2:
                for number, span in fields(scope_spans):
                    if number == 2:
                        yield {"trace": first(span, 1), "id": first(span, 2), "parent": first(span, 4),
                               "name": first(span, 5).decode(), "kind": first(span, 6, 0),
                               "attributes": attributes(span, 9), "service": resource.get("service.name", "")}


class Sink(sink.Sink):
    """One that also takes what is no trace, and keeps spans with their values."""

    def receive(self, path, body):
        if path == "/v1/traces":
            self.spans += spans(body)


class AgentTests(unittest.TestCase):
    def run_program(self, source, agent=True, before=(), **variables):
        """Runs a program as in an instrumented container; `before` are directories of the application's own."""
        path = (AGENT, AGENT + "/opentelemetry/instrumentation/auto_instrumentation") if agent else ()
        path = [directory for directory in path if os.path.isdir(directory)]
        environment = {"PATH": os.environ["PATH"], "OTEL_SERVICE_NAME": "shop",
                       "PYTHONPATH": ":".join([*path, *before, *filter(None, [PACKAGES])]), **variables}
        with tempfile.TemporaryDirectory() as directory:
            program = os.path.join(directory, "program.py")
            with open(program, "w") as file:
                file.write(source)
            return subprocess.run([sys.executable, program], env=environment, text=True, timeout=DEADLINE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=directory)

    def assert_same(self, source, **arguments):
        """With the agent, and a collector that is away, the program does what it does without."""
        plain = self.run_program(source, agent=False, before=arguments.get("before", ()))
        traced = self.run_program(source, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", **arguments)
        self.assertEqual((traced.returncode, traced.stdout, traced.stderr),
                         (plain.returncode, plain.stdout, plain.stderr))
        return traced

    def directory_with(self, **files):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        for name, text in files.items():
            path = os.path.join(directory.name, name.replace("__", "/", 1) + ".py" if "__" in name else name + ".py")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(text)
        return directory.name

    def test_an_unmodified_program_is_traced(self):
        with Sink() as sink:
            ran = self.run_program(SHOP, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
        self.assertEqual(ran.stdout, "42\n")
        self.assertEqual(sink.failures, [])
        self.assertEqual({span["service"] for span in sink.spans}, {"shop"})
        self.assertEqual(len({span["trace"] for span in sink.spans}), 1, "it is one distributed trace")
        by_id = {span["id"]: span for span in sink.spans}
        price = next(span for span in sink.spans if span["kind"] == 2 and "/price/<item>" in span["name"])
        call = by_id[price["parent"]]
        self.assertEqual(call["kind"], 3, "the server's parent is the client's span")
        self.assertEqual(by_id[call["parent"]]["name"], "GET /")

    def test_a_program_is_traced_by_the_loader_alone(self):
        loader = os.path.join(os.path.dirname(AGENT), "loader", "loader.so")
        if not os.path.exists(loader):
            self.skipTest(f"there is no {loader}")
        with Sink() as sink:
            ran = self.run_program(SHOP, agent=False, LD_PRELOAD=loader, ODIGOS_POD_NAME="shop-1",
                                   ODIGOS_DISTRO_NAME=DISTRIBUTION, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
        self.assertEqual((ran.stdout, sink.failures), ("42\n", []))
        self.assertEqual(len({span["trace"] for span in sink.spans}), 1)

    def test_nothing_is_printed_when_the_collector_is_away(self):
        self.assert_same("print('out'); import sys; print('err', file=sys.stderr); sys.exit(3)")

    def test_warnings_without_a_handler_are_printed_as_ever(self):
        self.assert_same("import logging; logging.getLogger('mine').warning('of last resort')")

    def test_nothing_is_logged_when_the_program_logs_everything(self):
        self.assert_same("""
import logging
logging.basicConfig(level=logging.DEBUG, format="%(name)s %(message)s")
logging.info("mine")
import sqlite3
sqlite3.connect(":memory:").cursor().execute("select 1")
""")

    def test_an_ending_program_does_not_wait_for_a_collector_that_is_not_ready(self):
        with Sink(answer=503) as sink:
            self.run_program("import sqlite3; sqlite3.connect(':memory:').cursor().execute('select 1')",
                             OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
        self.assertEqual(sink.requests.count("/v1/traces"), 1, "it is tried once, and never again")

    def test_a_failure_of_the_program_stays_as_it_is(self):
        ran = self.run_program("import nothing_of_this_name", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("No module named 'nothing_of_this_name'", ran.stderr)
        self.assertNotIn(AGENT, ran.stderr)

    def test_warnings_as_errors_change_nothing(self):
        self.assert_same("import warnings; warnings.simplefilter('error'); import json; print(json.dumps({}))")

    def test_the_packages_of_the_application_win(self):
        own = self.directory_with(requests="name = 'mine'", google="name = 'mine too'")
        self.assert_same("import requests, google; print(requests.name, google.name)", before=[own])

    def test_the_newer_api_wins(self):
        def api(version):
            directory = self.directory_with(**{"opentelemetry__mine": "version = '%s'" % version})
            metadata = os.path.join(directory, "opentelemetry_api-%s.dist-info" % version)
            os.mkdir(metadata)
            with open(os.path.join(metadata, "METADATA"), "w") as file:
                file.write("Metadata-Version: 2.1\nName: opentelemetry-api\nVersion: %s\n" % version)
            return directory

        for version, first in (("1.2.0", True), ("1.999.0", False)):
            ran = self.run_program("import opentelemetry, opentelemetry.mine; print(list(opentelemetry.__path__)[0])",
                                   before=[api(version)], OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
            self.assertEqual(ran.stdout.startswith(AGENT), first, version)

    def test_an_opentelemetry_that_does_not_fit_breaks_nothing(self):
        own = self.directory_with(**{"opentelemetry____init__": "raise RuntimeError('too old')"})
        self.assert_same("print('runs')", before=[own])

    def test_the_sitecustomize_of_the_application_runs(self):
        own = self.directory_with(sitecustomize="import builtins; builtins.customized = 'yes'")
        self.assert_same("print(customized, __import__('sitecustomize').__file__)", before=[own])

    def test_children_are_traced_too(self):
        with Sink() as sink:
            child = "import sqlite3; sqlite3.connect(':memory:').cursor().execute('select 1')"
            self.run_program(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])",
                             OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint)
        self.assertTrue(sink.spans)

    def test_a_disabled_sdk_stays_out(self):
        ran = self.run_program("import sys; print('opentelemetry.sdk' in sys.modules, 'wrapt' in sys.modules)",
                               OTEL_SDK_DISABLED="true")
        self.assertEqual(ran.stdout, "False False\n")


if __name__ == "__main__":
    unittest.main()
