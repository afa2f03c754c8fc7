"""What Python runs first in an instrumented process: it starts OpenTelemetry and stays out of the application's way.

Python imports `sitecustomize` once at start, before the program; PYTHONPATH has put this one before all others. The
rules it keeps:

- The application's own packages win: what OpenTelemetry needs lies at the end of the path. OpenTelemetry itself, which
  applications have too and which must be of one piece, comes from where its API is newer (odigos_packages.py).
- A `sitecustomize` that the application or the distribution has is run as if this one were not there.
- Nothing is written to the application's output, no failure of the agent reaches the program, and a collector that
  is away does not hold up its end. OTEL_LOG_LEVEL=debug lets the agent write to standard error.
- Where the environment names an OpAMP server, the node agent is told how the process is, and may change settings while
  it runs (odigos_opamp.py, odigos_remote.py and what this says).
- Threads take no signals of the program, begin anew where it is forked (odigos_threads.py), and are in none of its lists
  (odigos_listing.py).
- Package managers, and processes with little address space, are left alone (odigos_program.py).
- An interpreter that is too old is left alone; therefore this file must be valid for every Python, even 2.7.
"""
import os
import sys

# directories with packages for a Python and what follows it, below this file's own; the newest first. This file has
# two places, each with some of them.
PACKAGES = (((3, 10), ""), ((3, 9), "python3.9"), ((3, 8), "python3.8"))
DEFAULTS = {
    # only this exporter is here, while OpenTelemetry's default is gRPC
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    # Logs are read where the container's runtime puts them. A handler at the root of `logging` would change what the
    # application prints: without one, warnings go to standard error.
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION": "false",
}
SERVERS = ("ODIGOS_OPAMP_UNIX_SOCKET", "ODIGOS_OPAMP_SERVER_HOST")  # of OpAMP
EXPORT_SECONDS_AT_EXIT = 1.0  # for the last export, which the end of the program waits for

_path = os.path.dirname(os.path.abspath(__file__))
# The directory itself: a node whose agents are upgraded gives the path to others, and a process must not mix them.
_here = os.path.realpath(_path)
_debug = os.environ.get("OTEL_LOG_LEVEL", "").lower() == "debug"


def _leave_path():
    def ours(entry):
        return entry and (os.path.abspath(entry) + os.sep).startswith((_here + os.sep, _path + os.sep))

    sys.path[:] = [entry for entry in sys.path if not ours(entry)]


def _run_hidden_sitecustomize():
    """Runs the `sitecustomize` that would have run without the agent."""
    ours = sys.modules.pop("sitecustomize", None)
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if getattr(error, "name", "sitecustomize") != "sitecustomize":
            raise
    finally:
        if ours is not None:
            # the import system expects the module that it is loading to be there afterwards
            sys.modules.setdefault("sitecustomize", ours)


def _silence():
    """The SDK reports through `logging`, whose last resort is standard error."""
    import logging

    logger = logging.getLogger("opentelemetry")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    logger.setLevel(logging.CRITICAL + 1)

    from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value

    class NotWhileExporting(logging.Filter):
        def filter(self, record):
            return not get_value(_SUPPRESS_INSTRUMENTATION_KEY)

    # a program that logs at DEBUG would see the connections of the exporter
    for name in ("urllib3.connectionpool", "urllib3.util.retry"):
        logging.getLogger(name).addFilter(NotWhileExporting())


def _end_soon(threads):
    """Makes the exporters try once, for a short time, when the program ends. Returns what to call before all is set up.

    The SDK exports what is left when the program ends, and retries for up to ten seconds a signal.
    """
    import threading
    import weakref

    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    exporters = weakref.WeakSet()
    ends = threading.Event()

    def remembering(initializer):
        def initialize(self, *arguments, **named):
            initializer(self, *arguments, **named)
            exporters.add(self)

        return initialize

    for kind in (OTLPSpanExporter, OTLPMetricExporter, OTLPLogExporter):
        kind.__init__ = remembering(kind.__init__)
        module = sys.modules[kind.__module__]
        if hasattr(module, "sleep"):  # how releases for Python 3.8 wait for the next attempt
            module.sleep = ends.wait

    def at_exit():
        threads.look()
        ends.set()
        for exporter in list(exporters):
            if hasattr(exporter, "_MAX_RETRY_TIMEOUT"):
                exporter._MAX_RETRY_TIMEOUT = 2  # the second wait of those releases, which they end at
            sender = getattr(exporter, "_client", exporter)  # which it is depends on the release
            sender._timeout = min(sender._timeout, EXPORT_SECONDS_AT_EXIT)
            for event in vars(sender).values():
                if isinstance(event, threading.Event):  # ends a wait for the next attempt, and there is no other
                    event.set()

    return at_exit


