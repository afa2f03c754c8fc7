"""Tests of the Python agent in uWSGI, which forks without Python's hooks: Debian's, with Debian's Python; see test_agent.py
for what it needs.
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from contextlib import contextmanager

from test_agent import AGENT, DEADLINE, Sink
from test_opamp import INTERVAL, Server

HAS_UWSGI = shutil.which("uwsgi-core") and os.path.exists("/usr/lib/uwsgi/plugins/python3_plugin.so")
PROGRAM = """
import os, sqlite3
def application(environ, start_response):
    sqlite3.connect(":memory:").cursor().execute("select 1")
    start_response("200 OK", [("content-type", "text/plain")])
    return [str(os.getpid()).encode()]
"""


class Running:
    def __init__(self, process, path):
        self.process, self.path = process, path

    def ask(self):
        """Asks the program for the process that serves."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(DEADLINE)
            connection.connect(self.path)
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = connection.makefile("rb").read()
        return int(answer.rpartition(b"\r\n\r\n")[2])

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))


@unittest.skipUnless(HAS_UWSGI and sys.executable == "/usr/bin/python3", "there is no uWSGI for this Python")
class UWSGITests(unittest.TestCase):
    @contextmanager
    def uwsgi(self, *options, **variables):
        """Runs the program in uWSGI, whose end must not have said of anything that it went wrong."""
        with tempfile.TemporaryDirectory() as directory, open(os.path.join(directory, "log"), "w+") as log:
            with open(os.path.join(directory, "program.py"), "w") as file:
                file.write(PROGRAM)
            path = os.path.join(directory, "socket")
            process = subprocess.Popen(
                ["uwsgi-core", "--plugin", "python3", "--http-socket", path, "--wsgi-file", "program.py", "--need-app",
                 "--disable-logging", *options], cwd=directory, stdout=log, stderr=log, start_new_session=True,
                env={"PATH": os.environ["PATH"], "PYTHONPATH": AGENT, "OTEL_SERVICE_NAME": "shop",
                     "OTEL_BSP_SCHEDULE_DELAY": "10", **variables})
            try:
                while not os.path.exists(path) and process.poll() is None:
                    try:
                        process.wait(0.02)
                    except subprocess.TimeoutExpired:
                        pass
                yield Running(process, path)
                process.send_signal(signal.SIGINT)
                process.wait(DEADLINE)
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
                log.seek(0)
                said = log.read()
            self.assertNotIn("Traceback", said)

    def test_a_worker_that_replaces_another_serves_and_is_traced(self):
        for options in ((), ("--enable-threads",), ("--lazy-apps",), ("--py-call-osafterfork",)):
            with self.subTest(options), Sink() as sink, Server(lambda *_: INTERVAL) as server:
                with self.uwsgi("--master", *options, **{
                        **server.variables, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint}) as running:
                    seen = []
                    for _ in range(3):
                        worker = running.ask()
                        self.assertEqual(running.threads(), 1, "the master has none of the agent's threads")
                        # threads of a worker may run only while it serves
                        while not (sink.spans and worker in self.reported(server)):
                            self.assertEqual(running.ask(), worker)
                        seen.append(worker)
                        sink.spans.clear()
                        os.kill(worker, signal.SIGKILL)
                self.assertEqual(len(set(seen)), 3)
                self.assertEqual((server.failures, sink.failures), ([], []))

    def test_one_that_has_no_master_is_traced(self):
        with Sink() as sink, Server(lambda *_: INTERVAL) as server:
            with self.uwsgi(**{**server.variables, "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint}) as running:
                while not (sink.spans and running.process.pid in self.reported(server)):
                    self.assertEqual(running.ask(), running.process.pid)
            self.assertEqual({span["name"] for span in sink.spans}, {"select"})

    def reported(self, server):
        return {message.attributes["process.vpid"] for message in list(server.messages) if message.attributes}


if __name__ == "__main__":
    unittest.main()
