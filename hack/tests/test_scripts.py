"""Tests of the scripts in hack/ that are programs of their own; `make check` runs them."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest

HACK = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(HACK)


def run(script, *arguments, given=""):
    return subprocess.run([sys.executable, os.path.join(HACK, script), *arguments], input=given, text=True, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def export(service, *spans):
    return json.dumps({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
        "scopeSpans": [{"spans": list(spans)}]}]}) + "\n"


def span(trace, identity, parent, name, start, end, **more):
    return {"traceId": trace, "spanId": identity, "parentSpanId": parent, "name": name,
            "startTimeUnixNano": str(start * 1000000), "endTimeUnixNano": str(end * 1000000), **more}


class TraceTreeTests(unittest.TestCase):
    FRONT = export("frontend", span("a1", "1", "", "GET /items", 0, 12), span("a1", "2", "1", "GET", 1, 9))
    PRICES = export("pricing", span("a1", "3", "2", "GET /prices", 2, 8, status={"code": 2, "message": "no price"},
                                    attributes=[{"key": "http.status_code", "value": {"intValue": "500"}}]))

    def test_a_trace_is_a_tree_whatever_the_order_of_exports(self):
        expected = ("trace a1: 3 spans of 2 services, 12.0 ms\n\n"
                    "  SERVICE        SPAN         DURATION  STATUS\n"
                    "  frontend       GET /items    12.0 ms  ok\n"
                    "  └─ frontend    GET            8.0 ms  ok\n"
                    "     └─ pricing  GET /prices    6.0 ms  ERROR: no price (HTTP 500)\n")
        for lines in (self.FRONT + self.PRICES, self.PRICES + "a log line\n[]\n{}\n" + self.FRONT):
            self.assertEqual(run("trace-tree", given=lines).stdout, expected)

    def test_what_is_not_complete_is_not_shown(self):
        cases = {
            "spans of one service": self.FRONT,
            "no root": self.PRICES,
            "a parent is missing": self.FRONT + export("pricing", span("a1", "3", "9", "GET", 2, 8)),
            "nothing": "",
            "no JSON": "{\n",
        }
        for name, lines in cases.items():
            with self.subTest(name):
                ran = run("trace-tree", given=lines)
                self.assertEqual((ran.returncode, ran.stdout), (1, ""))
                self.assertIn("no complete trace", ran.stderr)

    def test_the_newest_is_shown_and_older_ones_on_request(self):
        later = self.FRONT.replace("a1", "b2").replace('Nano": "', 'Nano": "9') + self.PRICES.replace(
            "a1", "b2").replace('Nano": "', 'Nano": "9')
        self.assertIn("trace b2", run("trace-tree", given=later + self.FRONT + self.PRICES).stdout)
        both = run("trace-tree", "--all", given=later + self.FRONT + self.PRICES).stdout
        self.assertLess(both.index("trace a1"), both.index("trace b2"))

    def test_waiting_ends_with_the_first_complete_trace(self):
        process = subprocess.Popen([sys.executable, os.path.join(HACK, "trace-tree"), "--wait", "50"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        process.stdin.write(self.FRONT + self.PRICES)
        process.stdin.flush()  # and it stays open
        output = process.stdout.read()
        self.assertEqual(process.wait(60), 0)
        process.stdin.close()
        process.stdout.close()
        self.assertIn("trace a1", output)


class KubeletTroubleTests(unittest.TestCase):
    """What is printed of a kubelet's log after a failed end-to-end suite."""
    UID = "3a1f1c52-0c3e-4f3e-8b0a-0a9a5f5f5f5f"

    @staticmethod
    def line(level, text, second=0):
        return f"{level}1126 17:38:{second:02}.123456   30526 kubelet.go:1656] {text}\n"

    def shown(self, log, *names):
        ran = run("kubelet-trouble", *(names or ("web-1", self.UID)), given=log)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        return ran.stdout.splitlines()

    def test_what_tells_of_a_pod_s_end_is_shown(self):
        told = [
            self.line("E", "orphaned pod: rmdir pods/" + self.UID + ": device or resource busy"),
            self.line("I", 'Pod "web-1_shop(x)" is terminated, but some volumes have not been cleaned up'),
            self.line("W", "web-1: something else that is worth a warning"),
            self.line("E", "PLEG is not healthy: pleg was last seen active 3m5s ago"),
            "panic: web-1, killed\n",
        ]
        other = [
            self.line("I", "SyncLoop (ADD): web-1"),
            self.line("I", 'Pod "web-2_shop(x)" is terminated, but some volumes have not been cleaned up'),
            self.line("E", "event.go: Server rejected event of web-1"),
            self.line("W", "Error getting perf_event cgroup path of " + self.UID),
            self.line("E", "something of nobody"),
            self.line("I", 'VerifyControllerAttachedVolume started for volume "token" of web-1'),
        ]
        lines = self.shown("".join(other[:3] + told + other[3:]))
        self.assertEqual(len(lines), len(told), lines)
        for line, expected in zip(lines, told):
            self.assertIn(expected.split("] ")[-1].strip(), line)
        self.assertTrue(lines[0].startswith("17:38:00 kubelet.go:1656: orphaned pod"), lines[0])

    def test_what_is_repeated_is_shown_once_where_it_was_last(self):
        again = [self.line("I", f"web-1 is terminated for {second}.5s, but its cgroup is there", second) for second in range(9)]
        lines = self.shown("".join(again[:5]) + self.line("E", "web-1 fails") + "".join(again[5:]))
        self.assertEqual([line.split(": ", 1)[1] for line in lines],
                         ["web-1 fails", "web-1 is terminated for 8.5s, but its cgroup is there (9 times)"])
        self.assertTrue(lines[1].startswith("17:38:08 "), lines[1])

    def test_the_last_forty_are_shown_and_no_endless_line(self):
        words = [f"{first}{second}" for first in "abcdefgh" for second in "ijklmnop"]
        lines = self.shown("".join(self.line("E", f"web-1 {word} " + "x" * 1000) for word in words))
        self.assertEqual([line.split()[3] for line in lines], words[-40:])
        self.assertLess(max(map(len, lines)), 450)

    def test_without_pods_and_without_a_log_there_is_nothing(self):
        self.assertEqual(self.shown("", "web-1"), [])
        self.assertEqual(run("kubelet-trouble", given=self.line("E", "web-1 fails")).stdout, "")


