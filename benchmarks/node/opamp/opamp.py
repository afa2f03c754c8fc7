"""400 agents of a node, and the API server that their node agent knows.

opamp.py serve PORT PODS    an API server whose InstrumentationConfigs change when /change is asked for
opamp.py measure ODIGLET PORT PODS AGENTS CGROUPS SOCKET
                            starts AGENTS processes in cgroups like those of the containers of PODS pods, each with the
                            client that Python processes have; prints what the node agent, the process ODIGLET, needs for
                            them, and how long a changed rule takes until each has it
"""
import http.server
import importlib.util
import json
import os
import pathlib
import queue
import select
import signal
import statistics
import sys
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from node import Objects, Server, container_id, pods, uid  # noqa: E402

DEADLINE = 60  # seconds
WATCHED = 3  # seconds, in which each agent sends one message
ROUNDS = 2
RULES = "instrumentationconfigs"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The API server


class Changing(Objects):
    def __init__(self, count):
        super().__init__(count)
        self.watchers, self.version, self.instances, self.writes, self.instance_writes = [], 1, set(), 0, 0
        self.last_instance = 0.0
        self.tell(100)

    def tell(self, percent):
        """Every container is told to keep that part of its traces."""
        self.version += 1
        for config in self.lists[RULES]:
            config["metadata"]["resourceVersion"] = str(self.version)
            config["spec"] = {"containers": [
                {"containerName": "app", "agentEnabled": True, "otelDistroName": "python-community",
                 "traces": {"headSampling": {"fallbackFraction": percent / 100}}}]}
            for watcher in self.watchers:
                watcher.put(json.dumps({"type": "MODIFIED", "object": config}).encode() + b"\n")


class ChangingServer(Server):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/instances":
            self.answer(200, len(self.objects.instances))
        elif path == "/last-instance":
            self.answer(200, self.objects.last_instance)
        elif path == "/writes":
            self.answer(200, self.objects.writes)
        elif path == "/instance-writes":
            self.answer(200, self.objects.instance_writes)
        elif path == "/change":
            self.objects.tell(int(query))
            self.answer(200, self.objects.version)
        elif path.endswith("/" + RULES) and "watch=" in query:
            self.watch()
        else:
            super().do_GET()

    def watch(self):
        events = queue.Queue()
        self.objects.watchers.append(events)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        while True:
            event = events.get()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            self.wfile.flush()

    def change(self):
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or "{}")
        if "/instrumentationinstances" in self.path:
            if body["metadata"]["name"] not in self.objects.instances:
                self.objects.last_instance = time.time()
            self.objects.instances.add(body["metadata"]["name"])
            self.objects.instance_writes += 1
        self.objects.writes += 1
        self.answer(200, body)

    do_PATCH = do_PUT = do_POST = change


def serve(port, count):
    Server.objects = Changing(count)
    http.server.ThreadingHTTPServer(("127.0.0.1", port), ChangingServer).serve_forever()


# The agents


class Settings:
    """Says when configuration has come."""

    def __init__(self, index, pipe):
        self.index, self.pipe, self.fraction = index, pipe, None

    def apply(self, sections):
        self.fraction = sections["container_config"]["traces"]["headSampling"]["fallbackFraction"]
        os.write(self.pipe, b"%d %d %d\n" % (self.index, round(self.fraction * 100), time.time_ns()))

    def effective(self):
        return json.dumps({"traces": {"fallbackFraction": self.fraction}})

    def components(self):
        return {"opentelemetry.instrumentation.flask": (True, ""), "exporter/otlp": (True, "")}


def be_agent(opamp, threads, pod, index, cgroup, socket, pipe):
    with open(os.path.join(cgroup, "cgroup.procs"), "w") as file:
        file.write(str(os.getpid()))
    settings = Settings(index, pipe)
    metadata = pod["metadata"]
    agent = opamp.Agent(settings, threads.Threads(), {
        opamp.SOCKET_VARIABLE: socket, "ODIGOS_POD_NAME": metadata["name"], "ODIGOS_CONTAINER_NAME": "app",
        "ODIGOS_WORKLOAD_NAMESPACE": metadata["namespace"], "ODIGOS_DISTRO_NAME": "python-community"})
    agent.started(settings.components)
    agent.start()
    while True:
        signal.pause()


