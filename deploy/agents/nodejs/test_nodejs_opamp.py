"""Tests of what the Node.js agent tells a node agent, and what it lets it change, with a stand-in for OpenTelemetry's
packages; run by `hack/agents test`. They need Node.js 18 or newer, and are skipped without.

ODIGOS_TEST_PYTHON may name a Python with OpenTelemetry's own OpAMP messages, which then have to agree.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "python"))
os.environ.setdefault("ODIGOS_TEST_AGENT", "")
from test_agent import DEADLINE  # noqa: E402
from test_opamp import FULL, INTERVAL, Server, field, has_applied, remote_config  # noqa: E402

NODE = os.environ.get("ODIGOS_TEST_NODE") or shutil.which("node")
FILES = ["autoinstrumentation.js", *(name for name in os.listdir(HERE) if name.startswith("odigos-"))]
PACKAGES = ("@opentelemetry/api", "@opentelemetry/sdk-node", "@opentelemetry/auto-instrumentations-node",
            "@opentelemetry/otlp-exporter-base", "require-in-the-middle")
# The programs wait for files that the server makes when it has heard what a test waits for.
WAIT = """
const fs = require('fs'), path = require('path'), wholeTimeout = setTimeout;
const wait = async (name) => {
  while (!fs.existsSync(path.join(process.env.EVENTS, name))) await new Promise((go) => wholeTimeout(go, 20));
};
const tell = (name) => fs.writeFileSync(path.join(process.env.EVENTS, name), '');
const print = (...values) => console.log(...values);
"""


def lay_out(directory):
    """An agent with the stand-in for OpenTelemetry, as it lies below /var/odigos. Returns what NODE_OPTIONS requires."""
    place = os.path.join(directory, "nodejs-community")
    os.makedirs(place)
    for name in FILES:
        shutil.copy(os.path.join(HERE, name), place)
    for name in PACKAGES:
        package = os.path.join(directory, "opentelemetry-node", "node_modules", *name.split("/"))
        os.makedirs(package)
        with open(os.path.join(package, "index.js"), "w") as file:
            file.write(f"module.exports = require({json.dumps(os.path.join(HERE, 'stand-in.js'))})[{json.dumps(name)}];\n")
    return os.path.join(place, "autoinstrumentation.js")


def is_new_enough():
    if not NODE:
        return False
    version = subprocess.run([NODE, "--version"], stdout=subprocess.PIPE, text=True).stdout
    return int(version[1:].split(".")[0]) >= 20


class NodeProgram(unittest.TestCase):
    """Runs programs with the agent."""

    node, deadline = NODE, DEADLINE

    @classmethod
    def agent(cls):
        directory = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, directory)
        return lay_out(directory)

    @classmethod
    def setUpClass(cls):
        cls.required = cls.agent()

    def run_program(self, source, agent=True, name="program.js", files=None, arguments=(), **variables):
        environment = {"PATH": os.environ["PATH"], "OTEL_SERVICE_NAME": "shop", **variables}
        if agent:
            environment["NODE_OPTIONS"] = f"--require {self.required}"
        with tempfile.TemporaryDirectory() as directory:
            for path, text in {**(files or {}), name: source}.items():
                path = os.path.join(directory, path)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as file:
                    file.write(text)
            ran = subprocess.run([self.node, *arguments, os.path.join(directory, name)], env=environment, text=True,
                                 timeout=self.deadline, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=directory)
            ran.stdout, ran.stderr = (text.replace(directory, ".") for text in (ran.stdout, ran.stderr))
            return ran

    def run_with(self, server, source, **variables):
        with server:
            ran = self.run_program(f"{WAIT}(async () => {{{source}}})();", **{**server.variables, **variables})
        self.assertEqual((server.failures, ran.stderr, ran.returncode), ([], "", 0))
        return ran


@unittest.skipUnless(is_new_enough(), "there is no Node.js 20")
class NodeOpAMPTests(NodeProgram):
    def test_a_process_says_who_and_how_it_is_and_goodbye(self):
        for kind in ("unix", "tcp"):
            for end in ("", "process.exit(0)"):
                with self.subTest(f"{kind} {end}"):
                    server = Server(lambda server, message: message.sequence == 2 and server.tell("heard") or INTERVAL, kind)
                    self.run_with(server, f"await wait('heard'); {end}", ODIGOS_DISTRO_NAME="nodejs-community")
                    self.check_messages(server.messages)

    def check_messages(self, messages):
        hello, goodbye = messages[0], messages[-1]
        self.assertEqual((hello.sequence, len(hello.uid), hello.uid[6] >> 4), (1, 16, 7))
        for key, value in (("telemetry.sdk.language", "nodejs"), ("k8s.namespace.name", "shop"),
                           ("k8s.pod.name", "web-1"), ("k8s.container.name", "app"), ("service.name", "shop"),
                           ("process.runtime.name", "nodejs"), ("telemetry.distro.name", "nodejs-community")):
            self.assertEqual(hello.attributes[key], value)
        self.assertGreater(hello.attributes["process.vpid"], 1)
        self.assertEqual((hello.state, hello.error), (b"Healthy", b""))
        self.assertEqual(hello.components, {"@opentelemetry/instrumentation-http": (1, "")})
        self.assertTrue(goodbye.is_goodbye)
        self.check_with_official_messages(messages)

    def check_with_official_messages(self, messages):
        """OpenTelemetry's own classes read the same."""
        python = os.environ.get("ODIGOS_TEST_PYTHON")
        if not python or not os.path.exists(python):
            return
        program = """
import json, sys
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry._opamp.proto import opamp_pb2
for line in sys.stdin:
    message = opamp_pb2.AgentToServer.FromString(bytes.fromhex(line))
    unknown = sum(len(UnknownFieldSet(part)) for part in (message, message.health, message.agent_description))
    print(json.dumps([message.sequence_num, message.capabilities, message.health.healthy, message.health.status,
        message.health.start_time_unix_nano > 1600000000 * 10**9, message.HasField("agent_disconnect"),
        {a.key: a.value.string_value or a.value.int_value for a in message.agent_description.identifying_attributes}, unknown]))
"""
        read = subprocess.run([python, "-c", program], input="\n".join(m.data.hex() for m in messages), text=True,
                              stdout=subprocess.PIPE, check=True)
        first, *_, last = map(json.loads, read.stdout.splitlines())
        self.assertEqual(first[:6], [1, 0x3907, True, "Healthy", True, False])
        self.assertEqual(first[6]["k8s.pod.name"], "web-1")
        self.assertEqual((last[5], first[7], last[7]), (True, 0, 0))

    def test_what_has_not_changed_is_said_once_and_again_when_asked(self):
        calm = []  # the messages since it has said that all is well

        def answer(server, message):
            calm.append(message)
            if len(calm) == 4:
                server.tell("heard")
            return INTERVAL + (FULL if len(calm) == 2 else b"")

        server = Server(answer)
        self.run_with(server, "await wait('heard')")
        self.assertEqual([bool(message.attributes) for message in calm[1:4]], [False, True, False])
        self.assertEqual([message.has_health for message in calm[:4]], [True, False, True, False])
        self.assertEqual([message.sequence for message in server.messages], list(range(1, len(server.messages) + 1)))

    def test_the_server_may_give_it_another_name(self):
        uid = bytes(range(16))

        def answer(server, message):
            if message.uid == uid:
                server.tell("heard")
                return INTERVAL
            return field(8, field(1, uid)) + field(4, field(2, field(4, 1)))

        server = Server(answer)
        self.run_with(server, "await wait('heard')")
        renamed = next(message for message in server.messages if message.uid == uid)
        self.assertEqual(renamed.attributes["k8s.pod.name"], "web-1")

    def test_configuration_changes_what_is_traced_while_the_program_runs(self):
        steps = [
            (b"1", {"container_config": {"traces": {"headSampling": {"fallbackFraction": 0}}}}),
            (b"2", {"InstrumentationLibraries": [{"name": "http", "traces": {"enabled": False}}]}),
            (b"3", {"SDK": {"traceSignal": {"enabled": False}}}),
            (b"4", {"container_config": {
                "traces": {"headersCollection": {"headerKeys": ["X-B", "x-a", "Authorization", "no name"]}, "payloadCollection": {"all": True}}}}),
        ]

        def answer(server, message):
            for digest, _ in steps:
                if has_applied(message, digest):
                    server.tell(f"applied-{digest.decode()}")
            done = [name for name in ("1", "2", "3", "4") if os.path.exists(f"{server.directory.name}/next-{name}")]
            return INTERVAL + (remote_config(steps[len(done) - 1][0], **steps[len(done) - 1][1]) if done else b"")

        server = Server(answer)
        ran = self.run_with(server, """
const work = (name) => standIn.span('mine', name, () => standIn.span('@opentelemetry/instrumentation-http', `GET ${name}`));
work('at-first');
for (const [step, name] of [[1, 'fraction-0'], [2, 'no-http'], [3, 'no-traces'], [4, 'at-last']]) {
  tell(`next-${step}`);
  await wait(`applied-${step}`);
  work(name);
}
const attributes = {}, span = { setAttribute: (name, value) => { attributes[name] = value; } };
const sent = { 'x-a': 'sent', 'x-b': ['1', 2] };
const got = { 'x-a': 'got', authorization: 'Basic eA==', 'x-c': 'other' };
standIn.http.config.applyCustomAttributesOnSpan(span, { headers: got }, { getHeader: (name) => sent[name] });
print(JSON.stringify([standIn.spans.map(({ name }) => name), attributes]));
""")
        names, attributes = json.loads(ran.stdout)
        self.assertEqual(names, ["at-first", "GET at-first", "no-http", "at-last", "GET at-last"])
        self.assertEqual(attributes, {
            "http.request.header.x-a": ["got"], "http.request.header.authorization": ["[REDACTED]"],
            "http.response.header.x-a": ["sent"], "http.response.header.x-b": ["1", "2"]})
        effective = {message.status[0]: message.effective for message in server.messages if message.effective}
        self.assertEqual(effective[b"1"]["traces"]["fallbackFraction"], 0)
        self.assertEqual(effective[b"2"]["traces"]["disabledLibraries"], ["http"])
        self.assertFalse(effective[b"3"]["traces"]["enabled"])
        self.assertEqual(effective[b"4"]["traces"]["headersCollection"], {"headerKeys": ["authorization", "x-a", "x-b"]})
        self.assertEqual(effective[b"4"]["notCarriedOut"],
                         ["traces.headersCollection.headerKeys 'no name'", "traces.payloadCollection"])
        self.assertTrue(all(message.status[1] == 1 for message in server.messages if message.status))

    def test_a_library_that_is_off_leaves_the_trace_in_one_piece(self):
        def answer(server, message):
            if has_applied(message, b"1"):
                server.tell("applied")
            return INTERVAL + remote_config(
                b"1", InstrumentationLibraries=[{"name": "middle", "traces": {"enabled": False}}])

        ran = self.run_with(Server(answer), """
await wait('applied');
standIn.span('mine', 'outer', () => standIn.span('middle', 'hidden', () => standIn.span('mine', 'inner')));
print(JSON.stringify(standIn.spans.map(({ name, parent }) => [name, parent])));
""")
        self.assertEqual(json.loads(ran.stdout), [["outer", None], ["inner", "outer"]])

    def test_configuration_that_cannot_be_carried_out_changes_nothing_and_is_reported(self):
        cases = [
            ({"container_config": {"traces": {"headSampling": {"fallbackFraction": 7}}}}, "fraction 7 is not between"),
            ({"container_config": {"traces": {"headSampling": {"fallbackFraction": "x"}}}}, "fraction x is not between"),
            ({"container_config": {"agentDiagnostics": {"odigosLogLevel": "loud"}}}, "log level loud is none of"),
            ({"InstrumentationLibraries": {}}, "InstrumentationLibraries is no list"),
            ({"container_config": []}, "container_config is no object"),
        ]
        for sections, error in cases:
            with self.subTest(error):
                def answer(server, message):
                    if has_applied(message, b"1"):
                        server.tell("applied")
                    return INTERVAL + remote_config(b"1", SDK={"traceSignal": {"enabled": False}}, **sections)

                server = Server(answer)
                ran = self.run_with(server, """
await wait('applied');
standIn.span('mine', 'a');
print(standIn.spans.length);
""")
                self.assertEqual(ran.stdout, "1\n")
                status = next(message.status for message in server.messages if message.status)
                self.assertEqual(status[:2], (b"1", 3))
                self.assertIn(error, status[2])

    def test_the_log_level_opens_standard_error(self):
        def answer(server, message):
            if has_applied(message, b"1"):
                server.tell("applied")
            return INTERVAL + remote_config(b"1", container_config={"agentDiagnostics": {"odigosLogLevel": "warn"}})

        with Server(answer) as server:
            ran = self.run_program(WAIT + """
(async () => {
  standIn.log('error', 'before');
  await wait('applied');
  standIn.log('error', 'after');
  standIn.log('info', 'little');
})();
""", **server.variables)
        self.assertEqual((ran.stdout, ran.stderr), ("", "odigos: error: after\n"))

    def test_each_process_is_an_agent_of_its_own_and_threads_are_none(self):
        def answer(server, message):
            if len({message.uid for message in server.messages}) == 4:
                server.tell("all")
            return INTERVAL

        server = Server(answer)
        ran = self.run_with(server, """
const { fork } = require('child_process'), { Worker } = require('worker_threads'), cluster = require('cluster');
if (process.argv[2] !== 'child' && cluster.isPrimary) {
  const worker = new Worker("require('fs'); setInterval(() => {}, 1000)", { eval: true });
  const children = [fork(__filename, ['child']), fork(__filename, ['child']), cluster.fork().process];
  const ends = children.map((child) => new Promise((end) => child.on('exit', end)));
  await Promise.all(ends);
  await worker.terminate();
  print([process.pid, ...children.map(({ pid }) => pid)].sort((a, b) => a - b).join(' '));
} else {
  await wait('all');
  process.exit();
}
""")
        pids = {message.attributes["process.vpid"] for message in server.messages if message.attributes}
        self.assertEqual(" ".join(map(str, sorted(pids))) + "\n", ran.stdout)

    def test_what_only_starts_the_application_is_no_agent(self):
        server = Server(lambda server, message: server.tell("heard") or INTERVAL)
        for name in ("npm-cli.js", "yarn.js", "yarn-4.1.0.cjs", "pnpm.cjs"):
            server.messages.clear()
            with server:
                ran = self.run_program("""
const child = require('child_process').spawn(process.execPath, [__dirname + '/app.js'], { stdio: 'inherit' });
child.on('exit', (code) => process.exit(code));
""", name=name, files={"app.js": WAIT + "wait('heard').then(() => print(process.pid));"}, **server.variables)
            self.assertEqual(ran.stderr, "")
            pids = {message.attributes["process.vpid"] for message in server.messages if message.attributes}
            self.assertEqual(pids, {int(ran.stdout)})

    def test_that_opentelemetry_does_not_start_is_reported(self):
        server = Server(lambda server, message: message.state == b"AgentFailure" and server.tell("heard") or INTERVAL)
        self.run_with(server, "await wait('heard')", STAND_IN_FAILS="1")
        failed = next(message for message in server.messages if message.state == b"AgentFailure")
        self.assertEqual((failed.healthy, failed.error), (0, b"TypeError: it does not start"))

    def test_that_spans_do_not_arrive_is_reported(self):
        def answer(server, message):
            state = message.components.get("exporter/otlp")
            if state:
                server.tell("arrives" if state[0] else "fails")
            return INTERVAL

        server = Server(answer)
        self.run_with(server, "standIn.export([]); await wait('fails'); standIn.export([1]); await wait('arrives')")
        failed = next(message for message in server.messages if message.components.get("exporter/otlp", (1, ""))[0] == 0)
        self.assertEqual(failed.components["exporter/otlp"][1], "spans cannot be sent: refused")
        self.assertEqual(failed.healthy, 1)

    def test_a_program_sees_none_of_it(self):
        source = """
const { EventEmitter } = require('events');
print(['SIGTERM', 'SIGINT', 'uncaughtException', 'unhandledRejection'].map((name) => process.listenerCount(name)).join());
print(Object.keys(process.env).filter((name) => name.startsWith('OTEL')).join(), Object.keys(globalThis).length);
for (let count = 0; count < 10; count += 1) for (const name of ['exit', 'beforeExit']) process.on(name, () => {});
"""
        without = self.run_program(f"{WAIT}globalThis.standIn = 1; {source}", agent=False)
        with Server(lambda server, _: server.tell("heard") or INTERVAL) as server:
            ran = self.run_program(f"{WAIT}wait('heard').then(() => {{{source}}});", **server.variables)
        own = [name for name in server.variables if name.startswith("OTEL")]
        self.assertEqual((ran.stdout.replace("," + ",".join(own), ""), ran.stderr), (without.stdout, without.stderr))

    def test_what_the_program_changes_does_not_disturb_it(self):
        heard = lambda server, message: len(server.messages) > 2 and server.tell("heard") or INTERVAL  # noqa: E731
        for kind in ("unix", "tcp"):
            server = Server(heard, kind)
            self.run_with(server, """
const http = require('http'), net = require('net'), dns = require('dns');
let calls = 0;
for (const [owner, name] of [[http, 'request'], [http, 'get'], [net, 'connect'], [net, 'createConnection'],
    [net.Socket.prototype, 'connect'], [dns, 'lookup'], [globalThis, 'setTimeout']]) {
  owner[name] = () => { calls += 1; throw new Error('of the program'); };
}
await wait('heard');
print(calls);
""")
            self.assertGreater(len(server.messages), 2)

    def test_it_keeps_no_process_alive(self):
        """The program ends by itself; a test that hangs here has found a timer or a connection that holds it."""
        hanging = Server(lambda server, _: server.tell("heard") or server.never())
        with hanging as server:
            for variables in ({"ODIGOS_OPAMP_SERVER_HOST": "127.0.0.1:9"},
                              {"ODIGOS_OPAMP_SERVER_HOST": "odiglet-local.invalid:4320"},
                              {"ODIGOS_OPAMP_SERVER_HOST": "]:x"},
                              {"ODIGOS_OPAMP_UNIX_SOCKET": "/nowhere/exchange.sock"}, server.variables):
                wait = "wait('heard')" if "EVENTS" in variables else "new Promise((go) => setTimeout(go, 1300))"
                ran = self.run_program(f"{WAIT}{wait}.then(() => {{ print('end'); process.exitCode = 3; }});", **variables)
                self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (3, "end\n", ""))

    def test_answers_that_are_nonsense_do_no_harm(self):
        nonsense = [b"\xff" * 20, b"\x1a\x05ab", field(3, b"\x0a\xff"), field(2, b"\x08"), field(4, b"\x12\x7f"),
                    field(8, b"\x0a\x20ab"), field(3, 5), field(8, 5), field(6, b"x"), os.urandom(100),
                    field(3, field(1, field(1, field(1, "SDK") + field(2, field(1, "{")))) + field(2, b"9"))]

        def answer(server, message):
            if not nonsense:
                server.tell("heard")
                return INTERVAL
            return INTERVAL + nonsense.pop()

        server = Server(answer)
        # each that cannot be read is followed by a pause that doubles
        self.run_with(server, """
const { Agent } = require(process.env.MODULE);
Agent.prototype._failed = function () { this._isFull = true; this._connection = undefined; this._wait(0); };
await wait('heard');
""", MODULE=os.path.join(os.path.dirname(self.required), "odigos-opamp.js"))
        self.assertEqual(nonsense, [])

    def test_any_bytes_are_read_or_refused(self):
        """The reader of messages against random and cut-off ones, and one that is written here."""
        message = field(1, b"\x01\x02") + field(2, 300) + b"\x19" + bytes(8) + field(4, 2 ** 40) + field(200, "text")
        ran = self.run_program("""
const { fields } = require(process.env.MODULE);
const crypto = require('crypto');
const known = Buffer.from(process.env.MESSAGE, 'hex');
console.log(JSON.stringify(fields(known).map(([field, value]) => [field, typeof value === 'number' ? value : value.toString('hex')])));
const counts = { read: 0, refused: 0 };
const attempt = (data) => {
  try {
    for (const [field, value] of fields(data)) {
      if (!Number.isFinite(field) || (typeof value !== 'number' && !Buffer.isBuffer(value))) throw new Error('odd');
    }
    counts.read += 1;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    counts.refused += 1;
  }
};
for (let length = 0; length <= known.length; length += 1) attempt(known.subarray(0, length));
for (let count = 0; count < 20000; count += 1) {
  attempt(crypto.randomBytes(crypto.randomInt(40)));
  const changed = Buffer.from(known);
  changed[crypto.randomInt(known.length)] = crypto.randomInt(256);
  attempt(changed);
}
console.log(counts.read > 1000, counts.refused > 1000);
""", MODULE=os.path.join(HERE, "odigos-protobuf.js"), MESSAGE=message.hex())
        self.assertEqual((ran.stderr, ran.stdout.splitlines()[1:]), ("", ["true true"]))
        self.assertEqual(json.loads(ran.stdout.splitlines()[0]),
                         [[1, "0102"], [2, 300], [3, "00" * 8], [4, 2 ** 40], [200, b"text".hex()]])


if __name__ == "__main__":
    unittest.main()
