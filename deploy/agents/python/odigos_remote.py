"""What of the configuration that the node agent sends is carried out while the process runs:

    SDK.traceSignal.enabled                              whether there are spans at all
    InstrumentationLibraries[] {name, traces.enabled}    whether a library makes spans
    container_config.traces.headSampling.fallbackFraction, or headSamplerConfig.fallbackFraction of the section without
    a name                                               which part of the traces that begin here is kept
    container_config.agentDiagnostics.*LogLevel          whether the agent writes to standard error, and how much

`effective` says what is in force and which other settings came and are not carried out. A span that is not made leaves
the trace in one piece: what would be below it hangs below its parent.
"""
import json
import logging
import sys

LEVELS = {"error": logging.ERROR, "warn": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
# of the container's entry: what is carried out, and what is no setting of the agent
KNOWN = {"traces": {"headSampling"}, "agentDiagnostics": {"odigosLogLevel", "openTelemetryComponentsLogLevel"}}
IDENTITY = {"containerName", "agentEnabled", "agentEnabledReason", "agentEnabledMessage", "otelDistroName",
            "distroParams", "envInjectionMethod", "podManifestInjectionOptional"}
SCOPE_PREFIX = "opentelemetry.instrumentation."


class RemoteSettings:
    def __init__(self):
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
        self._has_traces = _dictionary(sdk.get("traceSignal"), "traceSignal").get("enabled") is not False
        self._disabled, self._fraction, self._sampler = disabled, fraction, sampler
        self._ignored = tuple(sorted(_ignored(container)))
        self._set_level(level)

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

        initialize, get_tracer = trace.TracerProvider.__init__, trace.TracerProvider.get_tracer

        def initialize_gated(provider, *arguments, **named):
            initialize(provider, *arguments, **named)
            provider.sampler = Gate(provider.sampler)

        def get_gated_tracer(provider, instrumenting_module_name, *arguments, **named):
            tracer = get_tracer(provider, instrumenting_module_name, *arguments, **named)
            if isinstance(tracer, trace.Tracer):
                start = tracer.start_span

                def start_span(name, context=None, *arguments, **named):
                    if settings.drops(instrumenting_module_name or ""):
                        return NonRecordingSpan(get_current_span(context).get_span_context())
                    return start(name, context, *arguments, **named)

                tracer.start_span = start_span
            return tracer

        trace.TracerProvider.__init__ = initialize_gated
        trace.TracerProvider.get_tracer = get_gated_tracer
        self._watch_exports()

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
