"""The agent's side of OpAMP (opentelemetry.io/docs/specs/opamp): tells the node agent how the process is, and takes
configuration from it. `sitecustomize` loads it where the environment names a server. The rules that it keeps:

- It uses nothing but the standard library: it must be able to tell that OpenTelemetry's own packages do not load.
- It has one thread, which the program does not see (`threading` does not know it) and which never holds up its end.
- Nothing that goes wrong here reaches the program or its output.
- A process that was forked is an agent of its own.
"""
import atexit
import http.client
import json
import os
import platform
import random
import socket
import sys
import time
from _thread import allocate_lock

# Taken before the program runs: libraries for green threads put their own in these places.
_Socket, _connect_tcp, _sleep, _now = socket.socket, socket.create_connection, time.sleep, time.monotonic

SERVER_VARIABLE, SOCKET_VARIABLE = "ODIGOS_OPAMP_SERVER_HOST", "ODIGOS_OPAMP_UNIX_SOCKET"
PATH = "/v1/opamp"
TIMEOUT_SECONDS = 2.0
TIMEOUT_SECONDS_AT_EXIT = 0.3
FIRST_SECONDS = 1.0  # programs that end before, such as those of probes, are not worth an object in the cluster
INTERVAL_SECONDS = 30.0  # OpAMP's default, until the server says another
LONGEST_PAUSE_SECONDS = 30.0
LARGEST_ANSWER = 1 << 20
# reports status, effective configuration, health, status of configuration, heartbeats; accepts configuration and
# settings of the connection
CAPABILITIES = 0x1 | 0x2 | 0x4 | 0x100 | 0x800 | 0x1000 | 0x2000
APPLIED, FAILED = 1, 3
REPORT_FULL_STATE = 1
UNAVAILABLE = 2


def _varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field, value):
    return _varint(field << 3) + _varint(value)


def _fixed64(field, value):
    return _varint(field << 3 | 1) + value.to_bytes(8, "little")


def _bytes(field, value):
    if isinstance(value, str):
        value = value.encode("utf-8", "replace")
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _entry(field, key, value):
    return _bytes(field, _bytes(1, key) + _bytes(2, value))


def fields(data):
    """The fields of a protobuf message: (number, value) in order, value an int or bytes. Raises ValueError."""
    at, end = 0, len(data)

    def varint():
        nonlocal at
        value = shift = 0
        while at < end and shift < 70:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise ValueError("a number is cut off")

    while at < end:
        tag = varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, varint()
            continue
        size = 8 if kind == 1 else 4 if kind == 5 else varint() if kind == 2 else end + 1
        if at + size > end:
            raise ValueError("a field is cut off")
        yield tag >> 3, data[at:at + size]
        at += size


class _Connection(http.client.HTTPConnection):
    """To the Unix socket where there is one, else to the port."""

    def __init__(self, socket_path, server):
        super().__init__("localhost" if socket_path else server, timeout=TIMEOUT_SECONDS)
        self._socket_path = socket_path

    def connect(self):
        if not self._socket_path:
            self.sock = _connect_tcp((self.host, self.port or 80), self.timeout)
            return
        connected = _Socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connected.settimeout(self.timeout)
            connected.connect(self._socket_path)
        except BaseException:
            connected.close()
            raise
        self.sock = connected