class ImageArchiveTests(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def layer(self, name, modified):
        root = self.path(name)
        os.makedirs(os.path.join(root, "bin"))
        program = os.path.join(root, "bin", "program")
        with open(program, "w") as file:
            file.write("#!/bin/sh\n")
        os.chmod(program, 0o755)
        os.symlink("program", os.path.join(root, "bin", "other"))
        os.utime(program, (modified, modified))
        self.assertEqual(run("oci", "layer", self.path(name + ".tar"), root).returncode, 0)
        with open(self.path(name + ".tar"), "rb") as file:
            return file.read()

    def test_equal_content_is_an_equal_layer(self):
        self.assertEqual(self.layer("one", 1000000000), self.layer("two", 1100000000))
        with tarfile.open(self.path("one.tar")) as tar:
            self.assertEqual({(m.name, m.uid, oct(m.mode)) for m in tar if m.isfile()}, {("bin/program", 0, "0o755")})
            self.assertEqual(tar.getmember("bin/other").linkname, "program")

    def test_an_archive_is_consistent_for_containerd_and_for_docker(self):
        self.layer("one", 1000000000)
        ran = run("oci", "archive", self.path("image.tar"), "localhost/name:tag", '{"Entrypoint": ["/bin/program"]}',
                  self.path("one.tar"))
        self.assertEqual(ran.returncode, 0, ran.stderr)
        with tarfile.open(self.path("image.tar")) as tar:
            files = {m.name: tar.extractfile(m).read() for m in tar}
        for name, data in files.items():
            if name.startswith("blobs/sha256/"):
                self.assertEqual(name[13:], hashlib.sha256(data).hexdigest())

        def blob(descriptor):
            data = files["blobs/" + descriptor["digest"].replace(":", "/")]
            self.assertEqual(len(data), descriptor["size"])
            return data

        index = json.loads(files["index.json"])
        self.assertEqual(index["manifests"][0]["annotations"]["io.containerd.image.name"], "localhost/name:tag")
        manifest = json.loads(blob(index["manifests"][0]))
        config = json.loads(blob(manifest["config"]))
        self.assertEqual(config["config"], {"Entrypoint": ["/bin/program"]})
        self.assertEqual(config["rootfs"]["diff_ids"], [layer["digest"] for layer in manifest["layers"]])
        docker = json.loads(files["manifest.json"])[0]
        self.assertEqual(docker["RepoTags"], ["localhost/name:tag"])
        self.assertTrue(all(name in files for name in [docker["Config"], *docker["Layers"]]))

    def test_wrong_arguments_are_explained(self):
        ran = run("oci", "archive", "only-one")
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("hack/oci layer", ran.stderr)


class MatrixTests(unittest.TestCase):
    """hack/image and Tests/ClusterTests choose by one rule what of the matrix `make e2e` looks at."""

    @staticmethod
    def first_of_each_language(names):
        first = {}
        for name, value in names:
            first.setdefault(re.match("[a-z]+", name).group(), value)
        return first

    def test_the_images_of_the_core_are_those_of_its_applications(self):
        with open(os.path.join(HACK, "image"), encoding="utf-8") as file:
            runtimes = re.search(r"^RUNTIMES=\((.*?)^\)", file.read(), re.MULTILINE | re.DOTALL).group(1)
        with open(os.path.join(HACK, "../Tests/ClusterTests/MatrixCase.swift"), encoding="utf-8") as file:
            cases = file.read().split("static let runtimes", 1)[1].split("static let conflicts", 1)[0]
        images = self.first_of_each_language((name, "matrix-" + name) for name in re.findall(r"'([a-z-]+)\|", runtimes))
        applications = self.first_of_each_language(re.findall(r'name: "([^"]+)".*?image: "([^"]+)"', cases, re.DOTALL))
        self.assertGreaterEqual(len(applications), 5)
        self.assertEqual({**images, **applications}, images)


@unittest.skipUnless(shutil.which("dpkg-query") and shutil.which("gcc"), "no Debian with a compiler")
class AgentsStageTests(unittest.TestCase):
    """The stage `agents` of deploy/Dockerfile has what the loader is made with. Here it is made with nothing else."""
    LOADER = os.path.join(ROOT, "deploy/agents/loader")

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    @staticmethod
    def output(*command):
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60).stdout

    @staticmethod
    def stage():
        with open(os.path.join(ROOT, "deploy/Dockerfile"), encoding="utf-8") as file:
            text = file.read().replace("\\\n", " ")
        stage = re.search(r"^FROM \S+ AS agents\n(.*?)^FROM ", text, re.MULTILINE | re.DOTALL).group(1)
        return [word for packages in re.findall("apt-get install ([^&]*)", stage) for word in packages.split()
                if not word.startswith("-")]

    def files(self, packages):
        """The files of these packages, of all that they need, and of what no Debian is without."""
        known = {}
        for line in self.output("dpkg-query", "-W", "-f", "${Package};${Essential};${Priority};${Pre-Depends},${Depends}\n"
                                ).splitlines():
            name, essential, priority, needs = line.split(";", 3)
            known[name] = (essential == "yes" or priority == "required", re.findall(r"(?:^|[,|])\s*([a-z0-9][^\s:,(|]*)", needs))
        wanted, found = packages + [name for name in known if known[name][0]], set()
        while wanted:
            name = wanted.pop()
            if name in known and name not in found:
                found.add(name)
                wanted += known[name][1]
        return {os.path.realpath(path) for path in self.output("dpkg-query", "-L", *found).splitlines()}

    def build(self, files):
        """Compiles the loader where there are no programs but these."""
        programs = os.path.join(self.directory, "bin")
        os.mkdir(programs)
        for name in os.listdir("/usr/bin"):
            path = os.path.join("/usr/bin", name)
            if os.path.realpath(path) in files:
                os.symlink(path, os.path.join(programs, name))
        return subprocess.run(["/bin/bash", os.path.join(self.LOADER, "build"), os.path.join(self.directory, "loader.so")],
                              env={"PATH": programs}, stderr=subprocess.PIPE, text=True, timeout=60)

    def test_the_loader_is_made_with_what_the_stage_has(self):
        files = self.files(self.stage())
        built = self.build(files)
        self.assertEqual(built.returncode, 0, built.stderr)
        self.assertTrue(os.path.exists(os.path.join(self.directory, "loader.so")))
        sources = [os.path.join(self.LOADER, name) for name in os.listdir(self.LOADER) if name.endswith(".c")]
        headers = set(re.findall(r"/usr/\S+", self.output("gcc", "-M", "-ffreestanding", *sources)))
        self.assertTrue(headers)
        self.assertEqual({path for path in headers if os.path.realpath(path) not in files}, set())

    def test_what_is_missing_is_said(self):
        built = self.build(self.files(["binutils"]))
        self.assertEqual(built.returncode, 1)
        self.assertIn("there is no gcc", built.stderr)


