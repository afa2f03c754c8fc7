"""Bodies of HTTP requests that the program serves, and of its answers, as attributes of their spans
(`http.request.payload`, `http.response.payload`), as InstrumentationRules ask for (`payloadCollection`).

The rules this keeps:

- A body is seen as the program reads or sends it: nothing is read for the agent's sake, nothing is held back, and what
  the program does not read is not there. No more is kept than the rule's length.
- The program gets the very bytes and errors that it would have got. An answer of Flask or Django that is a stream is
  left alone, because its span has ended before it is sent.
- Compressed bodies are left out, and where a rule names no types, whatever is no text.

It sees Flask, Django, and applications behind OpenTelemetry's WSGI and ASGI middlewares (FastAPI, Starlette).
"""
import codecs
import functools

TEXTS = ("json", "xml", "javascript", "x-www-form-urlencoded", "graphql", "yaml")
LENGTH = 4096  # bytes, where no rule says how many
MOST = 1 << 16  # bytes, whatever a rule says
SIDES = {"httpRequest": "http.request.payload", "httpResponse": "http.response.payload"}
NOT_CARRIED_OUT = ("messaging",)
# Who sends a body names its charset, and Python keeps what became of each name. All others are read as UTF-8.
CHARSETS = frozenset((
    "utf-8", "utf8", "us-ascii", "ascii", "latin-1", "latin1", "utf-16", "utf-16le", "utf-16be",
    *(f"iso-8859-{number}" for number in range(1, 17) if number != 12), *(f"windows-{number}" for number in range(1250, 1259))))
FLASK_SPAN = "opentelemetry-flask.span_key"
EXCHANGE = "odigos.payloads"


class Side:
    """What a rule says of requests or of answers."""

    def __init__(self, json):
        length = json.get("maxPayloadLength")
        self.length = min(LENGTH if length is None else max(0, int(length)), MOST)
        self.drops_partial = bool(json.get("dropPartialPayloads"))
        types = json.get("mimeTypes")
        self.types = None if types is None else frozenset(str(kind).strip().lower() for kind in types)

    def json(self):
        json = {"maxPayloadLength": self.length}
        if self.drops_partial:
            json["dropPartialPayloads"] = True
        if self.types is not None:
            json["mimeTypes"] = sorted(self.types)
        return json

    def takes(self, kind):
        if self.types is not None:
            return bool(self.types & {kind, kind.partition("/")[0] + "/*", "*/*"})
        return kind.startswith("text/") or any(text in kind for text in TEXTS)


class Body:
    """The beginning of a body as it passes."""

    def __init__(self, side, kind, encoding, expected):
        kind, _, parameters = (kind or "").partition(";")
        is_wanted = side.length > 0 and side.takes(kind.strip().lower()) and (encoding or "identity").strip() in (
            "", "identity")
        self._side = side if is_wanted else None
        self._charset = parameters.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
        self._expected = int(expected) if (expected or "").isdigit() else None
        self._bytes, self._size = bytearray(), 0
        if is_wanted and side.drops_partial and (self._expected or 0) > side.length:
            self._side = None

    def add(self, data):
        if self._side is not None and data:
            self._bytes += data[:self._side.length - len(self._bytes)]
            self._size += len(data)

    def text(self):
        """None where there is nothing to tell."""
        side = self._side
        if side is None or not self._bytes:
            return None
        is_cut = self._size > len(self._bytes)
        if side.drops_partial and (is_cut or self._expected is not None and self._size < self._expected):
            return None
        decode = codecs.getincrementaldecoder(self._charset if self._charset in CHARSETS else "utf-8")
        return decode("replace").decode(bytes(self._bytes), final=not is_cut)  # a cut through a character leaves it out


class Exchange:
    """A request and its answer, of which the span tells. Nothing that goes wrong here reaches the program."""

    def __init__(self, settings):
        self._settings = settings
        self._bodies = {}

    def begin(self, side, headers):
        """`headers()` gives the content's type, encoding and length."""
        if side in self._settings:
            try:
                self._bodies[side] = Body(self._settings[side], *headers())
            except Exception:
                self._bodies.pop(side, None)

    def wants(self, side):
        return side in self._bodies

    def add(self, side, data):
        body = self._bodies.get(side)
        if body is not None:
            try:
                body.add(data)
            except Exception:
                del self._bodies[side]

    def tell(self, span):
        bodies, self._bodies = self._bodies, {}
        for side, body in bodies.items():
            try:
                text = body.text()
                if text:
                    span.set_attribute(SIDES[side], text)
            except Exception:
                pass


