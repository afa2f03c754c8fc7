"""Tests of what InstrumentationRules change in a program while it runs: what its spans say of headers, bodies, queries
and code; see test_agent.py for what it needs. A framework that is not among the packages is left out.
"""
import json
import os
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

from test_agent import PACKAGES, AgentTests, Sink
from test_opamp import INTERVAL, WAIT, Server, has_applied, remote_config

# A program calls `step(name)` for what the test wants between two configurations: the next one is then in force. Who has
# its answer may be ahead of the server's thread, whose span has not ended yet: each step, and the end, waits for it.
STEPS = WAIT + """
import atexit, json, sys, threading, urllib.request
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
class Serving(SpanProcessor):
    spans = set()
    def on_start(self, span, parent_context=None):
        if span.kind == trace.SpanKind.SERVER:
            self.spans.add(span.get_span_context().span_id)
    def on_end(self, span):
        self.spans.discard(span.get_span_context().span_id)
trace.get_tracer_provider().add_span_processor(Serving())
@atexit.register
def served():
    while Serving.spans:
        time.sleep(0.001)
steps = 0
def step():
    global steps
    served()
    steps += 1
    open(os.path.join(os.environ["EVENTS"], f"next-{steps}"), "w").close()
    wait(f"applied-{steps}")

def ask(url, data=None, headers={}):
    request = urllib.request.Request(url, data=data, headers=headers)
    with urllib.request.urlopen(request) as answer:
        return answer.read()
"""
SERVE_WSGI = """
from wsgiref.simple_server import WSGIRequestHandler, make_server
class Quiet(WSGIRequestHandler):
    def log_message(self, *_): pass
def serve(application):
    server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
"""
SERVE_ASGI = """
import socket, uvicorn
def serve(application):
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()  # who asks before it serves waits
    server = uvicorn.Server(uvicorn.Config(application, log_level="critical", lifespan="off"))
    threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()
    return "http://127.0.0.1:%d" % listening.getsockname()[1]
"""
# Each answers with what it was sent, as JSON with a header of its own; at /stream in two parts, at /unread unread.
FLASK = SERVE_WSGI + """
import flask
app = flask.Flask("shop")
@app.route("/echo", methods=["GET", "POST"])
def echo():
    return flask.Response(flask.request.get_data(), headers={"x-answer": "yes"}, content_type="application/json")
@app.route("/unread", methods=["POST"])
def unread():
    return "unread"
@app.route("/stream", methods=["POST"])
def stream():
    return flask.Response(iter(["one ", flask.request.stream.read(3).decode()]), headers={"x-answer": "yes"})
base = serve(app)
"""
DJANGO = SERVE_WSGI + """
import django
from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x", MIDDLEWARE=[])
@csrf_exempt
def echo(request):
    return HttpResponse(request.body, content_type="application/json", headers={"x-answer": "yes"})
@csrf_exempt
def unread(request):
    return HttpResponse("unread")
@csrf_exempt
def stream(request):
    return StreamingHttpResponse(["one ", request.read(3).decode()], headers={"x-answer": "yes"})
urlpatterns = [path("echo", echo), path("unread", unread), path("stream", stream)]
from django.core.wsgi import get_wsgi_application
base = serve(get_wsgi_application())
"""
FASTAPI = SERVE_ASGI + """
import fastapi
from starlette.responses import StreamingResponse
app = fastapi.FastAPI()
@app.api_route("/echo", methods=["GET", "POST"])
async def echo(request: fastapi.Request):
    return fastapi.Response(await request.body(), headers={"x-answer": "yes"}, media_type="application/json")
@app.post("/unread")
async def unread():
    return fastapi.Response("unread", media_type="text/plain")
@app.post("/stream")
async def stream(request: fastapi.Request):
    body = await request.body()
    async def parts():
        yield "one "
        yield body[:3].decode()
    return StreamingResponse(parts(), headers={"x-answer": "yes"}, media_type="text/plain")
base = serve(app)
"""
STARLETTE = SERVE_ASGI + """
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
async def echo(request):
    return Response(await request.body(), headers={"x-answer": "yes"}, media_type="application/json")
async def unread(request):
    return Response("unread", media_type="text/plain")
async def stream(request):
    body = await request.body()
    async def parts():
        yield "one "
        yield body[:3].decode()
    return StreamingResponse(parts(), headers={"x-answer": "yes"}, media_type="text/plain")
base = serve(Starlette(routes=[
    Route("/echo", echo, methods=["GET", "POST"]), Route("/unread", unread, methods=["POST"]),
    Route("/stream", stream, methods=["POST"])]))
"""
# an application of WSGI that its own code instruments
PLAIN = SERVE_WSGI + """
from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
def application(environ, start_response):
    path = environ["PATH_INFO"]
    count = int(environ.get("CONTENT_LENGTH") or 0)
    body = b"unread" if path == "/unread" else environ["wsgi.input"].read(3 if path == "/stream" else count)
    kind = "application/json" if path == "/echo" else "text/plain"
    start_response("200 OK", [("content-type", kind), ("x-answer", "yes")])
    return iter([b"one ", body]) if path == "/stream" else [body]
base = serve(OpenTelemetryMiddleware(application))
"""
TORNADO = """
import asyncio, logging, tornado.httpserver, tornado.netutil, tornado.web
logging.getLogger("tornado.access").disabled = True
class Echo(tornado.web.RequestHandler):
    def post(self):
        self.set_header("x-answer", "yes")
        self.set_header("content-type", "application/json")
        self.write(self.request.body)
listening = tornado.netutil.bind_sockets(0, "127.0.0.1")
base = "http://127.0.0.1:%d" % listening[0].getsockname()[1]
def run():
    async def serve():
        tornado.httpserver.HTTPServer(tornado.web.Application([("/echo", Echo)])).add_sockets(listening)
        await asyncio.Event().wait()
    asyncio.run(serve())
threading.Thread(target=run, daemon=True).start()
"""
AIOHTTP = """
import asyncio, socket
from aiohttp import web
listening = socket.create_server(("127.0.0.1", 0))
base = "http://127.0.0.1:%d" % listening.getsockname()[1]
async def echo(request):
    return web.Response(body=await request.read(), content_type="application/json", headers={"x-answer": "yes"})
def run():
    async def serve():
        application = web.Application()
        application.router.add_post("/echo", echo)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        await asyncio.Event().wait()
    asyncio.run(serve())
threading.Thread(target=run, daemon=True).start()
"""
FALCON = SERVE_WSGI + """
import falcon
class Echo:
    def on_post(self, request, response):
        response.data = request.bounded_stream.read()
        response.content_type = "application/json"
        response.set_header("x-answer", "yes")
application = falcon.App()
application.add_route("/echo", Echo())
base = serve(application)
"""
# those of which only headers are told
OTHER_SERVERS = {"tornado": TORNADO, "aiohttp": AIOHTTP, "falcon": FALCON}
SERVERS = {"flask": FLASK, "django": DJANGO, "fastapi": FASTAPI, "starlette": STARLETTE, "wsgi": PLAIN}
if sys.version_info < (3, 9):  # whose last release of OpenTelemetry knows less
    del SERVERS["starlette"], OTHER_SERVERS["aiohttp"]