@unittest.skipUnless(os.geteuid() == 0, "the local cluster needs root")
class NodeDownTests(unittest.TestCase):
    """`down` kills by force, so it runs where it sees its own processes only. Process 1 is hidden, as some machines do."""

    def down(self, holder, before=""):
        """`down` with this content of the holder's file: exit status, whether the state is still there, output."""
        with tempfile.TemporaryDirectory() as directory:
            state = os.path.join(directory, "odigos-test-" + str(os.getpid()))
            os.makedirs(os.path.join(state, "pids"))
            script = "\n".join(["mount -t tmpfs none /proc/1", before, f"echo {holder} >{state}/pids/holder",
                                f"{HACK}/node/down", "status=$?", self.AFTER, "exit $status"])
            ran = subprocess.run(["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", script],
                                 env={**os.environ, "ODIGOS_CLUSTER_DIR": state}, timeout=60, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            return ran.returncode, os.path.exists(state), ran.stdout

    AFTER = 'if [ -z "${bystander:-}" ] || kill -0 "$bystander"; then echo unharmed; fi'

    def test_what_a_machine_that_was_ended_left_behind_is_removed(self):
        for name, holder in {"no process id": "", "a process that is gone": "4194000", "a stranger": "$$"}.items():
            with self.subTest(name):
                status, left, output = self.down(holder)
                self.assertEqual((status, left), (0, False), output)

    def test_a_holder_in_the_host_s_namespace_ends_nothing(self):
        status, left, output = self.down(
            "$!", before="sleep 60 & bystander=$!\n(exec -a odigos-cluster-node sleep 60) &\n"
            "until grep -q odigos /proc/$!/cmdline; do :; done")
        self.assertEqual((status, left), (1, True), output)
        self.assertIn("nothing was ended", output)
        self.assertIn("unharmed", output)


if __name__ == "__main__":
    unittest.main()
