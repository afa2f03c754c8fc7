"""Tests of the Node.js agents as they are laid out, with OpenTelemetry's own packages; run by `hack/agents test`.

ODIGOS_TEST_NODE_AGENTS is the directory of the agents; what is not there is skipped. ODIGOS_TEST_NODE_14 may name a
Node.js that is older than 18.19, for the older agent.
"""
import os
import re
import shutil
import socket
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import sink  # noqa: E402
from test_nodejs_opamp import INTERVAL, NODE, WAIT, NodeProgram, has_applied, is_new_enough  # noqa: E402
from test_agent import Sink  # noqa: E402
from test_opamp import Server, remote_config  # noqa: E402

AGENTS = os.environ.get("ODIGOS_TEST_NODE_AGENTS", "")
OLD_NODE = os.environ.get("ODIGOS_TEST_NODE_14")
AWAY = "http://127.0.0.1:9"
SHOP = """
const http = require('http');
const server = http.createServer((request, response) => {
  if (request.url === '/') http.get({ port: server.address().port, path: '/price/7' }, (price) => price.pipe(response));
  else response.end('42');
});
const done = () => { server.close(); if (server.closeAllConnections) server.closeAllConnections(); };
server.listen(0, () => http.get({ port: server.address().port }, (answer) => {
  answer.on('data', (data) => console.log(String(data)));
  answer.on('end', done);
}));
"""
MODULE = """
import { createServer, get } from 'node:http';
import pools from 'generic-pool';
const server = createServer(async (request, response) => {
  await new pools.Pool().acquire();
  response.end('42');
});
server.listen(0, () => get({ port: server.address().port }, (answer) => {
  answer.on('data', (data) => console.log(String(data)));
  answer.on('end', () => { server.close(); if (server.closeAllConnections) server.closeAllConnections(); });
}));
"""
POOL = {
    "node_modules/generic-pool/package.json": '{"name": "generic-pool", "version": "3.9.0", "main": "index.js"}',
    "node_modules/generic-pool/index.js": "exports.Pool = class { acquire() { return Promise.resolve(1); } };",
}


def link(source, target):
    """Another name is as good as a copy: Node.js only looks at names."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def chains(sink):
    """Each span of the first trace with the names of those above it."""
    spans = {span["id"]: span for span in sink.spans}

    def names(span):
        return [span["name"], *names(spans[span["parent"]])] if span["parent"] in spans else [span["name"]]

    return sorted("<".join(names(span)) for span in sink.spans)


class AgentCases:
    """What holds for both agents."""

    distribution = None

    @classmethod
    def agent(cls):
        return os.path.join(AGENTS, cls.distribution, "autoinstrumentation.js")

    def traced(self, source, **arguments):
        with Sink() as sink:
            ran = self.run_program(source, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, **arguments)
        self.assertEqual((ran.stderr, sink.failures, ran.returncode), ("", [], 0))
        return ran, sink

    def assert_same(self, source, **arguments):
        """With the agent, and a collector that is away, the program does what it does without."""
        plain = self.run_program(source, agent=False, **arguments)
        with_agent = self.run_program(source, OTEL_EXPORTER_OTLP_ENDPOINT=AWAY, **arguments)
        self.assertEqual((with_agent.returncode, with_agent.stdout, with_agent.stderr),
                         (plain.returncode, plain.stdout, plain.stderr))
        return plain

    def test_requests_are_traced(self):
        ran, sink = self.traced(SHOP)
        self.assertEqual(ran.stdout, "42\n")
        self.assertEqual(chains(sink), ["GET", "GET<GET", "GET<GET<GET", "GET<GET<GET<GET"])
        self.assertEqual({span["service"] for span in sink.spans}, {"shop"})
        self.assertEqual(len({span["trace"] for span in sink.spans}), 1)

    def test_modules_are_traced(self):
        for name, files in (("program.mjs", {}), ("program.js", {"package.json": '{"type": "module"}'})):
            with self.subTest(name):
                ran, sink = self.traced(MODULE, name=name, files={**POOL, **files})
                self.assertEqual(ran.stdout, "42\n")
                names = chains(sink)
                self.assertIn("GET<GET", names)
                if self.follows_imports:
                    self.assertIn("generic-pool.acquire<GET<GET", names)

    def test_children_are_traced(self):
        ran, sink = self.traced("""
