"""A node of many pods, as far as the node agent looks at it: an API server with the pods, and their processes.

node.py serve PORT PODS                         answers lists and watches about PODS pods of 50 marked workloads
node.py runtime SOCKET                          a container runtime that knows every container (needs grpcio)
node.py processes PROGRAM PODS COUNT CGROUPS    starts COUNT copies of PROGRAM, spread over the cgroups of PODS pods below
                                                the directory CGROUPS; prints `ready`; ends them with its standard input
"""
import http.server
import json
import os
import shutil
import subprocess
import sys
import time

WORKLOADS = 50
NODE = "bench-node"
# which interpreter a workload runs, by the name of the executable, and the variables of its image
LANGUAGES = [
    ("python3.11", {"PYTHON_VERSION": "3.11.2"}), ("java", {"JAVA_VERSION": "17.0.12"}),
    ("node", {"NODE_VERSION": "20.11.1"}), ("ruby", {"RUBY_VERSION": "3.3.0"}), ("server", {}),
]
LIBRARIES = "/usr/lib/x86_64-linux-gnu"


def uid(pod):
    return f"00000000-0000-4000-8000-{pod:012x}"


def container_id(pod):
    return f"{pod + 1:064x}"


def pods(count):
    for pod in range(count):
        name = f"shop-{pod % WORKLOADS}"
        yield {
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {
                "name": f"{name}-7c9d8f6b5d-{pod:05}", "namespace": "shop", "uid": uid(pod), "resourceVersion": "1",
                "creationTimestamp": "2026-02-03T10:11:12Z", "labels": {"app": name, "pod-template-hash": "7c9d8f6b5d"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{name}-7c9d8f6b5d",
                                     "uid": "r", "controller": True}],
            },
            "spec": {"nodeName": NODE, "containers": [
                {"name": "app", "image": "registry.example.com/shop:1",
                 "env": [{"name": f"SETTING_{i}", "value": "something " * 4} for i in range(20)]}]},
            "status": {"phase": "Running", "containerStatuses": [
                {"name": "app", "image": "registry.example.com/shop:1", "imageID": f"sha256:{pod % WORKLOADS:064x}",
                 "containerID": f"containerd://{container_id(pod)}", "state": {"running": {}}, "ready": True}]},
        }


class Objects:
    def __init__(self, count):
        self.lists = {
            "pods": list(pods(count)),
            "nodes": [{"apiVersion": "v1", "kind": "Node",
                       "metadata": {"name": NODE, "resourceVersion": "1",
                                    "labels": {"odigos.io/odiglet-oss-installed": "true"}},
                       "status": {"allocatable": {"pods": "500"}}}],
            "instrumentationconfigs": [
                {"apiVersion": "odigos.io/v1alpha1", "kind": "InstrumentationConfig",
                 "metadata": {"name": f"deployment-shop-{i}", "namespace": "shop", "uid": f"c{i}", "resourceVersion": "1"},
                 "spec": {}, "status": {}} for i in range(WORKLOADS)],
        }
        self.reported = set()


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    objects = None

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path, _, query = self.path.partition("?")
        last = path.rsplit("/", 1)[-1]
        if path == "/reported":
            self.answer(200, len(self.objects.reported))
        elif path == "/version":
            self.answer(200, {"major": "1", "minor": "30", "gitVersion": "v1.30.0"})
        elif "watch=" in query:
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            self.wfile.flush()
            time.sleep(600)
        elif last in self.objects.lists:
            items = self.objects.lists[last]
            self.answer(200, {"kind": "List", "metadata": {"resourceVersion": "1"}, "items": items})
        elif last.endswith("s"):
            self.answer(200, {"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []})
        else:
            self.answer(404, {"kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404})

    def change(self):
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or "{}")
        if "/instrumentationconfigs/" in self.path:
            self.objects.reported.add(self.path.partition("?")[0])
        self.answer(200, body)

    do_PATCH = do_PUT = do_POST = change


def serve(port, count):
    Server.objects = Objects(count)
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Server).serve_forever()


def field(number, data):
    """A protobuf field of bytes."""
    length, size = b"", len(data)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data


def information(value):
    """The entry `info` of what a container runtime tells beside its answer."""
    return field(2, field(1, b"info") + field(2, json.dumps(value).encode()))


def runtime(path):
    from concurrent import futures

    import grpc

    own = ["PATH=/usr/bin:/bin", "PYTHON_VERSION=3.11.2"]
    environment = own + [f"SETTING_{i}=something" for i in range(20)]
    info = {"config": {"envs": [{"key": f"SETTING_{i}", "value": "something"} for i in range(20)]},
            "runtimeSpec": {"process": {"env": environment}}}
    # The container's status with its image; `verbose`, which is field 2 of the question, adds what the runtime knows.
    brief = field(1, field(9, b"sha256:" + b"0" * 64))
    full = brief + information(info)
    image = information({"imageSpec": {"config": {"Env": own}}})

    def answers(service, method, answer):
        handler = grpc.unary_unary_rpc_method_handler(lambda request, context: answer(request))
        return grpc.method_handlers_generic_handler(f"runtime.v1.{service}", {method: handler})

    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((
        answers("RuntimeService", "ContainerStatus", lambda request: full if request.endswith(b"\x10\x01") else brief),
        answers("ImageService", "ImageStatus", lambda request: image)))
    server.add_insecure_port(f"unix:{path}")
    server.start()
    server.wait_for_termination()


def start_processes(program, count, total, cgroups):
    work = os.path.join(os.path.dirname(program), "bin")
    os.makedirs(work, exist_ok=True)
    for name, _ in LANGUAGES:
        shutil.copy(program, os.path.join(work, name))
    base = os.path.join(cgroups, f"kubepods-bench-{os.getpid()}")
    made, children = [], []
    try:
        for pod in range(count):
            directory = os.path.join(base, f"pod{uid(pod)}", container_id(pod))
            os.makedirs(directory)
            made.append(directory)
            name, variables = LANGUAGES[pod % WORKLOADS % len(LANGUAGES)]
            for _ in range(pod * total // count, (pod + 1) * total // count):
                environment = {f"SETTING_{i}": "something " * 4 for i in range(20)} | variables
                child = subprocess.Popen([os.path.join(work, name), LIBRARIES, "60"], env=environment)
                children.append(child)
                with open(os.path.join(directory, "cgroup.procs"), "w") as file:
                    file.write(str(child.pid))
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        for child in children:
            child.kill()
        for child in children:
            child.wait()
        for directory in made:
            os.rmdir(directory)
            os.rmdir(os.path.dirname(directory))
        if os.path.isdir(base):
            os.rmdir(base)


def main():
    match sys.argv[1:]:
        case ["serve", port, count]:
            serve(int(port), int(count))
        case ["runtime", path]:
            runtime(path)
        case ["processes", program, count, total, cgroups]:
            start_processes(program, int(count), int(total), cgroups)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main()
