"""The threads of the agent, its own and OpenTelemetry's: what the program must not notice of them.

- They take no signals. The kernel gives one that the program blocks, to wait for it (`sigtimedwait`), to any thread that
  does not, and then ends the process.
- Only the thread that forks is there afterwards. Python has hooks for that, but a program may be forked without them, as
  uWSGI does: at its next span, or its end, the new process is noticed and begins anew. Else its end would wait for threads
  that only its parent has, for a minute.

It uses nothing but the standard library.
"""
import _signal as signals
import os
from _thread import allocate_lock, start_new_thread
from contextlib import contextmanager

_process = os.getpid  # before anybody puts something else in its place
# all but those that a thread brings upon itself
_SIGNALS = signals.valid_signals() - {
    signals.SIGBUS, signals.SIGFPE, signals.SIGILL, signals.SIGSEGV, signals.SIGSYS, signals.SIGTRAP}


@contextmanager
def _without_signals():
    """What is started here takes no signals."""
    before = signals.pthread_sigmask(signals.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signals.pthread_sigmask(signals.SIG_SETMASK, before)


class _Ended:
    """In the place of a thread that is not there."""

    daemon = True

    def join(self, timeout=None):
        pass

    def is_alive(self):
        return False


class Threads:
    def __init__(self):
        self._known = {_process()}
        self._renewals = []
        os.register_at_fork(after_in_child=self._know)

    def start(self, function, *arguments):
        """A thread that `threading` does not know."""
        with _without_signals():
            start_new_thread(function, arguments)

    def on_fork(self, renewal):
        """Calls it in each process that is forked, whether or not Python knows that: then when it is noticed."""
        os.register_at_fork(after_in_child=renewal)
        self._renewals.append(renewal)

    def look(self):
        """Notices that this process was forked without Python's hooks."""
        known, process = self._known, _process()
        if process in known:
            return
        try:
            known.pop()
        except KeyError:
            return  # another thread sees to it
        self._known = {process}
        for renewal in self._renewals:
            try:
                renewal()
            except Exception:  # the program goes on, and so do the others
                pass

    def _know(self):
        self._known = {_process()}

    # OpenTelemetry

    def install(self):
        """Call it before OpenTelemetry's SDK is set up."""
        from opentelemetry.sdk import resources, trace
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        try:
            from opentelemetry.sdk._shared_internal import BatchProcessor
        except ImportError:  # releases for Python 3.8
            from opentelemetry.sdk.trace.export import BatchSpanProcessor as BatchProcessor

        for kind in (BatchProcessor, PeriodicExportingMetricReader):
            kind.__init__ = _quiet(kind.__init__)
            kind._at_fork_reinit = _renewing(kind._at_fork_reinit)
        # whose threads end soon, but not before it returns
        resources.get_aggregated_resources = _quiet(resources.get_aggregated_resources)
        look, start = self.look, trace.Tracer.start_span

        def start_span(*arguments, **named):
            look()
            return start(*arguments, **named)

        trace.Tracer.start_span = start_span

    @contextmanager
    def following(self):
        """What OpenTelemetry's SDK wants to be called in a forked process is called there, whether or not Python knows."""
        register = os.register_at_fork

        def register_and_follow(**hooks):
            register(**hooks)
            renewal = hooks.get("after_in_child")
            if getattr(renewal, "__module__", "").startswith("opentelemetry."):
                self._renewals.append(renewal)

        os.register_at_fork = register_and_follow
        try:
            yield
        finally:
            os.register_at_fork = register


def _quiet(call):
    def call_without_signals(*arguments, **named):
        with _without_signals():
            return call(*arguments, **named)

    return call_without_signals


def _renewing(renew):
    def renew_without_signals(self):
        try:
            if hasattr(self, "_export_lock"):
                self._export_lock = allocate_lock()  # a thread of the parent may have held it
            with _without_signals():
                renew(self)
        except RuntimeError:
            # The process ends, or may have no more threads. OpenTelemetry would wait for one that does not run.
            from threading import Thread

            for name, value in list(vars(self).items()):
                if isinstance(value, Thread):
                    setattr(self, name, _Ended())

    return renew_without_signals
