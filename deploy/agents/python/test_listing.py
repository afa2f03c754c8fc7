"""Tests of the threads that a program finds when it asks `threading`; see test_agent.py for what it needs."""
import unittest

from test_agent import AgentTests
from test_opamp import QUERY, WAIT, Server

SPAN = "import sqlite3, threading, time\nsqlite3.connect(':memory:').cursor().execute('select 1')\n"
WORK = "threading.Thread(target=lambda: time.sleep(0.1) or print('work')).start()\n"
# How programs wait for what they have begun, and what else they ask.
PROGRAMS = {
    "counts": WORK + "while threading.active_count() > 1: time.sleep(0.02)",
    "joins": WORK + """
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join()
""",
    "asks": """
import os, pickle, warnings
warnings.simplefilter("ignore")
class Odd(threading.Thread):
    __eq__ = lambda self, other: 1 / 0
    __hash__ = threading.Thread.__hash__
    def __getattr__(self, name):
        print("asked for", name)
        raise AttributeError(name)
done = threading.Event()
odd = Odd(target=done.wait, name="odd")
odd.start()
print([thread.name for thread in threading.enumerate()], threading.active_count(), threading.activeCount())
for function in (threading.enumerate, threading.active_count, threading.activeCount):
    print(function.__name__, function.__module__, function.__doc__, pickle.loads(pickle.dumps(function)) is function)
done.set()
odd.join()
pid = os.fork()
if pid == 0:
    sqlite3.connect(":memory:").cursor().execute("select 1")
    print(threading.enumerate() == [threading.current_thread()], threading.active_count(), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
""",
}


class ListingTests(unittest.TestCase):
    run_program, assert_same = AgentTests.run_program, AgentTests.assert_same

    def test_programs_find_their_own_threads_alone(self):
        for name, source in PROGRAMS.items():
            with self.subTest(name):
                self.assertEqual(self.assert_same(SPAN + source).returncode, 0)

    def test_so_do_they_where_the_agent_has_reported(self):
        source = "print(threading.enumerate() == [threading.main_thread()], threading.active_count())"
        with Server(lambda server, _: server.tell("heard") or b"") as server:
            ran = self.run_program(WAIT + SPAN + "wait('heard')\n" + source, **server.variables)
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, "True 1\n", ""))

    def test_the_agents_threads_run_all_the_same(self):
        ran = self.run_program("import threading\nprint(sorted(t.name[:4] for t in threading._enumerate()))",
                               OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
        self.assertEqual(ran.stdout, "['Main', 'Otel', 'Otel']\n")

    def test_those_of_a_program_that_sets_up_opentelemetry_itself_stay(self):
        ran = self.run_program(QUERY + """
import os, threading
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
processor = BatchSpanProcessor(ConsoleSpanExporter())
print(len(threading.enumerate()), threading.active_count(), flush=True)
pid = os.fork()
if pid == 0:
    print(len(threading.enumerate()), threading.active_count(), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
processor.shutdown()
print(threading.active_count())
""", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
        self.assertEqual((ran.stdout, ran.stderr), ("2 2\n2 2\n1\n", ""))


del AgentTests  # which has a file of its own

if __name__ == "__main__":
    unittest.main()
