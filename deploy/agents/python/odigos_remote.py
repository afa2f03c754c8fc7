"""What of the configuration that the node agent sends is carried out while the process runs:

    SDK.traceSignal.enabled                              whether there are spans at all
    InstrumentationLibraries[] {name, traces.enabled}    whether a library makes spans
    container_config.traces.headSampling.fallbackFraction, or headSamplerConfig.fallbackFraction of the section without
    a name                                               which part of the traces that begin here is kept
    container_config.agentDiagnostics.*LogLevel          whether the agent writes to standard error, and how much
    container_config.traces.headersCollection, payloadCollection and codeAttributes, the last two also from the section
    without a name                                       what spans say; parts of their own (odigos_headers.py, ...)

`effective` says what is in force and which other settings came and are not carried out. A span that is not made leaves
the trace in one piece: what would be below it hangs below its parent.
"""
import json
import logging
import sys

LEVELS = {"error": logging.ERROR, "warn": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
# of the container's entry: what is carried out, and what is no setting of the agent
KNOWN = {"traces": {"headSampling", "headersCollection", "payloadCollection", "codeAttributes"},
         "agentDiagnostics": {"odigosLogLevel", "openTelemetryComponentsLogLevel"}}
IDENTITY = {"containerName", "agentEnabled", "agentEnabledReason", "agentEnabledMessage", "otelDistroName",
            "distroParams", "envInjectionMethod", "podManifestInjectionOptional"}
OF_LANGUAGE = ("payloadCollection", "codeAttributes")  # also in the section of the language
SCOPE_PREFIX = "opentelemetry.instrumentation."


class RemoteSettings:
    """`parts` carry out settings of their own: `name` is theirs among the traces' settings, `read(traces)` gives what
    to `take` and what is not carried out, `effective()` what is in force, `install(when_imported)` makes ready, and
    `began(span)`, where there is one, is told of each span."""

    def __init__(self, parts=()):
        self._parts = tuple(parts)
        self._broken = {part: {} for part in self._parts}  # what this OpenTelemetry does not fit: {module or "": why}
        self._began = ()
        self._has_traces = True
        self._disabled = frozenset()
        self._fraction = None
        self._sampler = None
        self._level = None
        self._ignored = ()
        self._handler = None
        self._silence = None
        self._exports = {}

    # In force

    def drops(self, scope):
        """Whether an instrumentation scope makes no spans."""
        if not self._has_traces:
            return True
        return any(scope == name or scope == SCOPE_PREFIX + name or scope.startswith(name + ".")
                   for name in self._disabled)

    def effective(self):
        """What is in force, as JSON."""
        traces = {"enabled": self._has_traces, "disabledLibraries": sorted(self._disabled)}
        if self._fraction is not None:
            traces["fallbackFraction"] = self._fraction
        for part in self._parts:
            settings = part.effective()
            if settings:
                traces.setdefault(part.name, {}).update(settings)
        result = {"traces": traces}
        if self._level is not None:
            result["logLevel"] = self._level
        if self._ignored:
            result["notCarriedOut"] = list(self._ignored)
        return json.dumps(result, sort_keys=True)

    def apply(self, sections):
        """Carries the sections out; raises where they cannot be read, and then changes nothing."""
        sdk = _dictionary(sections.get("SDK"), "SDK")
        container = _dictionary(sections.get("container_config"), "container_config")
        language = _dictionary(sections.get(""), "the section of the language")
        libraries = sections.get("InstrumentationLibraries") or []
        disabled = frozenset(
            library["name"] for library in libraries if library.get("traces", {}).get("enabled") is False)
        fraction = _fraction(container, language)
        diagnostics = _dictionary(container.get("agentDiagnostics"), "agentDiagnostics")
        level = diagnostics.get("odigosLogLevel") or diagnostics.get("openTelemetryComponentsLogLevel")
        if level is not None and level not in LEVELS:
            raise ValueError(f"the log level {level!r} is none of {', '.join(LEVELS)}")
        sampler = None
        if fraction is not None:
            from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

            sampler = ParentBased(TraceIdRatioBased(fraction))
        traces = {name: language[name] for name in OF_LANGUAGE if language.get(name) is not None}
        traces.update(_dictionary(container.get("traces"), "traces"))
        taken = [(part, *self._read(part, traces)) for part in self._parts]
        for part, settings, _ in taken:
            part.take(settings)
        self._has_traces = _dictionary(sdk.get("traceSignal"), "traceSignal").get("enabled") is not False
        self._disabled, self._fraction, self._sampler = disabled, fraction, sampler
        ignored = {f"traces.{part.name}.{setting}" for part, _, settings in taken for setting in settings}
        self._ignored = tuple(sorted(ignored.union(_ignored(container), _ignored_of_libraries(language))))
        self._set_level(level)

    def _read(self, part, traces):
        settings, ignored = part.read({part.name: _dictionary(traces.get(part.name), part.name)})
        broken = self._broken[part] if settings else {}
        if "" in broken:
            settings = part.read({})[0]
        return settings, [*ignored, *(f"{where or 'all'}: {error}" for where, error in broken.items())]

    def _set_level(self, level):
        if level == self._level:
            return
        logger = logging.getLogger("opentelemetry")
        if self._silence is None:
            self._silence = logger.level
        if level is None:
            logger.setLevel(self._silence)
            logger.removeHandler(self._handler)
        else:
            if self._handler is None:
                self._handler = logging.StreamHandler(sys.__stderr__)
            if self._handler not in logger.handlers:
                logger.addHandler(self._handler)
            logger.setLevel(LEVELS[level])
        self._level = level

    # OpenTelemetry

    def install(self):
        """Puts itself between OpenTelemetry's SDK and its users; call it before the SDK is set up."""
        self._install_parts()
        from opentelemetry.sdk import trace
        from opentelemetry.sdk.trace.sampling import Sampler
        from opentelemetry.trace import NonRecordingSpan, get_current_span

        settings = self

        class Gate(Sampler):
            def __init__(self, inner):
                self._inner = inner

            def should_sample(self, *arguments, **named):
                return (settings._sampler or self._inner).should_sample(*arguments, **named)

            def get_description(self):
                return (settings._sampler or self._inner).get_description()

        initialize, start = trace.TracerProvider.__init__, trace.Tracer.start_span

        def initialize_gated(provider, *arguments, **named):
            initialize(provider, *arguments, **named)
            provider.sampler = Gate(provider.sampler)

        # of the class, for a provider gives the same tracer again to who asks for it again
        def start_gated_span(tracer, name, context=None, *arguments, **named):
            if settings.drops(tracer._instrumentation_scope.name or ""):
                return NonRecordingSpan(get_current_span(context).get_span_context())
            span = start(tracer, name, context, *arguments, **named)
            if span.is_recording():
                settings._tell_parts(span)
            return span

        trace.TracerProvider.__init__ = initialize_gated
        trace.Tracer.start_span = start_gated_span
        self._watch_exports()

    def _install_parts(self):
        from wrapt import register_post_import_hook

        def trying(part, name, work):
            def tried(*arguments):
                try:
                    work(*arguments)
                except Exception as error:
                    self._broken[part][name] = f"{type(error).__name__}: {error}"

            return tried

        for part in self._parts:
            def when_imported(name, work, part=part):
                register_post_import_hook(trying(part, name, work), name)

            trying(part, "", part.install)(when_imported)
        self._began = tuple(
            part.began for part in self._parts if hasattr(part, "began") and "" not in self._broken[part])

    def _tell_parts(self, span):
        for began in self._began:
            try:
                began(span)
            except Exception:  # the span, and what it is about, go on
                pass

    def _watch_exports(self):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        export = OTLPSpanExporter.export

        def watched(exporter, *arguments, **named):
            result = export(exporter, *arguments, **named)
            is_sent = getattr(result, "name", "SUCCESS") == "SUCCESS"
            self._exports["exporter/otlp"] = (
                is_sent, "" if is_sent else f"spans cannot be sent to {getattr(exporter, '_endpoint', 'the collector')}")
            return result

        OTLPSpanExporter.export = watched

    def components(self):
        """The health of the parts that run: {name: (healthy, error)}."""
        from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

        found = dict(self._exports)
        for kind in BaseInstrumentor.__subclasses__():
            instance = getattr(kind, "_instance", None)
            if instance is not None and getattr(instance, "is_instrumented_by_opentelemetry", False):
                found[kind.__module__] = (True, "")
        return found


def _dictionary(value, name):
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no object")
    return value


def _fraction(container, language):
    sampling = _dictionary(_dictionary(container.get("traces"), "traces").get("headSampling"), "headSampling")
    if sampling.get("dryRun"):
        return None
    fraction = sampling.get("fallbackFraction")
    if fraction is None:
        fraction = _dictionary(language.get("headSamplerConfig"), "headSamplerConfig").get("fallbackFraction")
    if fraction is None:
        return None
    fraction = float(fraction)
    if not 0 <= fraction <= 1:
        raise ValueError(f"the fraction {fraction} is not between 0 and 1")
    return fraction


def _ignored_of_libraries(language):
    """What is wanted of one library alone, but for whether it makes spans."""
    for library in language.get("instrumentationLibraryConfigs") or ():
        for setting in OF_LANGUAGE:
            if library.get(setting):
                yield f"instrumentationLibraries.{setting}"


def _ignored(container):
    """The settings that came and are not carried out."""
    for name, value in container.items():
        if name in IDENTITY or not value:
            continue
        for setting in value if isinstance(value, dict) else ():
            if setting == "traceVerbosity" or setting in KNOWN.get(name, ()):
                continue
            yield f"{name}.{setting}"
    sampling = (container.get("traces") or {}).get("headSampling") or {}
    if sampling.get("noisyOperations"):
        yield "traces.headSampling.noisyOperations"