def _load(name):
    """A module from beside this file, which is not on the path."""
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(name, os.path.join(_here, name + ".py"))
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _connect(threads):
    """The settings that the node agent may change, and what reports to it; without a server nothing is there."""
    if not any(os.environ.get(name) for name in SERVERS):
        return None, None
    try:
        parts = (_load("odigos_headers").Headers(), _load("odigos_payloads").Payloads(),
                 _load("odigos_queries").Queries(), _load("odigos_code").Code(_path))
        settings = _load("odigos_remote").RemoteSettings(parts)
        agent = _load("odigos_opamp").Agent(settings, threads)
        agent.start()
        return settings, agent
    except Exception:
        if _debug:
            import traceback

            traceback.print_exc()
        return None, None


def _django_later():
    """Makes Django be instrumented when it reads its middleware. Returns what to call before all is set up.

    OpenTelemetry's way looks at Django's settings now. They are not there before the program has said which they are,
    as most do in their own code (`manage.py`, `wsgi.py`); it then takes Django's defaults, for good, and the program
    does not find its own any more.
    """
    import functools

    name = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
    disabled = os.environ.get(name)
    is_wanted = "django" not in [word.strip() for word in (disabled or "").split(",")]
    os.environ[name] = disabled + ",django" if disabled else "django"

    def instrument(module):
        load = module.BaseHandler.load_middleware

        @functools.wraps(load)
        def load_middleware(self, *arguments, **named):
            if module.BaseHandler.load_middleware is load_middleware:
                module.BaseHandler.load_middleware = load
                try:
                    from opentelemetry.instrumentation.django import DjangoInstrumentor

                    DjangoInstrumentor().instrument()
                except Exception:
                    if _debug:
                        import traceback

                        traceback.print_exc()
            return load(self, *arguments, **named)

        module.BaseHandler.load_middleware = load_middleware

    def settled():
        if disabled is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = disabled

    if is_wanted:
        from wrapt import register_post_import_hook

        register_post_import_hook(instrument, "django.core.handlers.base")
    return settled


def _initialize(module):
    """Sets all up, and raises where that fails."""
    if "swallow_exceptions" in (module.initialize.__kwdefaults__ or ()):
        module.initialize(swallow_exceptions=False)
        return
    # releases for Python 3.8 would only log it
    distribution = module._load_distro()
    distribution.configure()
    module._load_configurators()
    module._load_instrumentors(distribution)


def _start(settings, threads):
    import atexit
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not _debug:
            _silence()
        for name, value in DEFAULTS.items():
            os.environ.setdefault(name, value)
        path = os.environ.get("PYTHONPATH")
        at_exit = None
        settled = _django_later()
        try:
            from opentelemetry.instrumentation import auto_instrumentation

            at_exit = _end_soon(threads)
            if settings is not None:
                settings.install()
            threads.install()
            listing = _load("odigos_listing").Listing()
            listing.install()
            with threads.following(), listing.agents():
                _initialize(auto_instrumentation)
        finally:
            settled()
            if path is not None:  # which `initialize` has shortened; children of this process shall be traced too
                os.environ["PYTHONPATH"] = path
            if at_exit is not None:
                atexit.register(at_exit)  # the last to be registered is the first to be called


def _keep_quiet_about_forks():
    """From Python 3.12 a program that forks is warned where its process has threads, and those of the agent count."""
    import warnings

    warnings.filterwarnings("ignore", r"This process \(pid=\d+\) is multi-threaded, use of fork", DeprecationWarning)


def _trace(packages):
    agent = None
    try:
        if _load("odigos_program").is_left_alone():
            return
        threads = _load("odigos_threads").Threads()
        settings, agent = _connect(threads)
        settled = _load("odigos_packages").enter(os.path.join(_here, packages).rstrip(os.sep))
        try:
            _start(settings, threads)
        finally:
            settled()
        if sys.version_info >= (3, 12):
            _keep_quiet_about_forks()
        if agent is not None:
            agent.started(settings.components)
    except Exception as error:  # whatever it is, the program must run
        if agent is not None:
            agent.failed(error)
        if _debug:
            import traceback

            traceback.print_exc()


def _main():
    _leave_path()
    try:
        _run_hidden_sitecustomize()
    finally:
        packages = next((directory for oldest, directory in PACKAGES if sys.version_info >= oldest), None)
        if packages is not None and not os.path.isdir(os.path.join(_here, packages, "opentelemetry")):
            packages = None
        if packages is not None and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true":
            _trace(packages)


_main()