# how often a stream's body can be told: those whose span has ended before it is sent cannot
STREAMS = {"fastapi", "starlette", "wsgi"}
CLIENTS = {
    "requests": "import requests\ndef call(url, headers): return requests.get(url, headers=headers).text",
    "httpx": "import httpx\ndef call(url, headers): return httpx.get(url, headers=headers).text",
    "urllib3": "import urllib3\npool = urllib3.PoolManager()\n"
               "def call(url, headers): return pool.request('GET', url, headers=headers).data.decode()",
    "urllib": "def call(url, headers): return ask(url, headers=headers).decode()",
    "aiohttp": """
import aiohttp, asyncio
async def get(url, headers):
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return await answer.text()
def call(url, headers): return asyncio.run(get(url, headers))
""",
}
HEADERS = {"headersCollection": {"headerKeys": ["X-Tenant", "x-answer", "Authorization", "content-type", "not a name"]}}


def has(*names):
    """Whether this Python finds the packages as the programs do."""
    search = [*filter(None, [PACKAGES]), *sys.path]
    return all(any(os.path.exists(os.path.join(entry, name)) or os.path.exists(os.path.join(entry, name + ".py"))
                   for entry in search) for name in names)


NEEDED = {"flask": ["flask"], "django": ["django"], "fastapi": ["fastapi", "uvicorn"], "wsgi": [],
          "starlette": ["starlette", "uvicorn"], "requests": ["requests"], "httpx": ["httpx"], "urllib3": ["urllib3"],
          "urllib": [], "tornado": ["tornado"], "aiohttp": ["aiohttp"], "falcon": ["falcon"]}
