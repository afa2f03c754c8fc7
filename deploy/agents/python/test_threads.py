"""Tests of the agent's threads: what a program that forks by other ways than Python's, or waits for signals, must not
notice of them; see test_agent.py for what it needs.
"""
import socket
import threading
import unittest
from contextlib import ExitStack

from test_agent import AgentTests, Sink
from test_opamp import QUERY, WAIT, Server, field

# The agent's thread and OpenTelemetry's, once they wait, wait longer than a test takes.
RARELY = field(4, field(2, field(4, 300)))
RARE = {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_METRIC_EXPORT_INTERVAL": "600000"}
# A fork that Python does not know of, as uWSGI makes it, and the wait for its end. No other thread may want Python's global
# lock at that moment: it would leave the lock in a state that no Python survives. Who does not want it has used the time
# in which it was free, and sleeps.
FORK = """
import ctypes, os, signal, sys, threading, time
def others():
    for thread in os.listdir("/proc/self/task"):
        if int(thread) != threading.get_native_id():
            with open(f"/proc/self/task/{thread}/stat") as file:
                yield thread, file.read().rpartition(")")[2].split()[0]
    for thread, frame in sys._current_frames().items():
        if thread != threading.get_ident():
            yield thread, (frame.f_code, frame.f_lasti)
def fork():
    before = None
    while True:
        try:
            now = dict(others())
        except OSError:
            now = None
        if now is not None and now == before and not set("RDZX") & {state for state in now.values() if isinstance(state, str)}:
            return ctypes.PyDLL(None).fork()
        before = now
        time.sleep(0.02)
def ended(pid):
    deadline = time.monotonic() + 45
    while time.monotonic() < deadline:
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return True
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False
"""
SIGNALS = """
import signal
def receive():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    os.kill(os.getpid(), signal.SIGTERM)
    print(signal.sigtimedwait({signal.SIGTERM}, 20).si_signo, flush=True)
"""
AWAY = "http://127.0.0.1:9"


class ThreadTests(unittest.TestCase):
    run_program = AgentTests.run_program

    def test_a_process_that_was_forked_behind_pythons_back_ends_as_soon(self):
        source = WAIT + FORK + """
if "EVENTS" in os.environ:
    wait("heard")
pid = fork()
if pid == 0:
    sys.exit(3)
print(ended(pid))
"""
        with Server(lambda server, _: server.tell("heard") or RARELY) as server:
            for variables in ({"OTEL_EXPORTER_OTLP_ENDPOINT": AWAY}, server.variables):
                ran = self.run_program(source, **variables, **RARE)
                self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "True\n", ""))

    def test_one_that_does_nothing_does_not_say_goodbye_for_its_parent(self):
        with Server(lambda server, _: server.tell("heard") or RARELY) as server:
            ran = self.run_program(WAIT + FORK + """
wait("heard")
pid = fork()
if pid == 0:
    sys.exit(3)
print(ended(pid))
""", **server.variables, **RARE)
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "True\n", ""))
        self.assertEqual(server.failures, [])
        self.assertEqual(len({message.uid for message in server.messages}), 1)
        self.assertEqual([message.is_goodbye for message in server.messages], [False, True])

    def test_one_that_works_is_an_agent_of_its_own(self):
        def answer(server, message):
            server.tell("first")
            if len({message.uid for message in server.messages}) == 2:
                server.tell("both")
            return RARELY

        with Sink() as sink, Server(answer) as server:
            ran = self.run_program(WAIT + FORK + QUERY + """
work("of the parent")
wait("first")
pid = fork()
if pid == 0:
    work("of the child")
    wait("both")
    sys.exit()
print(os.getpid(), pid, ended(pid))
""", **{**server.variables, **RARE, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint})
        parent, child, is_ended = ran.stdout.split()
        self.assertEqual((ran.returncode, is_ended, ran.stderr, server.failures), (0, "True", "", []))
        uids = {message.attributes["process.vpid"]: message.uid for message in server.messages if message.attributes}
        self.assertEqual(set(uids), {int(parent), int(child)})
        self.assertEqual({message.uid for message in server.messages if message.is_goodbye}, set(uids.values()))
        self.assertEqual(sorted(span["name"] for span in sink.spans),
                         ["of the child", "of the parent", "select", "select"])

    def test_a_fork_while_an_answer_is_on_its_way_does_not_hang(self):
        def begin_to_answer():
            while True:
                connection, _ = listening.accept()
                connections.callback(connection.close)
                connection.recv(1 << 16)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun")

        with ExitStack() as connections, socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            threading.Thread(target=begin_to_answer, daemon=True).start()
            server = "127.0.0.1:%d" % listening.getsockname()[1]
            ran = self.run_program(FORK + """
import sys
def calls(frame):
    return [frame.f_code.co_name, *calls(frame.f_back)] if frame else []
def reads_answer():
    return any(names[:1] == ["readinto"] and "read" in names for names in map(calls, sys._current_frames().values()))
while not reads_answer():
    time.sleep(0.001)
pid = os.fork()
if pid == 0:
    os._exit(0)
print(ended(pid))
""", ODIGOS_OPAMP_SERVER_HOST=server, OTEL_EXPORTER_OTLP_ENDPOINT=AWAY)
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "True\n", ""))

    def test_a_signal_that_the_program_blocks_is_there_for_it(self):
        in_child = "if pid == 0:\n    work('a')\n    receive()\n    os._exit(0)\nprint(os.waitpid(pid, 0)[1])"
        for source, printed in (("receive()", "15\n"), ("pid = os.fork()\n" + in_child, "15\n0\n"),
                                (FORK + "pid = fork()\n" + in_child, "15\n0\n")):
            with self.subTest(source), Server(lambda server, _: server.tell("heard") or RARELY) as server:
                ran = self.run_program(WAIT + "wait('heard')\n" + QUERY + SIGNALS + source, **server.variables, **RARE)
                self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, printed, ""))


del AgentTests  # which has a file of its own

if __name__ == "__main__":
    unittest.main()
