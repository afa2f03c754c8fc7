"""What Python runs first in an instrumented process: it starts OpenTelemetry and stays out of the application's way.

Python imports `sitecustomize` once at start, before the program; PYTHONPATH has put this one before all others. The
rules it keeps:

- The application's own packages win: the agent's directory moves from the front of the path to its end.
- A `sitecustomize` that the application or the distribution has is run as if this one were not there.
- Nothing is written to the application's output, and no failure of the agent reaches the program.
  OTEL_LOG_LEVEL=debug lets the agent write to standard error.
- An interpreter that is too old is left alone; therefore this file must be valid for every Python, even 2.7.
"""
import os
import sys

OLDEST = (3, 9)  # of the OpenTelemetry packages that lie beside this file


def _agent_directories():
    here = os.path.dirname(os.path.abspath(__file__))
    return here, os.path.join(here, "opentelemetry", "instrumentation", "auto_instrumentation")


def _leave_path(directories):
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") not in directories or not entry]


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


def _start():
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if os.environ.get("OTEL_LOG_LEVEL", "").lower() != "debug":
            _silence()
        # only this exporter is here, while OpenTelemetry's default is gRPC
        os.environ.setdefault("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        path = os.environ.get("PYTHONPATH")
        try:
            from opentelemetry.instrumentation.auto_instrumentation import initialize

            initialize()
        finally:
            if path is not None:  # which `initialize` has shortened; children of this process shall be traced too
                os.environ["PYTHONPATH"] = path


def _main():
    directories = _agent_directories()
    _leave_path(directories)
    try:
        _run_hidden_sitecustomize()
    finally:
        if sys.version_info >= OLDEST and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true":
            sys.path.append(directories[0])
            try:
                _start()
            except Exception:  # whatever it is, the program must run
                if os.environ.get("OTEL_LOG_LEVEL", "").lower() == "debug":
                    import traceback

                    traceback.print_exc()


_main()