const { execFileSync } = require('child_process');
process.stdout.write(execFileSync(process.execPath, [__dirname + '/shop.js']));
""", files={"shop.js": SHOP})
        self.assertEqual((ran.stdout, len(sink.spans)), ("42\n", 4))

    def test_threads_run_as_without(self):
        source = """
const { Worker } = require('worker_threads');
const worker = new Worker(__dirname + '/shop.js', { resourceLimits: { maxOldGenerationSizeMb: 8 } });
worker.on('exit', (code) => console.log(code));
"""
        self.assertEqual(self.assert_same(source, files={"shop.js": SHOP}).stdout, "42\n0\n")

    def test_what_only_starts_the_application_is_not_traced(self):
        for name in ("npm-cli.js", "npx", "yarn-4.1.0.cjs"):
            _, sink = self.traced(SHOP, name=name)
            self.assertEqual(sink.spans, [])

    def test_a_program_sees_none_of_it(self):
        self.assert_same("""
console.log(['SIGTERM', 'SIGINT', 'exit', 'uncaughtException', 'unhandledRejection'].map((n) => process.listenerCount(n)));
console.log(Object.keys(globalThis), process.execArgv, Error.stackTraceLimit, Object.keys(require.cache).length > 0);
const hidden = ['NODE_OPTIONS', 'OTEL_EXPORTER_OTLP_ENDPOINT'];
console.log(Object.entries(process.env).filter(([name]) => !hidden.includes(name)).sort());
for (let count = 0; count < 10; count += 1) for (const name of ['exit', 'beforeExit']) process.on(name, () => {});
""")

    def test_a_program_ends_as_without(self):
        for source in ("process.exitCode = 3", "process.exit(4)", "throw new Error('x'.repeat(3))",
                       "Promise.reject(new TypeError('y'))", "process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 9e6)",
                       "process.on('SIGTERM', () => process.exit(5)); process.kill(process.pid, 'SIGTERM'); setTimeout(() => {}, 9e6)",
                       SHOP, "require('http').get('http://127.0.0.1:9/').on('error', (e) => console.log(e.code))"):
            with self.subTest(source[:40]):
                self.assert_same(source, name="program.js")

    def test_options_of_node_js_change_nothing(self):
        for options in ("--jitless", "--frozen-intrinsics", "--disable-proto=throw", "--disallow-code-generation-from-strings",
                        "--no-addons", "--pending-deprecation", "--pending-deprecation --throw-deprecation",
                        "--trace-uncaught", "--no-deprecation", "--unhandled-rejections=strict", "--no-global-search-paths"):
            with self.subTest(options):
                self.assert_same("process.on('beforeExit', () => console.log(process.noDeprecation));" + SHOP,
                                 arguments=options.split())

    def test_a_program_may_freeze_what_it_likes(self):
        self.assert_same(SHOP + "Object.freeze(Error); process.on('beforeExit', () => console.log('told'));")

    def test_listeners_hear_of_the_end_as_often_as_without(self):
        for source in (
                "process.on('beforeExit', (code) => console.log('done', code, process.exitCode))",
                "let left = 2; process.on('beforeExit', () => { console.log(left); if (left-- > 0) setTimeout(() => {}, 1); })",
                "process.once('beforeExit', () => Promise.resolve().then(() => setImmediate(() => console.log('more'))))",
                "process.prependListener('beforeExit', () => console.log('first')); process.exitCode = 3",
                "process.on('beforeExit', () => console.log('told')); console.log(process.emit('beforeExit', 7))",
                "process.on('beforeExit', () => console.log('told')); setTimeout(() => console.log(process.emit('beforeExit')))",
                "process.on('beforeExit', () => console.log('told'));" + SHOP,
                "const emit = process.emit; process.emit = function (...values) { return emit.apply(process, values); };"
                "process.on('beforeExit', () => console.log('told'))",
                "process.on('beforeExit', () => { throw new Error('last') })"):
            with self.subTest(source[:60]):
                self.assert_same(source)

    def test_a_collector_that_never_answers_does_not_hold_up_the_end(self):
        with socket.socket() as accepts, socket.socket() as refuses:
            accepts.bind(("127.0.0.1", 0))
            accepts.listen(64)
            refuses.bind(("127.0.0.1", 0))
            refuses.listen(0)
            filling = [socket.socket() for _ in range(3)]  # whom it takes no more
            for one in filling:
                self.addCleanup(one.close)
                one.setblocking(False)
                one.connect_ex(refuses.getsockname())
            self.deadline = 100
            # with an export under way when the program has nothing more to do, and without
            for collector, millis, interval in ((accepts, "10", "100"), (accepts, "5000", "60000"),
                                                (refuses, "10", "60000"), (refuses, "5000", "60000")):
                with self.subTest("accepts" if collector is accepts else "refuses", millis=millis):
                    ran = self.run_program(
                        SHOP + "setTimeout(() => {}, 500);", OTEL_BSP_SCHEDULE_DELAY=millis,
                        OTEL_METRICS_EXPORTER="otlp", OTEL_METRIC_EXPORT_INTERVAL=interval, OTEL_METRIC_EXPORT_TIMEOUT="100",
                        OTEL_EXPORTER_OTLP_TIMEOUT="200000",
                        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:%d" % collector.getsockname()[1])
                    self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "42\n", ""))

    def run_program(self, source, **arguments):
        """Without what no two processes have in common, and who called whom."""
        ran = super().run_program(source, **arguments)
        ran.stderr = re.sub(r"\(node:[0-9]+\)|^ +at .*\n", "", ran.stderr, flags=re.MULTILINE)
        return ran

    def application_with_opentelemetry(self, packages):
        """The directory of an application that brings those packages of OpenTelemetry, and what they need."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        modules = os.path.join(directory.name, "node_modules")
        shutil.copytree(os.path.join(AGENTS, self.packages, "node_modules"), modules, copy_function=link)
        for name in os.listdir(os.path.join(modules, "@opentelemetry")):
            if packages is not None and name not in packages:
                shutil.rmtree(os.path.join(modules, "@opentelemetry", name))
        return directory.name

    def test_an_application_that_makes_its_own_spans_is_part_of_the_trace(self):
        directory = self.application_with_opentelemetry(["api"])
        _, sink = self.traced(f"""
const {{ trace }} = require({directory + '/node_modules/@opentelemetry/api'!r});
trace.getTracer('mine').startActiveSpan('outer', (span) => {{
  trace.getTracer('mine').startSpan('inner').end();
  span.end();
}});
""")
        self.assertEqual(chains(sink), ["inner<outer", "outer"])

    def test_an_application_that_sets_up_opentelemetry_keeps_its_own(self):
        directory = self.application_with_opentelemetry(None)
        source = f"""
const load = (name) => require({directory + '/node_modules/@opentelemetry/'!r} + name);
const {{ diag, DiagConsoleLogger, DiagLogLevel }} = load('api');
const {{ NodeTracerProvider }} = load('sdk-trace-node');
const {{ InMemorySpanExporter, SimpleSpanProcessor }} = load('sdk-trace-base');
const {{ registerInstrumentations }} = load('instrumentation');
const {{ HttpInstrumentation }} = load('instrumentation-http');
diag.setLogger(new DiagConsoleLogger(), {{ logLevel: DiagLogLevel.WARN }});
const exporter = new InMemorySpanExporter();
new NodeTracerProvider({{ spanProcessors: [new SimpleSpanProcessor(exporter)] }}).register();
registerInstrumentations({{ instrumentations: [new HttpInstrumentation()] }});
{SHOP}
process.once('beforeExit', () => console.log(exporter.getFinishedSpans().map((span) => `${{span.kind}}${{span.name}}`)));
"""
        ran, sink = self.traced(source)
        self.assertEqual(ran.stdout, "42\n[ '1GET', '2GET', '1GET', '2GET' ]\n")
        self.assertEqual(sink.spans, [])
        self.assert_same(source)

    def test_settings_change_while_it_runs(self):
        sections = {"InstrumentationLibraries": [{"name": "@opentelemetry/instrumentation-http", "traces": {"enabled": False}}]}

        def answer(server, message):
            if has_applied(message, b"1"):
                server.tell("applied")
            return INTERVAL + (remote_config(b"1", **sections) if os.path.exists(f"{server.directory.name}/begun") else b"")

        with Sink() as sink, Server(answer) as server:
            ran = self.run_program(f"""{WAIT}
const {{ createServer, get }} = require('http');
const server = createServer((request, response) => response.end('42'));
const ask = (path) => new Promise((go) => get({{ port: server.address().port, path }}, (answer) => {{
  answer.resume();
  answer.on('end', go);
}}));
server.listen(0, async () => {{
  await ask('/before');
  tell('begun');
  await wait('applied');
  await ask('/after');
  process.exitCode = 0;
  server.close();
  if (server.closeAllConnections) server.closeAllConnections();
}});
""", **{**server.variables, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint})
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr, server.failures), (0, "", "", []))
        # one request of the program, seen from both ends, and none of the agent's own
        self.assertEqual(chains(sink), ["GET", "GET<GET"])
        self.assertEqual(server.messages[0].components.get("@opentelemetry/instrumentation-http", (1, ""))[0], 1)
        self.assertEqual(next(m.status for m in server.messages if m.status)[:2], (b"1", 1))

    def test_headers_are_collected_while_it_runs(self):
        def answer(server, message):
            if has_applied(message, b"1"):
                server.tell("applied")
            return INTERVAL + remote_config(
                b"1", container_config={"traces": {"headersCollection": {"headerKeys": ["X-Shop", "cookie"]}}})

        with sink.Sink() as collector, Server(answer) as server:
            ran = self.run_program(f"""{WAIT}
const {{ createServer, get }} = require('http');
const server = createServer((request, response) => response.setHeader('x-shop', ['a', 'b']).end('42'));
const options = {{ headers: {{ 'X-Shop': 'open', cookie: 'id=7', 'x-other': 'no' }} }};
wait('applied').then(() => server.listen(0, () => get({{ port: server.address().port, ...options }}, (answer) => {{
  answer.resume();
  answer.on('end', () => {{ server.close(); if (server.closeAllConnections) server.closeAllConnections(); }});
}})));
""", **{**server.variables, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint})
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "", ""))
        of_requests = [span for span in collector.spans if span["library"].endswith("instrumentation-http")]
        self.assertEqual(len(of_requests), 2)
        for span in of_requests:
            headers = {name: value for name, value in span["attributes"].items() if ".header." in name}
            texts = {name: [sink.first(v, 1).decode() for v in sink.all_of(sink.first(value, 5), 1)]
                     for name, value in headers.items()}
            answered = texts.pop("http.response.header.x-shop")
            self.assertIn(answered, (["a", "b"], ["a, b"]))
            self.assertEqual(texts, {"http.request.header.x-shop": ["open"], "http.request.header.cookie": ["[REDACTED]"]})

    def test_debugging_writes_to_standard_error_alone(self):
        with Sink() as sink:
            ran = self.run_program(SHOP, OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, OTEL_LOG_LEVEL="debug")
        self.assertEqual(ran.stdout, "42\n")
        self.assertIn("odigos: debug: ", ran.stderr)


