"""Tests of the loader with real processes; run by `hack/agents test`.

What a machine lacks for a test is skipped, with the reason.
"""
import os
import re
import shutil
import subprocess
import unittest

from loader_case import DEADLINE, HERE, LoaderTestCase, compile_c, write

ROOT = HERE.parent.parent.parent


class BuildTests(LoaderTestCase):
    def test_the_same_sources_give_the_same_bytes(self):
        shutil.copytree(HERE, self.directory / "elsewhere")
        subprocess.run([self.directory / "elsewhere/build", "one.so"], cwd=self.directory, check=True, timeout=DEADLINE)
        subprocess.run([HERE / "build", self.directory / "two.so"], cwd="/", check=True, timeout=DEADLINE)
        one = (self.directory / "one.so").read_bytes()
        self.assertEqual(one, (self.directory / "two.so").read_bytes())
        self.assertEqual(one, self.tree.loader.read_bytes())

    def test_the_table_is_what_the_distributions_say(self):
        self.run_program("/usr/bin/python3", HERE / "generate", "--check", environment=dict(os.environ))

    def test_every_executable_that_the_node_agent_recognises_is_known(self):
        source = (ROOT / "Sources/Adapters/ProcessInspection/RuntimeSignature.swift").read_text()
        table = re.findall(r'\.name = "(\w+)",\s*\.executables = {([^}]*)}', (HERE / "distribution.c").read_text())
        known = {language: set(re.findall(r'"([^"]+)"', names)) for language, names in table}
        for language, names in re.findall(r"language: \.(\w+),\s*executables: \[([^\]]*)\]", source):
            if language in known:
                self.assertLessEqual(set(re.findall(r'"([^"]+)"', names)), known.pop(language), language)
        self.assertEqual(known, {}, "the node agent does not recognise them")

    def test_decisions_under_the_sanitizers(self):
        sources = [HERE / f"{name}.c" for name in
                   ("tests/test_environment", "environment", "inheritance", "distribution", "distributions")]
        options = (f"-I{HERE}", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
        program = compile_c(self.directory / "test", *sources, options=options)
        self.assertEqual(self.run_program(program, environment={}), "")

    def test_musl_is_tested(self):
        if "musl" not in self.tree.probes:
            self.skipTest("there is no musl-gcc (Debian: musl-tools): the loader ran with glibc only")


class ProcessTests(LoaderTestCase):
    """Which processes are changed, and what else they notice."""

    def shown(self, program, *names, **more):
        names = names or ("PYTHONPATH", "JAVA_TOOL_OPTIONS", "NODE_OPTIONS")
        return dict(line.split("=", 1) for line in self.run_program(program, "show", *names, **more).splitlines())

    def copy(self, libc, name):
        """The probe as an executable of another name."""
        (self.directory / libc).mkdir(exist_ok=True)
        return shutil.copy(self.tree.probes[libc], self.directory / libc / name)

    def test_a_process_of_the_language_is_changed_and_no_other(self):
        for libc, probe in self.tree.probes.items():
            self.assertEqual(self.shown(probe), {"PYTHONPATH": self.tree.path}, libc)
            for name in ("sh", "bash", "nginx", "java", "node", "python3-config", "probe"):
                self.assertEqual(self.shown(self.copy(libc, name)), {}, (libc, name))

    def test_the_name_that_counts_is_the_executables(self):
        for libc, probe in self.tree.probes.items():
            server = self.copy(libc, "server")
            to_server, to_probe = self.directory / libc / "python3", self.directory / libc / "sh"
            to_server.symlink_to(server)
            to_probe.symlink_to(probe)
            self.assertEqual(self.shown(to_server), {}, "a link named python3 to another program")
            self.assertEqual(self.shown(to_probe), {"PYTHONPATH": self.tree.path}, "a link of another name to Python")
            for path, expected in ((server, ""), (probe, f"PYTHONPATH={self.tree.path}\n")):
                for name in ("python3", "server", "", "-sh"):
                    out = self.run_program("bash", "-c", f"exec -a '{name}' {path} show PYTHONPATH")
                    self.assertEqual(out, expected, (path, name))

    def test_without_our_variables_nothing_happens(self):
        for libc, probe in self.tree.probes.items():
            for missing in ("ODIGOS_POD_NAME", "ODIGOS_DISTRO_NAME"):
                shown = self.shown(probe, environment=self.environment(**{missing: None}))
                self.assertEqual(shown, {}, (libc, missing))
            for distribution in ("no-such", "", "golang-community", "java-community"):
                shown = self.shown(probe, environment=self.environment(distribution))
                self.assertEqual(shown, {}, (libc, distribution))

    def test_without_the_agents_files_nothing_happens(self):
        alone = self.directory / "loader/loader.so"
        alone.parent.mkdir()
        shutil.copy(self.tree.loader, alone)
        elsewhere = shutil.copy(self.tree.loader, self.directory / "other.so")
        for libc, probe in self.tree.probes.items():
            for path in (alone, elsewhere):
                self.assertEqual(self.shown(probe, environment=self.environment(preload=path)), {}, (libc, path))

    def test_directories_of_agents_may_be_links(self):
        # as odiglet lays them out, so that one rename switches all of them
        for name in ("loader", "python"):
            (self.directory / name).symlink_to(self.tree.agents / name)
        for libc, probe in self.tree.probes.items():
            environment = self.environment(preload=self.directory / "loader/loader.so")
            expected = self.tree.path.replace(str(self.tree.agents), str(self.directory))
            self.assertEqual(self.shown(probe, environment=environment), {"PYTHONPATH": expected}, libc)

    def test_only_what_is_needed_is_asked_of_the_kernel(self):
        if not shutil.which("strace"):
            self.skipTest("there is no strace")
        empty = compile_c(self.directory / "empty.so", "-xc", "/dev/null", options=("-shared", "-nostdlib"))
        calls = {}
        for name, environment in (("empty", self.environment(preload=empty)), ("absent", self.environment(None)),
                                  ("present", self.environment())):
            trace = self.directory / name
            ran = subprocess.run(
                ["strace", "-o", trace, "env", "-i", *(f"{key}={value}" for key, value in environment.items()),
                 self.tree.probes["glibc"], "show"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
            if ran.returncode:
                self.skipTest(f"strace cannot trace here: {ran.stderr.strip()}")
            # behind the dynamic linker's own, the last of which asks for the size of the stack
            calls[name] = re.findall(r"^(\w+)\(", trace.read_text().rpartition("prlimit64")[2], re.M)
        self.assertEqual(calls["absent"], calls["empty"])
        for call in calls["empty"]:
            calls["present"].remove(call)
        self.assertEqual(sorted(calls["present"]), ["faccessat", "faccessat", "getpid", "mmap", "readlinkat"])

    def test_a_static_program_is_left_alone(self):
        static = compile_c(self.directory / "python3", HERE / "tests/probe.c", options=("-static", "-pthread"))
        self.assertEqual(self.shown(static), {})
        if busybox := shutil.which("busybox"):
            script = f"busybox env | grep PYTHON; {self.tree.probes['glibc']} show PYTHONPATH"
            self.assertEqual(self.run_program(busybox, "sh", "-c", script), f"PYTHONPATH={self.tree.path}\n")

    def test_secure_execution_is_refused(self):
        if os.geteuid() != 0:
            self.skipTest("making a program setuid needs root")
        # a program that is linked with the loader: LD_PRELOAD is ignored in secure execution, by glibc and musl
        secure = compile_c(self.directory / "python3", HERE / "tests/probe.c", self.tree.loader, options=(
            "-Wl,--no-as-needed", f"-Wl,-rpath,{self.tree.loader.parent}", "-pthread", "-DHAS_EXECVEAT"))
        environment = self.environment()
        del environment["LD_PRELOAD"]
        start = ("start", "execve", f"LD_PRELOAD={self.tree.neighbours['glibc', 'A']}", self.tree.probes["glibc"],
                 "show", "LD_PRELOAD")
        self.assertEqual(self.shown(secure, environment=environment), {"PYTHONPATH": self.tree.path})
        self.assertIn("loader.so", self.run_program(secure, *start, environment=environment))
        os.chown(secure, 65534, 65534)
        os.chmod(secure, 0o4755)
        self.assertEqual(self.shown(secure, environment=environment), {})
        self.assertNotIn("loader.so", self.run_program(secure, *start, environment=environment))

    def test_descriptors_and_outputs(self):
        for libc, probe in self.tree.probes.items():
            log, out = self.directory / f"{libc}.log", self.directory / "out"
            environment = self.environment(ODIGOS_LOADER_LOG=str(log))
            self.assertEqual(self.run_program(probe, "descriptors", environment=environment),
                             self.run_program(probe, "descriptors", environment=self.environment(preload="")))
            # with 0, 1 and 2 closed the log gets one of those numbers, for as long as it is open
            script = f"{probe} start posix_spawn keep {probe} descriptors 3>{out} <&- >&- 2>&-"
            self.run_program("sh", "-c", script, environment=environment)
            self.assertEqual(out.read_text(), "")
            lines = log.read_text().splitlines()
            self.assertEqual(sum("variables are set" in line for line in lines), 2, lines)
            self.assertEqual(sum("variables were there" in line for line in lines), 1, lines)

    def test_the_log_says_what_was_done_and_no_value(self):
        log, probe = self.directory / "log", self.tree.probes["glibc"]
        for command, environment, text in (
                ((probe, "show"), {"PYTHONPATH": "/secret"},
                 f"{probe} python-community: the agent's variables are set"),
                (("/bin/sh", "-c", ":"), {}, "sh python-community: no program of the language"),
                ((probe, "show"), {"ODIGOS_DISTRO_NAME": "none"}, " none: no such distribution"),
                ((probe, "show"), {"PYTHONPATH": self.tree.path}, ": the agent's variables were there")):
            log.unlink(missing_ok=True)
            self.run_program(*command, environment=self.environment(ODIGOS_LOADER_LOG=str(log), **environment))
            self.assertRegex(log.read_text(), rf"\A\d+ [^\n]*{re.escape(text)}\n\Z")

    def test_the_log_is_bounded_and_a_file(self):
        log, probe, fifo, link = (self.directory / name for name in ("log", "python3", "fifo", "link"))
        shutil.copy(self.tree.probes["glibc"], probe)
        log.write_text("x" * 65530)
        self.shown(probe, environment=self.environment(ODIGOS_LOADER_LOG=str(log)))
        self.assertEqual(log.stat().st_size, 65530)
        link.symlink_to(self.directory / "target")
        os.mkfifo(fifo)
        before = sorted(os.listdir(self.directory))
        for path in ("/dev/stdout", "/dev/stderr", "/proc/self/fd/1", link, fifo, "relative", "", "/no/such/file"):
            out = self.run_program(probe, "show", cwd=self.directory,
                                   environment=self.environment(ODIGOS_LOADER_LOG=str(path)))
            self.assertEqual(out, "", path)
        with open(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), "rb") as reader:
            self.shown(probe, environment=self.environment(ODIGOS_LOADER_LOG=str(fifo)))
            self.assertEqual(reader.read(), b"", "a pipe may be the application's output")
        self.assertEqual(sorted(os.listdir(self.directory)), before)

    def test_a_huge_environment(self):
        many = {f"SERVICE_{number}_PORT": f"tcp://10.0.0.1:{number}" for number in range(20000)}
        for libc, probe in self.tree.probes.items():
            environment = self.environment(**many, PYTHONPATH="/x" * 30000)
            shown = self.shown(probe, "PYTHONPATH", "SERVICE_0_PORT", "SERVICE_19999_PORT", environment=environment)
            self.assertEqual(shown, {"PYTHONPATH": "/x" * 30000 + ":" + self.tree.path,
                                     "SERVICE_0_PORT": "tcp://10.0.0.1:0",
                                     "SERVICE_19999_PORT": "tcp://10.0.0.1:19999"}, libc)
            for way in ("execve", "execv", "posix_spawn"):
                other = self.tree.neighbours[libc, "A"]
                out = self.run_program(probe, "start", way, f"LD_PRELOAD={other}", probe, "show", "LD_PRELOAD",
                                       environment=environment)
                self.assertEqual(out, f"LD_PRELOAD={other}:{self.tree.loader}\n", (libc, way))

    def test_an_unreadable_proc(self):
        script = write(self.directory / "script",
                       "#!/usr/bin/python3\nimport os; print(os.environ.get('PYTHONPATH'))\n", 0o755)
        shell = write(self.directory / "shell", "#!/bin/sh\necho \"$PYTHONPATH\"\n", 0o755)
        server = self.copy("glibc", "server")
        for command, expected in ((f"{self.tree.probes['glibc']} show PYTHONPATH", f"PYTHONPATH={self.tree.path}\n"),
                                  (f"{self.tree.probes['glibc']} descriptors", "0\n1\n2\n"),
                                  (f"{server} show PYTHONPATH", ""),
                                  (f"bash -c 'exec -a python3 {server} show PYTHONPATH'", ""),
                                  (shell, "\n"), (script, f"{self.tree.path}\n")):
            ran = subprocess.run(["unshare", "-m", "sh", "-c", f"mount -t tmpfs none /proc && exec {command}"],
                                 env=self.environment(), text=True, timeout=DEADLINE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
            if "unshare: " in ran.stderr or "mount: " in ran.stderr:
                self.skipTest("a mount namespace cannot be made: " + ran.stderr.strip())
            self.assertEqual((ran.stdout, ran.stderr), (expected, ""), command)

    def test_valgrind_finds_nothing(self):
        if not shutil.which("valgrind"):
            self.skipTest("there is no valgrind")
        for arguments in (("show", "PYTHONPATH"), ("start", "execve", "clear", "/nowhere"),
                          ("start", "posix_spawn", f"LD_PRELOAD={self.tree.neighbours['glibc', 'A']}", "/bin/true")):
            ran = subprocess.run(["valgrind", "-q", "--error-exitcode=99", self.tree.probes["glibc"], *arguments],
                                 env=self.environment(), text=True, timeout=DEADLINE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
            self.assertEqual((ran.stderr, ran.returncode == 99), ("", False), arguments)


class StartTests(LoaderTestCase):
    """What happens to the programs that a process starts."""

    WAYS = ("execve", "execv", "execvp", "execvpe", "execl", "execle", "execlp", "fexecve", "execveat", "posix_spawn",
            "posix_spawnp")

    def each_way(self, *more):
        for libc, probe in self.tree.probes.items():
            for way in (*self.WAYS, *more):
                if (libc, way) != ("musl", "execveat"):  # which musl has not
                    yield libc, probe, way

    def start(self, probe, way, change, *names, **more):
        """The variables of a program that is started so: the probe itself, as another Python."""
        return self.run_program(probe, "start", way, change, probe, "show", *names, **more)

    def test_an_environment_that_is_kept(self):
        for libc, probe, way in self.each_way("system", "popen"):
            out = self.start(probe, way, "keep", "PYTHONPATH")
            self.assertEqual(out, f"PYTHONPATH={self.tree.path}\n", (libc, way))

    def test_an_environment_that_was_cleared_but_for_the_loader(self):
        for libc, probe, way in self.each_way():
            for name, expected in (("PYTHONPATH", self.tree.path), ("OTEL_SERVICE_NAME", "shop"), ("PROOF", None)):
                out = self.start(probe, way, "clear", name)
                self.assertEqual(out, f"{name}={expected}\n" if expected else "", (libc, way))

    def test_an_environment_that_was_cleared(self):
        for libc, probe, way in self.each_way("system"):
            self.assertEqual(self.start(probe, way, "none", "PYTHONPATH"), "", (libc, way))

    def test_env_i(self):
        for libc, probe in self.tree.probes.items():
            self.assertEqual(self.run_program("env", "-i", probe, "show", "PYTHONPATH"), "", libc)
            for more, expected in (("", f"PYTHONPATH={self.tree.path}\n"), ("ODIGOS_POD_NAME=x", "")):
                script = f"exec env -i LD_PRELOAD=$LD_PRELOAD {more} {probe} show PYTHONPATH"
                self.assertEqual(self.run_program("sh", "-c", script), expected, (libc, more))

    def test_another_preloaded_library_that_a_program_sets(self):
        for libc, probe, way in self.each_way():
            other = self.tree.neighbours[libc, "A"]
            self.assertEqual(self.start(probe, way, f"LD_PRELOAD={other}", "LD_PRELOAD"),
                             f"LD_PRELOAD={other}:{self.tree.loader}\n", (libc, way))
            self.assertEqual(self.start(probe, way, "LD_PRELOAD=", "LD_PRELOAD"), "LD_PRELOAD=\n", (libc, way))

    def test_other_preloaded_libraries_keep_their_order(self):
        for libc, probe in self.tree.probes.items():
            marks = self.directory / libc
            preload = f"{self.tree.neighbours[libc, 'A']}:{self.tree.loader}:{self.tree.neighbours[libc, 'B']}"
            out = self.start(probe, "execve", "keep", "LD_PRELOAD",
                             environment=self.environment(preload=preload, MARKS=str(marks)))
            self.assertEqual(out, f"LD_PRELOAD={preload}\n", libc)
            again = self.start(probe, "execv", "keep", "LD_PRELOAD", environment=self.environment(preload=preload))
            self.assertEqual(again, out, libc)
            # both are loaded, one exec goes through both in their order, both are loaded
            self.assertEqual(marks.read_text().replace("BA", "AB"), "ABabAB", libc)

    def test_an_entrypoint_that_preloads_something(self):
        marks, other = self.directory / "marks", self.tree.neighbours["glibc", "A"]
        script = f"export LD_PRELOAD={other}; exec {self.tree.probes['glibc']} show PYTHONPATH LD_PRELOAD"
        for shell in ("sh", "bash"):
            marks.unlink(missing_ok=True)
            out = self.run_program(shell, "-c", script, environment=self.environment(MARKS=str(marks)))
            self.assertEqual(out, f"PYTHONPATH={self.tree.path}\nLD_PRELOAD={other}:{self.tree.loader}\n", shell)
            self.assertEqual(marks.read_text(), "A", shell)

    def test_errors_are_those_of_the_call(self):
        # the last is no program for the kernel; some ways try a shell then, and glibc's posix_spawn once did
        script = write(self.directory / "script", "echo by a shell\n", 0o755)
        for libc, probe, way in self.each_way():
            for program in ("/no/such/program", script):
                plain = subprocess.run([probe, "start", way, "keep", program], env=self.environment(preload=""),
                                       text=True, timeout=DEADLINE, stdout=subprocess.PIPE)
                self.assertRegex(plain.stdout, r"^error \d+$|^by a shell$")
                for change in ("keep", "clear", f"LD_PRELOAD={self.tree.neighbours['glibc', 'A']}"):
                    out = self.run_program(probe, "start", way, change, program, status=plain.returncode)
                    self.assertEqual(out, plain.stdout, (libc, way, change, program))

    def test_children_by_vfork_leave_nothing_in_their_parent(self):
        many = {f"V{number}": "x" for number in range(8000)}
        for libc, probe in self.tree.probes.items():
            for change in ("keep", "clear", f"LD_PRELOAD={self.tree.neighbours[libc, 'A']}"):
                for way in ("execve", "execv", "execvp", "posix_spawn"):
                    for environment in (self.environment(), self.environment(**many)):
                        out = self.run_program(probe, "again", 20, way, change, probe, "show",
                                               environment=environment)
                        self.assertEqual(out, "mapping\nmapped 0\n", (libc, way, change))

    def test_threads_that_start_programs(self):
        for libc, probe in self.tree.probes.items():
            for change in ("keep", "clear", f"LD_PRELOAD={self.tree.neighbours[libc, 'A']}"):
                out = self.run_program(probe, "threads", 10, change, probe, "show", "PYTHONPATH")
                self.assertEqual(out, f"PYTHONPATH={self.tree.path}\n" * 80, (libc, change))

    def test_threads_with_the_smallest_stacks(self):
        for libc, compiler in (("glibc", "gcc"), ("musl", "musl-gcc")):
            if libc not in self.tree.probes:
                continue
            program = compile_c(self.directory / f"stack-{libc}", HERE / "tests/stack.c", cc=compiler, options=("-pthread",))
            for size in (16384, 20480, 32768, 65536):
                out = self.run_program(program, size, self.tree.neighbours[libc, "A"])
                self.assertEqual(out, "started with 0, ended with 0, 0 bytes of others overwritten\n", (libc, size))

    def test_a_thousand_processes_at_once(self):
        log = self.directory / "log"
        for libc, probe in self.tree.probes.items():
            output = self.directory / libc
            hold, release = os.pipe()
            children = []
            try:
                with open(output, "ab") as file:
                    for _ in range(1000):  # each waits for the end of its input, so that all are there at once
                        children.append(subprocess.Popen([probe, "wait"], stdin=hold, stdout=file, stderr=file,
                                                         env=self.environment(ODIGOS_LOADER_LOG=str(log))))
            finally:
                os.close(release)
                os.close(hold)
                statuses = {child.wait(timeout=DEADLINE) for child in children}
            self.assertEqual((statuses, output.read_text()), ({0}, f"{self.tree.path}\n" * 1000), libc)
        self.assertGreater(log.stat().st_size, 60000)
        self.assertLess(log.stat().st_size, 70000)


if __name__ == "__main__":
    unittest.main()