class Input:
    """A file of WSGI's that tells what is read from it."""

    def __init__(self, file, exchange):
        self._file, self._exchange = file, exchange

    def _told(self, data):
        self._exchange.add("httpRequest", data)
        return data

    def read(self, *arguments, **named):
        return self._told(self._file.read(*arguments, **named))

    def readline(self, *arguments, **named):
        return self._told(self._file.readline(*arguments, **named))

    def readlines(self, *arguments, **named):
        lines = self._file.readlines(*arguments, **named)
        for line in lines:
            self._told(line)
        return lines

    def __iter__(self):
        return map(self._told, iter(self._file))

    def __getattr__(self, name):
        found = getattr(self._file, name)
        if name in ("readinto", "readinto1"):
            def read_into(buffer):
                count = found(buffer)
                self._told(bytes(memoryview(buffer)[:count or 0]))
                return count

            return read_into
        return (lambda *arguments: self._told(found(*arguments))) if name == "read1" else found


class Payloads:
    name = "payloadCollection"

    def __init__(self):
        self._settings = {}

    # Settings

    def read(self, traces):
        """What a rule's settings are here, and which of them are not carried out."""
        wanted = traces.get(self.name) or {}
        settings = {side: Side(wanted[side]) for side in SIDES if wanted.get(side) is not None}
        return settings, [name for name in NOT_CARRIED_OUT if wanted.get(name) is not None]

    def take(self, settings):
        self._settings = settings

    def effective(self):
        return {side: settings.json() for side, settings in self._settings.items()} or None

    # OpenTelemetry

    def install(self, when_imported):
        from opentelemetry.trace import SpanKind, get_current_span

        self._server, self._current_span = SpanKind.SERVER, get_current_span
        when_imported("opentelemetry.instrumentation.asgi", self._see_asgi)
        when_imported("opentelemetry.instrumentation.wsgi", self._see_wsgi)
        when_imported("opentelemetry.instrumentation.django.middleware.otel_middleware", self._see_django)
        when_imported("flask.app", self._see_flask)

    def _is_of_request(self, span):
        return span is not None and span.is_recording() and getattr(span, "kind", None) is self._server

    def _see_input(self, environ):
        """The exchange of a request of WSGI."""
        exchange = Exchange(self._settings)
        exchange.begin("httpRequest", lambda: of_environ(environ))
        if exchange.wants("httpRequest") and "wsgi.input" in environ:
            environ["wsgi.input"] = Input(environ["wsgi.input"], exchange)
        return exchange

    def _see_wsgi(self, module):
        payloads = self
        initialize = module.OpenTelemetryMiddleware.__init__

        def watched(application):
            @functools.wraps(application, updated=())
            def watching(environ, start_response):
                span = payloads._current_span() if payloads._settings else None
                if not payloads._is_of_request(span):
                    return application(environ, start_response)
                exchange = payloads._see_input(environ)

                def start(status, headers, *arguments):
                    exchange.begin("httpResponse", lambda: of_headers(headers))
                    return start_response(status, headers, *arguments)

                return told(application(environ, start), exchange, span)

            return watching

        @functools.wraps(initialize)
        def initialize_watched(middleware, *arguments, **named):
            initialize(middleware, *arguments, **named)
            middleware.wsgi = watched(middleware.wsgi)

        module.OpenTelemetryMiddleware.__init__ = initialize_watched

    def _see_asgi(self, module):
        payloads = self
        initialize = module.OpenTelemetryMiddleware.__init__

        @functools.wraps(initialize)
        def initialize_watched(middleware, *arguments, **named):
            initialize(middleware, *arguments, **named)
            middleware.app = Watched(middleware.app, payloads)

        module.OpenTelemetryMiddleware.__init__ = initialize_watched

    def _see_django(self, module):
        payloads = self
        middleware = module._DjangoMiddleware
        process_request, process_response = middleware.process_request, middleware.process_response

        @functools.wraps(process_request)
        def process_watched_request(self, request):
            result = process_request(self, request)
            if payloads._settings:
                quietly(payloads._begin_django, request, request.META.get(self._environ_span_key))
            return result

        @functools.wraps(process_response)
        def process_watched_response(self, request, response):
            exchange = request.META.pop(EXCHANGE, None)
            if exchange is not None:
                quietly(payloads._end_django, exchange, response, request.META.get(self._environ_span_key))
            return process_response(self, request, response)

        middleware.process_request, middleware.process_response = process_watched_request, process_watched_response

    def _begin_django(self, request, span):
        if not self._is_of_request(span):
            return
        exchange = Exchange(self._settings)
        exchange.begin("httpRequest", lambda: of_environ(request.META))
        request.META[EXCHANGE] = exchange
        if hasattr(request, "_body"):  # another middleware has read it
            exchange.add("httpRequest", request._body)
        elif exchange.wants("httpRequest") and not request._read_started and hasattr(request, "_stream"):
            request._stream = Input(request._stream, exchange)

    def _end_django(self, exchange, response, span):
        if span is None:
            return
        if not response.streaming:
            exchange.begin("httpResponse", lambda: of_headers(response.items()))
            exchange.add("httpResponse", response.content)
        exchange.tell(span)

    def _see_flask(self, module):
        payloads = self
        wsgi_app, process_response = module.Flask.wsgi_app, module.Flask.process_response

        @functools.wraps(wsgi_app)
        def watched_app(self, environ, start_response):
            if payloads._settings:
                quietly(payloads._begin_flask, environ)
            return wsgi_app(self, environ, start_response)

        @functools.wraps(process_response)
        def process_watched_response(self, *arguments, **named):
            response = process_response(self, *arguments, **named)
            if payloads._settings:
                quietly(payloads._end_flask, response)
            return response

        module.Flask.wsgi_app, module.Flask.process_response = watched_app, process_watched_response

    def _begin_flask(self, environ):
        environ[EXCHANGE] = self._see_input(environ)

    def _end_flask(self, response):
        from flask import request

        exchange, span = request.environ.pop(EXCHANGE, None), request.environ.get(FLASK_SPAN)
        if exchange is None or not self._is_of_request(span):
            return
        if response.is_sequence:
            exchange.begin("httpResponse", lambda: of_headers(response.headers.items()))
            for part in response.response:
                exchange.add("httpResponse", part.encode() if isinstance(part, str) else part)
        exchange.tell(span)


