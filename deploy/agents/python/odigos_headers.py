"""Headers of HTTP messages as attributes of spans, as InstrumentationRules ask for (`headersCollection`).

OpenTelemetry's instrumentations take the names of headers from variables, by `get_custom_headers`: servers for each
message, clients and the one of ASGI once. Here all are given the same list for each variable, and its content changes
with the rules; what the variables say holds beside them. A header that a rule names

- is an attribute by the name of the semantic conventions, such as `http.request.header.x-tenant` (what a variable names
  keeps the instrumentation's own spelling, with underscores), and
- has the value [REDACTED] where it is a secret by its name, unless the program's own
  OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS says what is.
"""
import os
import re

VARIABLE = "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_"
CAPTURE = tuple(VARIABLE + side for side in ("SERVER_REQUEST", "SERVER_RESPONSE", "CLIENT_REQUEST", "CLIENT_RESPONSE"))
SANITIZE = VARIABLE + "SANITIZE_FIELDS"
SECRET = re.compile("authorization|cookie|token|secret|password|api-?key", re.IGNORECASE)
NAME = re.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# headers that WSGI keeps apart from the others, and its instrumentation does not look for
WSGI_APART = (("content-type", "CONTENT_TYPE"), ("content-length", "CONTENT_LENGTH"))


class Headers:
    name = "headersCollection"

    def __init__(self, has_own_secrets=SANITIZE in os.environ):
        self._keys = ()
        self._lists = {name: [] for name in CAPTURE}
        self._own = {}
        self._has_own_secrets = has_own_secrets
        self._is_for_clients = True

    # Settings

    def read(self, traces):
        """What a rule's settings are here, and which of them are not carried out."""
        keys = (traces.get(self.name) or {}).get("headerKeys") or ()
        names = {key.lower() for key in keys if isinstance(key, str) and NAME.fullmatch(key)}
        ignored = [f"headerKeys {key!r}" for key in keys if not isinstance(key, str) or key.lower() not in names]
        if names and not self._is_for_clients:
            ignored.append("requests that the program makes")
        return frozenset(names), ignored

    def take(self, settings):
        self._keys = settings
        for name in CAPTURE:
            self._fill(name)

    def effective(self):
        return {"headerKeys": sorted(self._keys)} if self._keys else None

    def _fill(self, name):
        self._lists[name][:] = [*self._own.get(name, ()), *sorted(map(re.escape, self._keys))]

    # OpenTelemetry

    def install(self, when_imported):
        """Call it before any instrumentation is imported."""
        from opentelemetry.util import http

        get_custom_headers = http.get_custom_headers
        sanitize = http.SanitizeValue.sanitize_header_value

        def get_live_headers(variable):
            own = get_custom_headers(variable)
            if variable not in self._lists:
                return own
            if own != self._own.get(variable, []):
                self._own[variable] = own
                self._fill(variable)
            return self._lists[variable]

        def sanitize_header_value(sanitizer, header, value):
            if not self._has_own_secrets and header.lower() in self._keys and SECRET.search(header):
                return "[REDACTED]"
            return sanitize(sanitizer, header, value)

        def named(prefix, normalise):
            def attribute(header):
                key = header.lower()
                return prefix + key if key in self._keys else normalise(header)

            return attribute

        http.normalise_request_header_name = named("http.request.header.", http.normalise_request_header_name)
        http.normalise_response_header_name = named("http.response.header.", http.normalise_response_header_name)
        http.get_custom_headers = get_live_headers
        http.SanitizeValue.sanitize_header_value = sanitize_header_value
        # the instrumentations of clients ask for headers in newer releases alone
        self._is_for_clients = hasattr(http, "get_custom_header_attributes")
        when_imported("opentelemetry.instrumentation.asgi", self._look_again)
        when_imported("opentelemetry.instrumentation.wsgi", self._look_apart)

        def look_in_tornado(tornado):
            self._look_in_tornado(tornado, get_custom_headers, http.SanitizeValue)

        when_imported("opentelemetry.instrumentation.tornado", look_in_tornado)

    def _look_again(self, asgi):
        """Makes the middleware of ASGI, which keeps what it found at first, see what there is now."""
        def live(attribute, headers):
            def get(middleware):
                own = vars(middleware).get(attribute)
                return headers if own is None or own is headers else [*own, *headers]

            def put(middleware, value):
                vars(middleware)[attribute] = value

            return property(get, put)

        for side in ("SERVER_REQUEST", "SERVER_RESPONSE"):
            attribute = "http_capture_headers_" + side.lower()
            setattr(asgi.OpenTelemetryMiddleware, attribute, live(attribute, self._lists[VARIABLE + side]))

    def _look_apart(self, wsgi):
        collect = wsgi.collect_custom_request_headers_attributes

        def collect_custom_request_headers_attributes(environ):
            attributes = collect(environ)
            for header, key in WSGI_APART:
                if header in self._keys and environ.get(key):
                    attributes[http_request_header + header] = [environ[key]]
            return attributes

        http_request_header = "http.request.header."
        wsgi.collect_custom_request_headers_attributes = collect_custom_request_headers_attributes

    def _look_in_tornado(self, tornado, get_custom_headers, sanitizer):
        """Adds what rules name in Tornado, whose instrumentation takes names, not expressions, and shows secrets."""
        def adding(prefix, collect):
            def collect_with_rules(headers):
                attributes = collect(headers)
                secrets = sanitizer(get_custom_headers(SANITIZE))
                for key in self._keys:
                    value = headers.get(key)
                    if value:
                        attributes[prefix + key] = [secrets.sanitize_header_value(key, value)]
                return attributes

            return collect_with_rules

        tornado.get_custom_headers = get_custom_headers
        for side in ("request", "response"):
            name = f"_collect_custom_{side}_headers_attributes"
            setattr(tornado, name, adding(f"http.{side}.header.", getattr(tornado, name)))