def is_there(distribution, packages):
    return os.path.isdir(os.path.join(AGENTS, packages, "node_modules", "@opentelemetry", "sdk-node"))


@unittest.skipUnless(is_new_enough() and is_there("nodejs-community", "opentelemetry-node"),
                     "there is no Node.js 20, or OpenTelemetry's packages are not laid out")
class NewAgentTests(AgentCases, NodeProgram):
    distribution, packages, follows_imports = "nodejs-community", "opentelemetry-node", True

    def test_a_node_js_that_is_too_old_starts_untouched(self):
        if not OLD_NODE:
            self.skipTest("there is no old Node.js: ODIGOS_TEST_NODE_14")
        self.node = OLD_NODE
        ran, sink = self.traced(SHOP)
        self.assertEqual((ran.stdout, sink.requests), ("42\n", []))


@unittest.skipUnless((OLD_NODE or is_new_enough()) and is_there("nodejs-community-14", "nodejs-community-14"),
                     "there is no Node.js, or OpenTelemetry's packages are not laid out")
class OldAgentTests(AgentCases, NodeProgram):
    distribution, packages, follows_imports = "nodejs-community-14", "nodejs-community-14", False
    node = OLD_NODE or NODE


del AgentCases, NodeProgram  # which are no tests by themselves

if __name__ == "__main__":
    unittest.main()
