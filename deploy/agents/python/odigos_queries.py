"""What the text of database queries is in spans, as InstrumentationRules say (`payloadCollection.dbQuery`).

OpenTelemetry's instrumentations put the text there as the program wrote it, without its parameters. A rule can make it
shorter, take the values out of it (`sanitized`, `sanitized-or-full`), or add the parameters (`full`), which the
instrumentations of DB-API can.
"""
import re

ATTRIBUTES = ("db.statement", "db.query.text")
PARAMETERS = "db.statement.parameters"
POLICIES = ("sanitized", "full", "sanitized-or-full")
SYSTEMS = ("db.system", "db.system.name")
# Texts, also where their end is missing. What ends one is a matter of the database: after a backslash, which escapes in
# some, a quote must not be taken for the wrong one, or all that follows would be seen inside out.
PLAIN = r"'(?:[^']|'')*'?"
ESCAPED = r"'(?:[^'\\]|''|\\.)*'?"
DOUBLE = r'"(?:[^"\\]|""|\\.)*"?'
DOLLARS = r"\$(?P<tag>[^\W\d]\w*|)\$.*?(?:\$(?P=tag)\$|\Z)"
# but for those of placeholders and names
NUMBER = r"(?<![\w$:@%?.\"`])[-+]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)\b"


def values(*texts):
    return re.compile("|".join((*texts, NUMBER)), re.DOTALL)


VALUES = values(PLAIN)
VALUES_OF = {"mysql": values(ESCAPED, DOUBLE), "mariadb": values(ESCAPED, DOUBLE),
             "postgresql": values(r"\b[eE]" + ESCAPED, DOLLARS, PLAIN)}
MOST = 1 << 16  # characters that are looked at


def without_values(text, system=None):
    """The text of a query of that database (`db.system`) with `?` for texts and numbers."""
    return VALUES_OF.get(system, VALUES).sub("?", text)


class Queries:
    name = "payloadCollection"

    def __init__(self):
        self._settings = None

    # Settings

    def read(self, traces):
        """What a rule's settings are here, and which of them are not carried out."""
        wanted = (traces.get(self.name) or {}).get("dbQuery")
        if wanted is None:
            return None, []
        policy = wanted.get("sanitizationPolicy")
        if policy is not None and policy not in POLICIES:
            raise ValueError(f"the sanitization policy {policy!r} is none of {', '.join(POLICIES)}")
        length = wanted.get("maxPayloadLength")
        return (None if length is None else max(0, int(length)), bool(wanted.get("dropPartialPayloads")), policy), []

    def take(self, settings):
        self._settings = settings

    def effective(self):
        if self._settings is None:
            return None
        length, drops, policy = self._settings
        query = {"maxPayloadLength": length, "dropPartialPayloads": drops, "sanitizationPolicy": policy}
        return {"dbQuery": {name: value for name, value in query.items() if value}}

    # OpenTelemetry

    def install(self, when_imported):
        from opentelemetry.trace import SpanKind

        self._client = SpanKind.CLIENT
        when_imported("opentelemetry.instrumentation.dbapi", self._add_parameters)

    def _add_parameters(self, dbapi):
        def get(integration):
            settings = self._settings
            return vars(integration).get("capture_parameters") or settings is not None and settings[2] == "full"

        def put(integration, value):
            vars(integration)["capture_parameters"] = value

        dbapi.DatabaseApiIntegration.capture_parameters = property(get, put)

    def began(self, span):
        """Looks at a span that has just begun once more before it ends."""
        if self._settings is None or span.kind is not self._client:
            return
        end = span.end

        def end_with_query(*arguments, **named):
            try:
                self._shorten(span)
            except Exception:  # the span ends, whatever it says
                pass
            return end(*arguments, **named)

        span.end = end_with_query

    def _shorten(self, span):
        settings = self._settings
        if settings is None or not span.is_recording():
            return
        length, drops, policy = settings
        system = next(filter(None, map(span.attributes.get, SYSTEMS)), None)
        is_sanitized = policy in ("sanitized", "sanitized-or-full")
        if is_sanitized:
            span._attributes.pop(PARAMETERS, None)
        for name in (*ATTRIBUTES, PARAMETERS):
            text = span.attributes.get(name)
            if not isinstance(text, str):
                continue
            shown = without_values(text[:MOST], system) if is_sanitized else text
            is_partial = is_sanitized and len(text) > MOST
            if length is not None and len(shown) > length:
                shown, is_partial = shown[:length], True
            if not shown or is_partial and drops:
                span._attributes.pop(name, None)
            elif shown != text:
                span.set_attribute(name, shown)