class Agents:
    def __init__(self, total, count, cgroups, socket):
        self.base = os.path.join(cgroups, f"kubepods-bench-{os.getpid()}")
        self.cgroups, self.children, self.rest = [], [], b""
        self.pipe, end = os.pipe()
        python = HERE.parent.parent.parent / "deploy/agents/python"
        opamp, threads = load(python / "odigos_opamp.py"), load(python / "odigos_threads.py")
        for number, pod in enumerate(pods(count)):
            cgroup = os.path.join(self.base, f"pod{uid(number)}", container_id(number))
            os.makedirs(cgroup)
            self.cgroups.append(cgroup)
            for index in range(number * total // count, (number + 1) * total // count):
                child = os.fork()
                if child == 0:
                    be_agent(opamp, threads, pod, index, cgroup, socket, end)
                self.children.append(child)

    def wait_for(self, percent):
        """When each has been told so, in seconds since 1970."""
        times, deadline = {}, time.monotonic() + DEADLINE
        while len(times) < len(self.children):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.pipe], [], [], left)[0]:
                sys.exit(f"{len(times)} of {len(self.children)} agents have their configuration after {DEADLINE} s")
            *lines, self.rest = (self.rest + os.read(self.pipe, 1 << 16)).split(b"\n")
            for index, told, at in (map(int, line.split()) for line in lines):
                if told == percent:
                    times.setdefault(index, at / 1e9)
        return sorted(times.values())

    def end(self):
        for child in self.children:
            os.kill(child, signal.SIGKILL)
        for child in self.children:
            os.waitpid(child, 0)
        for cgroup in self.cgroups:
            os.rmdir(cgroup)
            os.rmdir(os.path.dirname(cgroup))
        os.rmdir(self.base)


class NodeAgent:
    def __init__(self, pid, port):
        self.pid, self.port = pid, port

    def cpu(self):
        """Seconds, of the threads that there are; finer than /proc/PID/stat."""
        total = 0
        for thread in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            try:
                total += int((thread / "schedstat").read_text().split()[0])
            except OSError:  # it has ended
                pass
        return total / 1e9

    def memory(self):
        with open(f"/proc/{self.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024

    def percent(self):
        """Of a core, over some seconds, once what is under way is written."""
        writes = None
        while writes != (writes := self.ask("/writes")):
            time.sleep(2)
        before, began = self.cpu(), time.monotonic()
        time.sleep(WATCHED)
        return 100 * (self.cpu() - before) / (time.monotonic() - began)

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=DEADLINE) as answer:
            return json.load(answer)


def measure(odiglet, port, count, total, cgroups, socket):
    node = NodeAgent(odiglet, port)
    rows = [("resident memory without agents, MB", node.memory())]
    began = time.time()
    agents = Agents(total, count, cgroups, socket)
    try:
        rows.append(("until each has its configuration, s", agents.wait_for(100)[-1] - began))
        rounds = []
        for number in range(ROUNDS):
            changed = time.time()
            node.ask(f"/change?{number + 1}")
            rounds.append([at - changed for at in agents.wait_for(number + 1)])
        for name, pick in (("half of the agents", statistics.median), ("each agent", max)):
            rows.append((f"a changed rule is in {name}, s", statistics.median(pick(times) for times in rounds)))
        while node.ask("/instances") < total:
            if time.time() > began + DEADLINE:
                sys.exit(f"{node.ask('/instances')} of {total} instances are written after {DEADLINE} s")
            time.sleep(0.2)
        rows.append(("until each has its InstrumentationInstance, s", node.ask("/last-instance") - began))
        rows.append(("a message of each agent every 3 s, percent of a core", node.percent()))
        rows.append(("calls that have written instances", node.ask("/instance-writes")))
        rows.append(("resident memory with them, MB", node.memory()))
    finally:
        agents.end()
    print(f"{f'node agent with {total} OpAMP agents on its socket':56}")
    for name, value in rows:
        print(f"{name:56} {value:9.2f}")


def main():
    match sys.argv[1:]:
        case ["serve", port, count]:
            serve(int(port), int(count))
        case ["measure", odiglet, port, count, total, cgroups, socket]:
            measure(int(odiglet), int(port), int(count), int(total), cgroups, socket)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
