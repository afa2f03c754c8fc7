"""The lists of threads that a program asks `threading` for are without those of the agent: programs wait for all threads
that they find there, and OpenTelemetry's never end.

Those of a program that sets up OpenTelemetry itself stay in the lists, as without the agent. Nothing of a thread is asked
but which one it is, for a program's own may answer in any way. `threading` itself, in a fork or at the end of the
program, uses lists of its own, which stay whole.
"""
import threading
import weakref
from contextlib import contextmanager
from functools import wraps


class Listing:
    def __init__(self):
        self._hidden = {}  # by the thread's id(): a weak reference to it
        self._is_agents = False

    def install(self):
        """Call it before OpenTelemetry's SDK is set up, and after `odigos_threads.Threads.install`."""
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

        try:
            from opentelemetry.sdk._shared_internal import BatchProcessor
        except ImportError:  # releases for Python 3.8
            from opentelemetry.sdk.trace.export import BatchSpanProcessor as BatchProcessor

        for kind in (BatchProcessor, PeriodicExportingMetricReader):
            self._watch(kind)
        every, hidden = threading.enumerate, self._hidden

        @wraps(threading.enumerate)
        def enumerate():
            return [thread for thread in every() if not ((known := hidden.get(id(thread))) and known() is thread)]

        @wraps(threading.active_count)
        def active_count():
            return len(enumerate())

        if getattr(threading, "activeCount", None) is threading.active_count:  # before Python 3.10
            threading.activeCount = active_count
        threading.enumerate, threading.active_count = enumerate, active_count

    @contextmanager
    def agents(self):
        """What of OpenTelemetry is made here is the agent's."""
        self._is_agents = True
        try:
            yield
        finally:
            self._is_agents = False

    def _watch(self, kind):
        initialize, renew = kind.__init__, kind._at_fork_reinit
        parts = weakref.WeakSet()

        @wraps(initialize)
        def initialize_and_hide(part, *arguments, **named):
            initialize(part, *arguments, **named)
            if self._is_agents:
                parts.add(part)
                self._hide(part)

        @wraps(renew)
        def renew_and_hide(part):
            renew(part)
            if part in parts:
                self._hide(part)

        kind.__init__, kind._at_fork_reinit = initialize_and_hide, renew_and_hide

    def _hide(self, part):
        for thread in list(vars(part).values()):
            if isinstance(thread, threading.Thread):
                self._hidden[id(thread)] = weakref.ref(thread)
