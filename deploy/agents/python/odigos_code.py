"""Which code of the program a span is of, as InstrumentationRules ask for (`codeAttributes`).

It is where the program's own code began what the span is about: the nearest frame that belongs neither to Python's
library, nor to installed packages, nor to the agent. A request that the program serves has none: nothing of the program
runs yet.
"""
import os
import sys

ATTRIBUTES = {"function": "code.function.name", "filePath": "code.file.path", "lineNumber": "code.line.number",
              "namespace": "code.namespace", "column": "code.column.number", "stackTrace": "code.stacktrace"}
INSTALLED = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
LIBRARY = tuple({os.path.dirname(path) + os.sep for path in (os.__file__, os.path.realpath(os.__file__))})
MOST_FRAMES = 50


class Code:
    name = "codeAttributes"

    def __init__(self, agent):
        self._wanted = ()
        self._outside = (*LIBRARY, *{path + os.sep for path in (agent, os.path.realpath(agent))})
        self._known = {}

    # Settings

    def read(self, traces):
        """What a rule's settings are here, and which of them are not carried out."""
        wanted = sorted(name for name, is_on in (traces.get(self.name) or {}).items() if is_on)
        carried_out = [name for name in wanted if name in ATTRIBUTES and (name != "column" or has_columns())]
        return tuple(carried_out), [name for name in wanted if name not in carried_out]

    def take(self, settings):
        self._wanted = settings

    def effective(self):
        return {name: True for name in self._wanted} or None

    # OpenTelemetry

    def install(self, when_imported):
        from opentelemetry.trace import SpanKind

        self._without_code = (SpanKind.SERVER, SpanKind.CONSUMER)

    def began(self, span):
        """Says of a span that has just begun where that was."""
        if not self._wanted or span.kind in self._without_code:
            return
        frame = sys._getframe(1)
        while frame is not None and not self._is_of_program(frame):
            frame = frame.f_back
        if frame is not None:
            for name in self._wanted:
                value = DESCRIPTIONS[name](frame)
                if value is not None:
                    span.set_attribute(ATTRIBUTES[name], value)

    def _is_of_program(self, frame):
        path = frame.f_code.co_filename
        if path.startswith("<"):  # code without a file: that of `python -c` is the program's
            return frame.f_globals.get("__name__") == "__main__"
        known = self._known.get(path)
        if known is None:
            known = self._known[path] = not (
                path.startswith(self._outside) or any(part in path for part in INSTALLED))
        return known


def has_columns():
    return hasattr(has_columns.__code__, "co_positions")


def function(frame):
    name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)
    module = namespace(frame)
    return f"{module}.{name}" if module else name


def namespace(frame):
    module = frame.f_globals.get("__name__")
    return module if isinstance(module, str) else None


def column(frame):
    for number, position in enumerate(frame.f_code.co_positions()):
        if number == frame.f_lasti // 2:
            return None if position[2] is None else position[2] + 1
    return None


def stack_trace(frame):
    """As Python writes one, without the lines of the source, which would have to be read."""
    lines = []
    while frame is not None and len(lines) < MOST_FRAMES:
        lines.append(f'  File "{frame.f_code.co_filename}", line {frame.f_lineno}, in {frame.f_code.co_name}')
        frame = frame.f_back
    return "\n".join(("Traceback (most recent call last):", *reversed(lines)))


DESCRIPTIONS = {"function": function, "filePath": lambda frame: frame.f_code.co_filename,
                "lineNumber": lambda frame: frame.f_lineno, "namespace": namespace, "column": column,
                "stackTrace": stack_trace}