CLIENTS_CAN = sys.version_info >= (3, 9)  # in the releases that are for older ones only servers can collect headers


class RuleTests(unittest.TestCase):
    run_program = AgentTests.run_program
    directory_with = AgentTests.directory_with

    def run_steps(self, source, *configurations, **variables):
        """Runs a program whose steps bring these settings of traces; returns its output, the spans of each path with a
        query, and what was in force after each step."""
        def answer(server, message):
            done = 0
            for number in range(1, len(configurations) + 1):
                if has_applied(message, b"%d" % number):
                    server.tell(f"applied-{number}")
                if os.path.exists(f"{server.directory.name}/next-{number}"):
                    done = number
            if not done:
                return INTERVAL
            return INTERVAL + remote_config(b"%d" % done, container_config={"traces": configurations[done - 1]})

        server = Server(answer)
        with Sink() as sink, server:
            ran = self.run_program(STEPS + source, **{
                **server.variables, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint, **variables})
        self.assertEqual((ran.stderr, server.failures, sink.failures), ("", [], []))
        self.assertEqual(ran.returncode, 0)
        states = {}
        for message in server.messages:
            if message.status:
                self.assertEqual(message.status[1:], (1, ""))
                states[int(message.status[0])] = message.effective
        return ran.stdout, sink.spans, [states[number] for number in sorted(states)]

    def each(self, programs, work):
        """Runs a test's program for each name at the same time, and gives (name, result) of those that there are."""
        names = [name for name in programs if has(*NEEDED[name])]
        with ThreadPoolExecutor() as pool:
            results = list(pool.map(work, names))
        missing = sorted(set(programs) - set(names))
        if missing:
            print(f"without {', '.join(missing)}:", self.id(), file=sys.stderr)
        return zip(names, results)

    def of_servers(self, found):
        return [span["attributes"] for span in found if span["kind"] == 2]

    def only(self, attributes, prefix):
        return {name: value for name, value in attributes.items() if name.startswith(prefix)}

    def headers(self, attributes):
        return {**self.only(attributes, "http.request.header"), **self.only(attributes, "http.response.header")}

    def test_headers_of_requests_that_are_served(self):
        call = """
def call():
    print(ask(base + "/echo", b"{}", {"X-Tenant": "a", "Authorization": "Bearer x", "X-Other": "no",
                                      "Content-Type": "application/json"}).decode())
call(); step(); call(); step(); call()
"""
        wanted = {"http.request.header.x-tenant": ["a"], "http.request.header.authorization": ["[REDACTED]"],
                  "http.request.header.content-type": ["application/json"], "http.response.header.x-answer": ["yes"],
                  "http.response.header.content-type": ["application/json"]}
        for name, (output, found, states) in self.each(
                {**SERVERS, **OTHER_SERVERS},
                lambda name: self.run_steps({**SERVERS, **OTHER_SERVERS}[name] + call, HEADERS, {})):
            with self.subTest(name):
                self.assertEqual(output, "{}\n{}\n{}\n")
                self.assertEqual([self.headers(span) for span in self.of_servers(found)[-3:]], [{}, wanted, {}])
                self.assertEqual(states[0]["traces"]["headersCollection"],
                                 {"headerKeys": ["authorization", "content-type", "x-answer", "x-tenant"]})
                self.assertIn("traces.headersCollection.headerKeys 'not a name'", states[0]["notCarriedOut"])
                self.assertNotIn("headersCollection", states[1]["traces"])
                self.assertNotIn("notCarriedOut", states[1])

    @unittest.skipUnless(CLIENTS_CAN, "the instrumentations of this Python's clients cannot")
    def test_headers_of_requests_that_are_made(self):
        server = SERVE_WSGI + """
def application(environ, start_response):
    start_response("200 OK", [("content-type", "text/plain"), ("x-answer", "yes"), ("set-cookie", "secret=1")])
    return [b"42"]
base = serve(application)
"""
        rule = {"headersCollection": {"headerKeys": ["x-tenant", "X-Answer", "set-cookie"]}}
        calls = """
def once(): print(call(base + "/x", {"X-Tenant": "a"}))
once(); step(); once(); step(); once()
"""
        wanted = {"http.request.header.x-tenant": ["a"], "http.response.header.x-answer": ["yes"],
                  "http.response.header.set-cookie": ["[REDACTED]"]}
        for name, (output, found, _) in self.each(
                CLIENTS, lambda name: self.run_steps(server + CLIENTS[name] + calls, rule, {})):
            with self.subTest(name):
                self.assertEqual(output, "42\n42\n42\n")
                # some make two spans of a request, such as requests and the urllib3 below it
                seen = [self.headers(span["attributes"]) for span in found if span["kind"] == 3]
                self.assertIn(seen, ([{}, wanted, {}], [{}, {}, wanted, wanted, {}, {}]))

    def test_what_variables_say_of_headers_holds_beside_rules(self):
        call = """
def call(): ask(base + "/echo", b"{}", {"X-Tenant": "a", "X-Mine": "b", "X-Token": "c"})
call(); step(); call(); step(); call()
"""
        mine = {"http.request.header.x_mine": ["b"], "http.request.header.x_token": ["[REDACTED]"]}
        for name, (_, found, _) in self.each(set(SERVERS) & {"flask", "starlette"}, lambda name: self.run_steps(
                SERVERS[name] + call, {"headersCollection": {"headerKeys": ["x-tenant"]}}, {},
                OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST="x-mine,x-tok.*",
                OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS="x-tok.*")):
            with self.subTest(name):
                self.assertEqual(
                    [self.only(span, "http.request.header") for span in self.of_servers(found)[-3:]],
                    [mine, {**mine, "http.request.header.x-tenant": ["a"]}, mine])

    def payloads(self, name, calls, *configurations):
        output, found, states = self.run_steps(SERVERS[name] + calls, *configurations)
        served = [{**self.only(span, "http.request.payload"), **self.only(span, "http.response.payload")}
                  for span in self.of_servers(found)]
        return output, served, states

    def test_bodies_of_requests_that_are_served(self):
        calls = """
def call(path, body, kind="application/json"): print(ask(base + path, body, {"Content-Type": kind}).decode())
body = b'{"price": "4\\xe2\\x82\\xac"}'
call("/echo", body)
step()
call("/echo", body); call("/unread", body); call("/stream", body); call("/echo", b"\\x00\\x01", "image/png")
step()
call("/echo", body)
step()
call("/echo", body); call("/echo", b"{}")
step()
call("/echo", body, "application/xml")
step()
call("/echo", body)
"""
        def both(**settings):
            return {"payloadCollection": {"httpRequest": settings, "httpResponse": settings}}

        text = '{"price": "4€"}'
        for name, (output, served, states) in self.each(SERVERS, lambda name: self.payloads(
                name, calls, both(), both(maxPayloadLength=13), both(maxPayloadLength=13, dropPartialPayloads=True),
                both(mimeTypes=["application/json"]), {})):
            with self.subTest(name):
                self.assertEqual(output, "".join(line + "\n" for line in (
                    text, text, "unread", 'one {"p', "\0\1", text, text, "{}", text, text)))
                request, response = "http.request.payload", "http.response.payload"
                whole, cut, empty = ({request: body, response: body} for body in (text, '{"price": "4', "{}"))
                streamed = {request: '{"p'}
                if name in STREAMS:
                    streamed[response] = 'one {"p'
                if name in ("fastapi", "starlette"):
                    streamed[request] = text  # which are asked for all that there is
                self.assertEqual(served[-10:], [{}, whole, {response: "unread"}, streamed, {response: "\0\1"}, cut, {},
                                                empty, {response: text}, {}])
                self.assertEqual(states[0]["traces"]["payloadCollection"],
                                 {side: {"maxPayloadLength": 4096} for side in ("httpRequest", "httpResponse")})
                self.assertNotIn("payloadCollection", states[-1]["traces"])

    def test_what_becomes_of_queries(self):
        program = """
import sqlite3
table = sqlite3.connect(":memory:").cursor()
def query(): table.execute("select 'it''s', 12, ? where 1.5 < 2", ("secret",)).fetchall()
query()
for _ in range(4):
    step(); query()
step(); query()
"""
        def rule(**settings):
            return {"payloadCollection": {"dbQuery": settings, "messaging": {}}}

        _, found, states = self.run_steps(
            program, rule(sanitizationPolicy="sanitized"), rule(sanitizationPolicy="full"), rule(maxPayloadLength=9),
            rule(maxPayloadLength=9, dropPartialPayloads=True), {})
        text = "select 'it''s', 12, ? where 1.5 < 2"
        self.assertEqual([self.only(span["attributes"], "db.statement") for span in found], [
            {"db.statement": text}, {"db.statement": "select ?, ?, ? where ? < ?"},
            {"db.statement": text, "db.statement.parameters": "('secret',)"}, {"db.statement": "select 'i"}, {},
            {"db.statement": text}])
        self.assertEqual(states[0]["notCarriedOut"], ["traces.payloadCollection.messaging"])
        self.assertEqual(states[1]["traces"]["payloadCollection"], {"dbQuery": {"sanitizationPolicy": "full"}})

    def test_the_code_that_began_a_call(self):
        names = ("function", "filePath", "lineNumber", "namespace", "column", "stackTrace")
        program = """
import sqlite3
class Shop:
    def price(self):
        sqlite3.connect(":memory:").cursor().execute("select 1")  # here
def work(): Shop().price()
work(); step(); work(); step(); work()
print(__file__, next(number for number, line in enumerate(open(__file__), 1) if line.endswith("# here\\n")))
"""
        output, found, states = self.run_steps(program, {"codeAttributes": dict.fromkeys(names, True)}, {})
        path, line = output.split()
        before, said, after = (self.only(span["attributes"], "code.") for span in found)
        self.assertEqual((before, after), ({}, {}))
        trace = said.pop("code.stacktrace").splitlines()
        self.assertEqual((trace[0], trace[-1]), (
            "Traceback (most recent call last):", f'  File "{path}", line {line}, in price'))
        function = "__main__.Shop.price" if sys.version_info >= (3, 11) else "__main__.price"
        wanted = {"code.function.name": function, "code.file.path": path, "code.line.number": int(line),
                  "code.namespace": "__main__"}
        if sys.version_info >= (3, 11):
            wanted["code.column.number"] = 9
        else:
            self.assertEqual(states[0]["notCarriedOut"], ["traces.codeAttributes.column"])
        self.assertEqual(said, wanted)

    def test_code_without_a_file_is_the_programs_where_it_is_the_program(self):
        program = """
source = "import sqlite3\\ndef work(): sqlite3.connect(':memory:').cursor().execute('select 1')\\nwork()"
step()
exec(compile(source, "<string>", "exec"), {"__name__": "__main__"})
exec(compile(source, "<string>", "exec"), {"__name__": "made"})
"""
        _, found, _ = self.run_steps(program, {"codeAttributes": {"function": True}})
        ours = "__main__.<module>"
        self.assertEqual([span["attributes"].get("code.function.name") for span in found], ["__main__.work", ours])

    def test_a_server_has_no_code_of_its_own(self):
        if not has("flask"):
            self.skipTest("there is no flask")
        _, found, _ = self.run_steps(
            FLASK + "step(); ask(base + '/echo')", {"codeAttributes": {"function": True}})
        self.assertEqual([self.only(span, "code.") for span in self.of_servers(found)], [{}])

    def test_settings_that_cannot_be_read_change_nothing(self):
        for settings in ({"payloadCollection": {"dbQuery": {"sanitizationPolicy": "some"}}},
                         {"payloadCollection": {"httpRequest": {"maxPayloadLength": "many"}}},
                         {"headersCollection": 3}, {"codeAttributes": [1]}):
            with self.subTest(json.dumps(settings)):
                def answer(server, message):
                    if message.status is not None and message.status[0] == b"1":
                        server.tell("heard")
                    return INTERVAL + remote_config(
                        b"1", container_config={"traces": {"headSampling": {"fallbackFraction": 0}, **settings}})

                with Sink() as sink, Server(answer) as server:
                    ran = self.run_program(WAIT + """
wait("heard")
import sqlite3
sqlite3.connect(":memory:").cursor().execute("select 1")
""", **{**server.variables, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint})
                self.assertEqual((ran.returncode, ran.stderr), (0, ""))
                self.assertEqual(next(message.status for message in server.messages if message.status)[:2], (b"1", 3))
                self.assertEqual(len(sink.spans), 1)


del AgentTests  # which has a file of its own

if __name__ == "__main__":
    unittest.main()
