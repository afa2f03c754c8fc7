"""The threads of the agent, its own and OpenTelemetry's: what the program must not notice of them.

- They take no signals. The kernel gives one that the program blocks, to wait for it (`sigtimedwait`), to any thread that
  does not, and then ends the process.
- Only the thread that forks is there afterwards. Python has hooks for that, but a program may be forked without them, as
  uWSGI does: at its next span, or its end, the new process is noticed and begins anew. Else its end would wait for threads
  that only its parent has, for a minute.
- uWSGI's master has none. It forks while it holds Python's global lock, and a thread that waits for the lock then leaves
  it in a state in which the new process hangs at its first line of Python, for ever. In uWSGI threads begin with a
  worker's first span.

It uses nothing but the standard library.
"""
import _signal as signals
import os
import sys
from _thread import allocate_lock, get_ident, start_new_thread
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


@contextmanager
def _without_starting():
    """No thread is started by what is called here."""
    from threading import Thread

    start, caller = vars(Thread)["start"], get_ident()

    def start_of_others(thread):
        if get_ident() != caller:
            start.__get__(thread, Thread)()

    Thread.start = start_of_others
    try:
        yield
    finally:
        Thread.start = start


def _is_uwsgi():
    """Whether this process is uWSGI with Python in it, or Python with uWSGI in it (pyuwsgi). Its module `uwsgi` is not
    there yet when the agent starts."""
    try:
        with open("/proc/self/cmdline", "rb") as file:
            words = file.read().split(b"\0")[1:]
        program = next((word for word in words if not word.startswith(b"-")), b"")
        return (os.path.basename(os.readlink("/proc/self/exe")).startswith("uwsgi")
                or os.path.basename(program) in (b"uwsgi", b"pyuwsgi"))
    except OSError:
        return False


def _is_worker():
    """Whether a process that looked like uWSGI when it began is one of its workers; or not uWSGI after all."""
    module = sys.modules.get("uwsgi")
    return not hasattr(module, "worker_id") or module.worker_id() > 0


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
        self._is_held = _is_uwsgi()  # no thread begins before a fork or a worker's span
        self._is_following = False
        os.register_at_fork(after_in_child=self._know)

    def start(self, function, *arguments):
        """A thread that `threading` does not know. Where none may be yet, `on_fork`'s renewal has to start it."""
        if self._is_held:
            return
        with _without_signals():
            start_new_thread(function, arguments)

    def on_fork(self, renewal):
        """Calls it in each process that is forked, whether or not Python knows that: then when it is noticed."""
        os.register_at_fork(after_in_child=renewal)
        self._renewals.append(renewal)

    def look(self):
        """Notices that this process was forked without Python's hooks, or is the first of uWSGI's to serve."""
        known, process = self._known, _process()
        if process in known and not (self._is_held and _is_worker()):
            return
        try:
            known.pop()
        except KeyError:
            return  # another thread sees to it
        self._known, self._is_held = {process}, False
        for renewal in self._renewals:
            try:
                renewal()
            except Exception:  # the program goes on, and so do the others
                pass

    def _know(self):
        self._known, self._is_held = {_process()}, False

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
            kind.__init__ = self._beginning(kind.__init__)
            kind._at_fork_reinit = _renewing(kind._at_fork_reinit)
        # whose threads end soon, but not before it returns
        resources.get_aggregated_resources = _quiet(resources.get_aggregated_resources)
        look, start = self.look, trace.Tracer.start_span

        def start_span(*arguments, **named):
            look()
            return start(*arguments, **named)

        trace.Tracer.start_span = start_span

    def _beginning(self, initialize):
        """How a part of the SDK that has a thread begins."""
        quiet = _quiet(initialize)

        def begin(part, *arguments, **named):
            if not self._is_held:
                return quiet(part, *arguments, **named)
            with self.following(), _without_starting():
                initialize(part, *arguments, **named)
            _take_threads(part)

        return begin

    @contextmanager
    def following(self):
        """What OpenTelemetry's SDK wants to be called in a forked process is called there, whether or not Python knows."""
        if self._is_following:
            yield
            return
        register = os.register_at_fork

        def register_and_follow(**hooks):
            register(**hooks)
            renewal = hooks.get("after_in_child")
            if getattr(renewal, "__module__", "").startswith("opentelemetry."):
                self._renewals.append(renewal)

        os.register_at_fork, self._is_following = register_and_follow, True
        try:
            yield
        finally:
            os.register_at_fork, self._is_following = register, False


def _quiet(call):
    def call_without_signals(*arguments, **named):
        with _without_signals():
            return call(*arguments, **named)

    return call_without_signals


def _take_threads(part):
    """Puts ended threads where a part of OpenTelemetry has some that do not run; it would wait for them."""
    from threading import Thread

    for name, value in list(vars(part).items()):
        if isinstance(value, Thread):
            setattr(part, name, _Ended())


def _renewing(renew):
    def renew_without_signals(self):
        try:
            if hasattr(self, "_export_lock"):
                self._export_lock = allocate_lock()  # a thread of the parent may have held it
            with _without_signals():
                renew(self)
        except RuntimeError:
            _take_threads(self)  # the process ends, or may have no more threads

    return renew_without_signals