class Watched:
    """An application of ASGI, seen from within the span of its request."""

    def __init__(self, application, payloads):
        self._application, self._payloads = application, payloads

    def __getattr__(self, name):
        return getattr(self._application, name)

    async def __call__(self, scope, receive, send):
        payloads = self._payloads
        span = payloads._current_span() if payloads._settings and scope["type"] == "http" else None
        if not payloads._is_of_request(span):
            return await self._application(scope, receive, send)
        exchange = Exchange(payloads._settings)
        exchange.begin("httpRequest", lambda: of_headers(scope.get("headers")))

        async def receive_watched():
            message = await receive()
            if message["type"] == "http.request":
                exchange.add("httpRequest", message.get("body"))
            return message

        async def send_watched(message):
            if message["type"] == "http.response.start":
                exchange.begin("httpResponse", lambda: of_headers(message.get("headers")))
            elif message["type"] == "http.response.body":
                exchange.add("httpResponse", message.get("body"))
                if not message.get("more_body"):
                    exchange.tell(span)  # which ends with this message
            await send(message)

        return await self._application(scope, receive_watched, send_watched)


def of_environ(environ):
    return environ.get("CONTENT_TYPE"), environ.get("HTTP_CONTENT_ENCODING"), environ.get("CONTENT_LENGTH")


def of_headers(headers):
    found = {}
    for name, value in headers or ():
        name, value = (item.decode("latin-1") if isinstance(item, bytes) else item for item in (name, value))
        found[name.lower()] = value
    return found.get("content-type"), found.get("content-encoding"), found.get("content-length")


def told(iterable, exchange, span):
    """The parts of an answer of WSGI, told as they pass; the span ends after the last."""
    if isinstance(iterable, (list, tuple)):
        for part in iterable:
            exchange.add("httpResponse", part)
        exchange.tell(span)
        return iterable
    return Parts(iterable, exchange, span)


class Parts:
    def __init__(self, iterable, exchange, span):
        self._iterable, self._exchange, self._span = iterable, exchange, span

    def __iter__(self):
        for part in self._iterable:
            self._exchange.add("httpResponse", part)
            yield part

    def close(self):
        try:
            close = getattr(self._iterable, "close", None)
            if close is not None:
                close()
        finally:
            self._exchange.tell(self._span)


def quietly(work, *arguments):
    """The program goes on, whatever becomes of the agent's work."""
    try:
        work(*arguments)
    except Exception:
        pass
