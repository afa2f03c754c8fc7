"""What the loader's tests share: a tree with the loader and stand-ins for agents, and processes that run in it.

ODIGOS_TEST_LOADER is the loader that is shipped; without it one is built.
"""
import atexit
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
DEADLINE = 120
CLIENT = {"ODIGOS_POD_NAME": "shop-1", "ODIGOS_CONTAINER_NAME": "shop", "OTEL_SERVICE_NAME": "shop"}
# Preloaded beside the loader: writes its letter into a file when it is loaded and when its execve is called.
NEIGHBOUR = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
static void mark(char letter) {
  const char *file = getenv("MARKS");
  int marks = file ? open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;
  if (marks >= 0 && write(marks, &letter, 1) != 1) abort();
  if (marks >= 0) close(marks);
}
int (*const a_function_of_others)(const char *, char *const[]) = execv;
__attribute__((constructor)) static void loaded(void) { mark(LETTER); }
int execve(const char *path, char *const argv[], char *const envp[]) {
  mark(LETTER + 'a' - 'A');
  return ((int (*)(const char *, char *const[], char *const[]))dlsym(RTLD_NEXT, "execve"))(path, argv, envp);
}
"""



def write(path, text, mode=0o644):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def compile_c(output, *sources, cc="gcc", options=()):
    output.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([cc, "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-o", output, *sources, *options],
                   check=True, timeout=DEADLINE)
    return output


class Tree:
    """The directory of the agent files with the loader in it, and programs."""

    def __init__(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="odigos-loader."))
        atexit.register(shutil.rmtree, self.work)
        self.work.chmod(0o755)
        self.agents, self.programs = self.work / "agents", self.work / "programs"
        self.loader = self.agents / "loader/loader.so"
        self.loader.parent.mkdir(parents=True)
        if "ODIGOS_TEST_LOADER" in os.environ:
            shutil.copy(os.environ["ODIGOS_TEST_LOADER"], self.loader)
        else:
            subprocess.run([HERE / "build", self.loader], check=True, timeout=DEADLINE)
        # for each C library the probe, under the name of a Python, and two neighbours
        self.probes, self.neighbours = {}, {}
        source = write(self.work / "neighbour.c", NEIGHBOUR)
        for libc, compiler in (("glibc", "gcc"), ("musl", "musl-gcc")):
            if not shutil.which(compiler):
                continue  # test_musl_is_tested says so
            has = ("-DHAS_EXECVEAT",) if libc == "glibc" else ()
            self.probes[libc] = compile_c(self.programs / libc / "python3.11", HERE / "tests/probe.c", cc=compiler,
                                          options=(*has, "-pthread"))
            for letter, style in (("A", "gnu"), ("B", "sysv")):  # the newer and the older form of hash table
                self.neighbours[libc, letter] = compile_c(
                    self.work / f"{libc}-{letter}.so", source, cc=compiler,
                    options=("-shared", "-fPIC", f"-DLETTER='{letter}'", f"-Wl,--hash-style={style}", "-ldl"))
        # what PYTHONPATH is set to
        self.path = f"{self.agents}/python:{self.agents}/python/opentelemetry/instrumentation/auto_instrumentation"
        (self.agents / "python/opentelemetry/instrumentation/auto_instrumentation").mkdir(parents=True)


class LoaderTestCase(unittest.TestCase):
    tree = None

    @classmethod
    def setUpClass(cls):
        if LoaderTestCase.tree is None:
            LoaderTestCase.tree = Tree()

    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=self.tree.work))
        self.directory.chmod(0o777)
        self.proof = self.directory / "proof"

    def environment(self, distribution="python-community", preload=None, **more):
        found = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        found.update(CLIENT, PROOF=str(self.proof), LD_PRELOAD=str(self.tree.loader if preload is None else preload))
        if distribution is not None:
            found["ODIGOS_DISTRO_NAME"] = distribution
        found.update(more)
        return {name: value for name, value in found.items() if value is not None}

    def run_program(self, *command, environment=None, quiet=True, status=0, **more):
        """The program's output; nothing may be on standard error, unless others than the loader write there."""
        environment = self.environment() if environment is None else environment
        ran = subprocess.run([str(word) for word in command], env=environment, text=True,
                             timeout=DEADLINE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        self.assertEqual(ran.returncode, status, f"{command}: {ran.stderr}{ran.stdout}")
        if quiet:
            self.assertEqual(ran.stderr, "", command)
        return ran.stdout

    def values(self):
        """What the agents that were loaded have been given, in order."""
        if not self.proof.exists():
            return []
        return [json.loads(line)["value"] for line in self.proof.read_text().splitlines()]