class Agent:
    """One process as an OpAMP agent. `settings` takes configuration: see `odigos_remote.RemoteSettings`; `threads` is an
    `odigos_threads.Threads`."""

    def __init__(self, settings, threads, environment=os.environ):
        self._settings, self._threads = settings, threads
        self._environment = dict(environment)
        self._lock = allocate_lock()  # held while a message is under way; nothing of the program ever waits for it
        self._components = None
        self._failure, self._is_started = None, False
        self._begin()

    def start(self):
        """Begins to report, and goes on in processes that are forked."""
        self._threads.on_fork(self._forked)
        atexit.register(self._end)
        self._threads.start(self._run, FIRST_SECONDS)

    def started(self, components):
        """OpenTelemetry runs; `components()` tells the health of its parts: {name: (healthy, error)}."""
        self._components, self._is_started = components, True

    def failed(self, error):
        """OpenTelemetry does not run."""
        self._failure = f"{type(error).__name__}: {error}"

    # Life

    def _begin(self):
        self._uid = _uuid7()
        self._sequence = 0
        self._connection = None
        self._interval = INTERVAL_SECONDS
        self._is_full = True
        self._is_heard = False
        self._sent_health = self._sent_status = None
        self._status = None  # (hash, state, error) of the configuration that came last
        self._since = time.time_ns()

    def _forked(self):
        """Begins anew in a process that was forked. The parent's thread, which may have been anywhere, is not here."""
        self._lock = allocate_lock()
        try:
            status, connection = self._status, self._connection
            self._begin()
            self._status = status  # what was applied holds here, too
            if connection is not None and connection.sock is not None:
                # The parent goes on with its own descriptor of it. Python's objects above it may be locked by the
                # parent's thread for ever.
                os.close(connection.sock.detach())
            self._threads.start(self._run, FIRST_SECONDS)
        except Exception:
            pass

    def _run(self, pause):
        try:
            uid = self._uid
            failures = 0
            while True:
                _sleep(pause)
                with self._lock:
                    if uid != self._uid:
                        return  # this is another process's thread as seen in a fork, or the agent has ended
                    try:
                        pause = self._exchange()
                        uid = self._uid
                        failures = 0
                    except Exception:
                        self._close()
                        failures += 1
                        pause = min(2.0 ** failures, LONGEST_PAUSE_SECONDS) * random.uniform(0.75, 1.25)
        except BaseException:  # the interpreter ends
            pass

    def _end(self):
        """Says goodbye when the program ends, if that is quickly done."""
        self._threads.look()  # who has the parent's connection must not say that the parent goes
        if not self._lock.acquire(timeout=TIMEOUT_SECONDS_AT_EXIT):  # an exchange is under way, and takes longer
            return
        try:
            if self._is_heard and self._connection is not None and self._connection.sock is not None:
                self._connection.sock.settimeout(TIMEOUT_SECONDS_AT_EXIT)
                self._post(self._message(_bytes(9, b"")))
            self._close()
            self._uid = None
        except Exception:
            pass
        finally:
            self._lock.release()

    # Messages

    def _exchange(self):
        """One message and its answer; returns the seconds until the next."""
        health, status = self._health(), self._status
        body = b""
        is_full = self._is_full
        if is_full:
            body += _bytes(3, self._description())
        if is_full or health != self._sent_health:
            body += _bytes(5, self._encoded_health(health))
        if status is not None and (is_full or status != self._sent_status):
            body += _bytes(6, _bytes(1, _entry(1, "", _bytes(1, self._settings.effective()) +
                                               _bytes(2, "application/json"))))
            body += _bytes(7, _bytes(1, status[0]) + _number(2, status[1]) + _bytes(3, status[2]))
        self._is_full = False
        try:
            answer = self._post(self._message(body))
        except Exception:
            self._is_full = True
            raise
        self._sent_health, self._sent_status, self._is_heard = health, status, True
        return self._take(answer, is_full)

    def _message(self, body):
        self._sequence += 1
        return _bytes(1, self._uid) + _number(2, self._sequence) + _number(4, CAPABILITIES) + body

    def _post(self, body):
        if self._connection is None:
            path = self._environment.get(SOCKET_VARIABLE)
            server = self._environment.get(SERVER_VARIABLE)
            has_socket = bool(path) and (not server or os.path.exists(path))
            self._connection = _Connection(path if has_socket else None, server)
        self._connection.request("POST", PATH, body, {"Content-Type": "application/x-protobuf"})
        response = self._connection.getresponse()
        answer = response.read(LARGEST_ANSWER)
        if response.status != 200:
            raise OSError(f"status {response.status}")
        return answer

    def _close(self):
        connection, self._connection = self._connection, None
        self._is_full = True
        if connection is not None:
            connection.close()

    def _take(self, answer, was_full):
        """Does what an answer says; returns the seconds until the next message. What a server says again and again
        makes no haste."""
        pause = None
        for number, value in fields(answer):
            if number == 2:
                self._is_full = True
                error = dict(fields(value))
                wait = dict(fields(error.get(3, b""))).get(1, 0) / 1e9
                pause = max(wait, 1.0) if error.get(1) == UNAVAILABLE else LONGEST_PAUSE_SECONDS
            elif number == 3:
                before = self._status
                self._apply(value)
                if before is None or before[0] != self._status[0]:
                    pause = 0.0  # what became of it is told at once
            elif number == 4:
                seconds = dict(fields(dict(fields(value)).get(2, b""))).get(4, 0)
                if seconds:
                    self._interval = min(max(float(seconds), 1.0), 300.0)
            elif number == 6 and value & REPORT_FULL_STATE:
                self._is_full = True
                if pause is None and not was_full:
                    pause = 0.0
            elif number == 8:
                uid = dict(fields(value)).get(1)
                if uid:
                    self._uid, self._is_full = uid, True
        return self._interval if pause is None else pause

    def _apply(self, message):
        sections, digest = {}, b""
        for number, value in fields(message):
            if number == 1:
                for _, entry in fields(value):
                    entry = dict(fields(entry))
                    sections[entry.get(1, b"").decode()] = dict(fields(entry.get(2, b""))).get(1, b"")
            elif number == 2:
                digest = value
        try:
            self._settings.apply({name: json.loads(body or b"null") for name, body in sections.items()})
            self._status = (digest, APPLIED, "")
        except Exception as error:
            self._status = (digest, FAILED, f"{type(error).__name__}: {error}")

    # What is told

    def _description(self):
        environment = self._environment.get
        identifying = (
            ("telemetry.sdk.language", "python"), ("process.vpid", os.getpid()),
            ("k8s.namespace.name", environment("ODIGOS_WORKLOAD_NAMESPACE")),
            ("k8s.pod.name", environment("ODIGOS_POD_NAME")),
            ("k8s.container.name", environment("ODIGOS_CONTAINER_NAME")),
        )
        others = (
            ("process.runtime.name", platform.python_implementation().lower()),
            ("process.runtime.version", platform.python_version()),
            ("process.executable.path", sys.executable),
            ("process.parent_pid", os.getppid()),
            ("service.name", environment("OTEL_SERVICE_NAME")),
            ("telemetry.distro.name", environment("ODIGOS_DISTRO_NAME")),
        )

        def attributes(field, pairs):
            for key, value in pairs:
                if value not in (None, ""):
                    encoded = _number(3, value) if isinstance(value, int) else _bytes(1, value)
                    yield _bytes(field, _bytes(1, key) + _bytes(2, encoded))

        return b"".join((*attributes(1, identifying), *attributes(2, others)))

    def _health(self):
        """(healthy, status, error, components)"""
        if self._failure is not None:
            return False, "AgentFailure", self._failure, ()
        if not self._is_started:
            return False, "Starting", "OpenTelemetry is being set up", ()
        return True, "Healthy", "", tuple(sorted(self._components().items()))

    def _encoded_health(self, health):
        is_healthy, status, error, components = health
        body = _number(1, is_healthy) + _fixed64(2, self._since) + _bytes(3, error) + _bytes(4, status)
        body += _fixed64(5, time.time_ns())
        for name, (is_sound, message) in components:
            body += _entry(6, name, _number(1, is_sound) + _bytes(3, message))
        return body


def _uuid7():
    """A UUID of version 7 (RFC 9562): the time in milliseconds, then chance."""
    uid = bytearray((time.time_ns() // 1_000_000).to_bytes(6, "big") + os.urandom(10))
    uid[6] = uid[6] & 0x0F | 0x70
    uid[8] = uid[8] & 0x3F | 0x80
    return bytes(uid)
