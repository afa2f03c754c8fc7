"""What the text of database queries is in spans, as InstrumentationRules say (`payloadCollection.dbQuery`).

OpenTelemetry's instrumentations put the text there as the program wrote it, without its parameters. A rule can make it
shorter, take the values and comments out of it (`sanitized`, `sanitized-or-full`), or add the parameters (`full`), which
the instrumentations of DB-API can.
"""
import re

ATTRIBUTES = ("db.statement", "db.query.text")
PARAMETERS = "db.statement.parameters"
POLICIES = ("sanitized", "full", "sanitized-or-full")
SYSTEMS = ("db.system", "db.system.name")
MOST = 1 << 16  # characters that are looked at

# A query is read as its database reads it: comments go, names stay, values become `?`. Where one ends can be a matter of
# settings that nobody tells: \' ends a text or does not, and after the wrong one all that follows would be seen inside
# out. From where two readings part, nothing is left.
PLAIN = r"'(?:[^']|'')*'"  # where a backslash is nothing but one
TEXT = r"'(?:[^'\\]|''|\\[^'])*'"  # as long as it is the same whether or not a backslash escapes
ESCAPED = r"'(?:[^'\\]|''|\\.)*'"
TEXT_OF_ANY = r"'(?!'')(?:[^'\\]|''(?!')|\\[^'])*'(?!')"  # three quotes begin another kind of text in some
DOLLARS = r"\$(?P<tag>[^\W\d]\w*|)\$.*?\$(?P=tag)\$"
ORACLE = r"n?q'(?:\[.*?\]|\{.*?\}|\(.*?\)|<.*?>|(?P<quote>[^\s\[{(<]).*?(?P=quote))'"
NUMBER = r"(?:(?<![\w)\]])[-+])?\.?\d(?:e[-+]\d|[\w.])*"
QUOTED = r'"(?:[^"]|"")*"'
BACKTICKS = "`(?:[^`]|``)*`"
LINE = r"[^\r\n]*(?=\r?\n|\Z)"  # databases do not agree on whether \r alone ends one
FLAT = r"/\*(?:[^*]|\*(?!/))*\*/"
ONCE = r"/\*(?:[^*/]|\*(?!/)|/(?!\*))*\*/"  # without another within
NESTED = ONCE
for _ in range(3):
    NESTED = rf"/\*(?:[^*/]|\*(?!/)|/(?!\*)|{NESTED})*\*/"
# what MySQL carries out, as long as its end is the same for who takes it for a comment
CARRIED_OUT = r"/\*M?!(?:(?!\*/|/\*|--)[^'\"`#\\])*\*/"
# an array or a name, as long as the end is the same
BRACKETS = r"""\[(?:[^\]\['"`#\\/$-]|'[^'"\]\\]*'|"[^"'\]\\]*")*\]"""


def in_double_quotes(text):
    return text.replace("'", '"')


def names_by_place(*quoted):
    """Names where "..." is a text, too, unless it stands where only a name can."""
    one = "|".join((r"[^\W\d]\w*", QUOTED, *quoted))
    return [rf"(?:{one})(?:\s*\.\s*(?:{one}|\*))+", rf"(?:from|join|into|update|table|as)\s+{QUOTED}", *quoted]


def reading(comments, names, values, unclear, signs="$"):
    """How a database reads its queries: by their patterns its comments, its names and parameters, its values but for
    numbers, and what begins one of these or something that cannot be told; `signs` are those that words may have."""
    kinds = (("comment", comments), ("name", names), ("value", values), ("rest", [rf"(?:{unclear}).*"]),
             ("word", [rf"[^\W\d][\w{signs}]*"]), ("number", [NUMBER]))
    return re.compile("|".join(rf"(?P<{kind}>{'|'.join(patterns)})" for kind, patterns in kinds),
                      re.DOTALL | re.IGNORECASE)


MYSQL = reading([rf"(?:--(?=[\s\0-\x1f]|\Z)|\#){LINE}", rf"(?!/\*M?!){FLAT}", CARRIED_OUT], [BACKTICKS, r"@\w+"],
                [TEXT, in_double_quotes(TEXT)], r"['\"`#]|/\*|--[\s\0-\x1f]")
POSTGRESQL = reading([rf"--{LINE}", NESTED], [QUOTED, r"\$\d+"], [f"e{ESCAPED}", DOLLARS, TEXT],
                     r"['\"]|/\*|--|\$(?:[^\W\d]\w*)?\$")
SQLITE = reading([rf"--{LINE}", FLAT], [*names_by_place(BACKTICKS, r"\[[^\]]*\]"), r"[?:@$]\w+"], [PLAIN, QUOTED],
                 r"['\"`\[]|/\*|--")
SQL_SERVER = reading([rf"--{LINE}", NESTED], [*names_by_place(r"\[(?:[^\]]|\]\])*\]"), r"@\w+"], [PLAIN, QUOTED],
                     r"['\"\[]|/\*|--", signs="$#@")
ORACLE_DATABASE = reading([rf"--{LINE}", FLAT], [QUOTED, r":\w+"], [ORACLE, PLAIN], r"['\"]|/\*|--|n?q'", signs="$#")
# what is the same in all, and a value where it is one in any
UNKNOWN = reading([rf"--(?=[ \t\r\n]|\Z){LINE}", rf"(?!/\*M?!){ONCE}", CARRIED_OUT],
                  [r"`[^\W\d][\w.]*`", r"\[[^\W\d]\w*(?: [^\W\d]\w*)*\]"],
                  [TEXT_OF_ANY, in_double_quotes(TEXT_OF_ANY), BRACKETS],
                  r"['\"`\[\\#]|/\*|//|--|\$(?:[^\W\d]\w*)?\$|n?q'", signs="")
READINGS = {
    "mysql": MYSQL, "mariadb": MYSQL,
    "postgresql": POSTGRESQL, "cockroachdb": POSTGRESQL, "redshift": POSTGRESQL, "aws.redshift": POSTGRESQL,
    "sqlite": SQLITE,
    "mssql": SQL_SERVER, "microsoft.sql_server": SQL_SERVER,
    "oracle": ORACLE_DATABASE, "oracle.db": ORACLE_DATABASE,
}


def without_values(text, system=None):
    """The text of a query of that database (`db.system`) with `?` for texts and numbers, and without comments."""
    return READINGS.get(system, UNKNOWN).sub(_shown, text)


def _shown(found):
    kind = found.lastgroup
    if kind == "comment":
        return " " if found.group().startswith("/*") else ""
    return found.group() if kind in ("name", "word") else "?"


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
