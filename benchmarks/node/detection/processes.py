#!/usr/bin/env python3
"""Starts many processes of several languages, four in each of their "containers" (cgroups with the names that the
kubelet and containerd give), until its input ends. Prints `ready` when all run.

processes.py COUNT SLEEPER CONTAINERS     SLEEPER: a Go program that waits; CONTAINERS: a file for the containers' ids
"""
import os
import shutil
import signal
import sys
import uuid

COUNT, SLEEPER, CONTAINERS = int(sys.argv[1]), sys.argv[2], sys.argv[3]
PER_CONTAINER = 4
WAIT = "import signal; signal.pause()"


def cgroup_root():
    """A writable hierarchy: version 2 where it is mounted, or one of version 1."""
    for path in ["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/pids"]:
        if os.access(path + "/cgroup.procs", os.W_OK):
            return path
    sys.exit("processes.py: no cgroup hierarchy can be written to; run it as root")


def which(*names):
    return next((path for name in names if (path := shutil.which(name, path="/usr/bin:/usr/local/bin:/bin"))), None)


# What is started, and how many parts of the whole. Python forks, which is cheap; the others start anew.
node, ruby, php, java = which("node", "nodejs"), which("ruby"), which("php"), which("java")
MIX = [
    (None, 24),
    (node and [node, "-e", "setTimeout(() => 0, 1e9)"], 3),
    (ruby and [ruby, "-e", "sleep"], 4),
    (php and [php, "-r", "sleep(100000);"], 4),
    (java and [java, "-Xmx16m", "-XX:TieredStopAtLevel=1", "-agentlib:jdwp=transport=dt_socket,server=y,suspend=y,address=127.0.0.1:0", "-version"], 1),
    ([SLEEPER], 14),
    (["/bin/sleep", "100000"], 50),
]
MIX = [(command, parts) for command, parts in MIX if command is None or command]


def start(command, cgroup):
    child = os.fork()
    if child:
        return child
    try:
        with open(cgroup + "/cgroup.procs", "w") as file:
            file.write("0")
        null = os.open("/dev/null", os.O_RDWR)
        for descriptor in range(3):
            os.dup2(null, descriptor)
        if command is None:
            while True:
                signal.pause()
        os.execve(command[0], command, {"PATH": "/usr/bin:/bin", "PYTHONPATH": "/app", "HOSTNAME": "bench", **{
            f"SERVICE_{n}_PORT": "tcp://10.0.0.1:80" for n in range(20)}})
    finally:
        os._exit(1)


def main():
    top = f"{cgroup_root()}/odigos-bench-{os.getpid()}"
    made, children, pod = [top, top + "/kubepods", top + "/kubepods/burstable"], [], None
    for path in made:
        os.mkdir(path)
    try:
        whole, ids = sum(parts for _, parts in MIX), []
        for command, parts in MIX:
            for number in range(COUNT * parts // whole):
                if number % PER_CONTAINER == 0:
                    pod = f"{top}/kubepods/burstable/pod{uuid.uuid4()}"
                    ids.append(uuid.uuid4().hex * 2)
                    made += [pod, f"{pod}/{ids[-1]}"]
                    for path in made[-2:]:
                        os.mkdir(path)
                children.append(start(command, made[-1]))
        with open(CONTAINERS, "w") as file:
            file.writelines(identifier + "\n" for identifier in ids)
        print("ready", flush=True)
        sys.stdin.read()
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)
        for path in reversed(made):
            os.rmdir(path)


main()
