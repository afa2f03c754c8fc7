"""Tests of the loader with real runtimes; run by `hack/agents test`.

The agents are stand-ins that report what they were given. A runtime that a machine lacks is skipped, with the reason.
"""
import glob
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from loader_case import DEADLINE, HERE, LoaderTestCase, compile_c, write

PYTHON_PROOF = """
import json, os
with open(os.environ["PROOF"], "a") as proof:
    proof.write(json.dumps({"exe": os.path.basename(os.readlink("/proc/self/exe")),
                            "value": os.environ.get("PYTHONPATH")}) + "\\n")
"""
NODE_PROOF = """
require("fs").appendFileSync(process.env.PROOF, JSON.stringify(
  {exe: require("path").basename(process.execPath), value: process.env.NODE_OPTIONS}) + "\\n");
"""
RUBY_PROOF = """
require "json"
File.open(ENV["PROOF"], "a") { |proof| proof.puts JSON.generate({exe: "ruby", value: ENV["RUBYOPT"]}) }
"""
PHP_PROOF = """<?php file_put_contents(getenv("PROOF"),
  json_encode(["exe" => "php", "value" => getenv("PHP_INI_SCAN_DIR")]) . "\\n", FILE_APPEND);"""
JAVA_PROOF = """
import java.io.FileWriter;
public class Agent {
  public static void premain(String arguments) throws Exception {
    try (FileWriter proof = new FileWriter(System.getenv("PROOF"), true)) {
      proof.write("{\\"exe\\": \\"java\\", \\"value\\": \\"" + System.getenv("JAVA_TOOL_OPTIONS") + "\\"}\\n");
    }
  }
}
"""
JAVA_MAIN = "public class Main { public static void main(String[] a) { System.out.println(\"served\"); } }"


class RuntimeTests(LoaderTestCase):
    """Real runtimes load the agents."""

    def setUp(self):
        super().setUp()
        write(self.tree.agents / "python/sitecustomize.py", PYTHON_PROOF)
        write(self.tree.agents / "nodejs-community/autoinstrumentation.js", NODE_PROOF)

    def pythons(self):
        found = {}
        directories = os.environ["PATH"].split(":") + glob.glob(
            os.path.join(os.environ.get("PYENV_ROOT", os.path.expanduser("~/.pyenv")), "versions/*/bin"))
        for directory in directories:
            for path in glob.glob(os.path.join(directory, "python3*")):
                if re.fullmatch(r"python3(\.\d+)?", os.path.basename(path)):
                    found[os.path.realpath(path)] = path
        binaries = []
        for path in found.values():  # not the scripts that version managers put before them
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    binaries.append(path)
        self.assertTrue(binaries)
        return binaries

    def test_python(self):
        for python in self.pythons():
            with self.subTest(python):
                self.proof.unlink(missing_ok=True)
                self.assertEqual(self.run_program(python, "-c", "print('served')"), "served\n")
                self.assertEqual(self.values(), [self.tree.path])

    def test_python_with_a_path_of_the_pod(self):
        self.run_program("/usr/bin/python3", "-c", "", environment=self.environment(PYTHONPATH="/app:/lib"))
        self.assertEqual(self.values(), [f"/app:/lib:{self.tree.path}"])

    def test_python_behind_a_script_that_sets_the_path(self):
        script = write(self.directory / "entrypoint", "#!/bin/sh\nexport PYTHONPATH=/app\nexec python3 \"$@\"\n", 0o755)
        for path in (None, self.tree.path):  # as the pod had it: nothing, or ours by the other method
            self.proof.unlink(missing_ok=True)
            self.run_program(script, "-c", "", environment=self.environment(PYTHONPATH=path, PATH="/usr/bin:/bin"))
            self.assertEqual(self.values(), [f"/app:{self.tree.path}"])

    def test_python_behind_a_shebang_and_env(self):
        direct = write(self.directory / "direct", "#!/usr/bin/python3\nprint('served')\n", 0o755)
        by_env = write(self.directory / "by-env", "#!/usr/bin/env python3\nprint('served')\n", 0o755)
        for script in (direct, by_env):
            self.assertEqual(self.run_program(script, environment=self.environment(PATH="/usr/bin:/bin")), "served\n")
        self.assertEqual(self.values(), [self.tree.path] * 2)

    def test_children_of_python(self):
        program = ("import subprocess, sys; c = [sys.executable, '-c', '']; import os; subprocess.run(c);"
                   "subprocess.run(c, env={'LD_PRELOAD': os.environ['LD_PRELOAD'], 'PROOF': os.environ['PROOF']});"
                   "subprocess.run(c, env={'PROOF': os.environ['PROOF']}); os.system(sys.executable + ' -c pass')")
        self.run_program("/usr/bin/python3", "-c", program)
        # all but the one whose environment has no LD_PRELOAD
        self.assertEqual(self.values(), [self.tree.path] * 4)

    def test_python_as_a_library_of_a_server(self):
        config = shutil.which("python3-config", path="/usr/bin")
        if not config:
            self.skipTest("there is no python3-config (Debian: python3-dev)")
        flags = self.run_program(config, "--includes", "--ldflags", "--embed").split()
        source = write(self.directory / "server.c", "#include <Python.h>\nint main(void) { Py_Initialize(); return "
                       "PyRun_SimpleString(\"print('served')\") ? 1 : Py_FinalizeEx(); }\n")
        try:
            compile_c(self.directory / "server", source, options=flags)
        except subprocess.CalledProcessError:
            self.skipTest("Python cannot be linked with (Debian: libpython3-dev)")
        self.assertEqual(self.run_program(self.directory / "server"), "served\n")
        self.assertEqual(self.values(), [self.tree.path])

    def java(self):
        for tool in ("java", "javac", "jar"):
            if not shutil.which(tool):
                self.skipTest(f"there is no {tool} (Debian: openjdk-17-jdk-headless)")
        jar = self.tree.agents / "java/javaagent.jar"
        if not jar.exists():
            work = pathlib.Path(tempfile.mkdtemp(dir=self.tree.work))
            write(work / "Agent.java", JAVA_PROOF)
            write(work / "Main.java", JAVA_MAIN)
            write(work / "manifest", "Premain-Class: Agent\n")
            subprocess.run(["javac", "-d", work, work / "Agent.java", work / "Main.java"], check=True, timeout=DEADLINE)
            jar.parent.mkdir()
            subprocess.run(["jar", "cfm", jar, work / "manifest", "-C", work, "Agent.class", "-C", work, "Main.class"],
                           check=True, timeout=DEADLINE)
        return jar

    def java_environment(self, **more):
        return self.environment("java-community", **more)

    def test_java(self):
        jar = self.java()
        agent = f"-javaagent:{jar}"
        cases = {None: agent, "-Xmx64m": f"-Xmx64m {agent}", agent: agent, f"{agent} -Xmx64m": f"{agent} -Xmx64m"}
        for options, expected in cases.items():
            with self.subTest(options):
                self.proof.unlink(missing_ok=True)
                # which Java reports on standard error, whoever sets the variable
                out = self.run_program("java", "-cp", jar, "Main", quiet=False,
                                       environment=self.java_environment(JAVA_TOOL_OPTIONS=options))
                self.assertEqual((out, self.values()), ("served\n", [expected]))

    def test_java_under_another_name(self):
        jar = self.java()
        script = f"exec -a server java -cp {jar} Main"
        out = self.run_program("bash", "-c", script, quiet=False, environment=self.java_environment())
        self.assertEqual(out, "served\n")
        self.assertEqual(self.values(), [f"-javaagent:{jar}"])

    def test_java_without_its_agent_starts(self):
        jar = self.java()
        hidden = jar.with_suffix(".hidden")
        shutil.copy(jar, hidden)
        jar.unlink()
        try:
            out = self.run_program("java", "-cp", hidden, "Main", environment=self.java_environment())
        finally:
            hidden.rename(jar)
        self.assertEqual((out, self.values()), ("served\n", []))

    def node(self):
        if not shutil.which("node"):
            self.skipTest("there is no node (Debian: nodejs)")
        return f"--require {self.tree.agents}/nodejs-community/autoinstrumentation.js"

    def test_node(self):
        ours = self.node()
        wrapper = write(self.directory / "wrapper", "#!/bin/sh\nNODE_OPTIONS=--no-warnings exec node \"$@\"\n", 0o755)
        program = write(self.directory / "program", "#!/usr/bin/env node\nconsole.log('served')\n", 0o755)
        for command, expected in (("node", ours), (wrapper, f"--no-warnings {ours}"), (None, ours)):
            with self.subTest(command):
                self.proof.unlink(missing_ok=True)
                words = [command, "-e", "console.log('served')"] if command else [program]
                self.assertEqual(self.run_program(*words, environment=self.environment("nodejs-community")), "served\n")
                self.assertEqual(self.values(), [expected])

    def test_children_of_node(self):
        ours = self.node()
        program = ("const {spawnSync: s} = require('child_process'), e = process.env; const c = ['-e', ''];"
                   "s('node', c); s('node', c, {env: {LD_PRELOAD: e.LD_PRELOAD, PATH: e.PATH, PROOF: e.PROOF}});"
                   "s('sh', ['-c', 'NODE_OPTIONS= node -e 0'])")
        self.run_program("node", "-e", program, environment=self.environment("nodejs-community"))
        self.assertEqual(self.values(), [ours] * 4)

    def interpreter(self, name, distribution):
        if f'"{distribution}"' not in (HERE / "distributions.c").read_text():
            self.skipTest(f"deploy/distributions has no {distribution}")
        if not shutil.which(name, path="/usr/bin"):
            self.skipTest(f"there is no {name}")

    def test_ruby(self):
        self.interpreter("ruby", "ruby-community")
        version = self.run_program("/usr/bin/ruby", "-e", "print RUBY_VERSION[/\\d+\\.\\d+/]", environment={})
        write(self.tree.agents / f"ruby/{version}/index.rb", RUBY_PROOF)
        (self.tree.agents / f"ruby/{version}/bundle").mkdir(exist_ok=True)
        ours = f"-r{self.tree.agents}/ruby/{version}/index.rb"
        for options, expected in ((None, ours), ("-W0", f"-W0 {ours}"), (ours, ours)):
            self.proof.unlink(missing_ok=True)
            out = self.run_program("/usr/bin/ruby", "-e", "puts ENV['ODIGOS_GEM_PATH']",
                                   environment=self.environment("ruby-community", RUBYOPT=options))
            self.assertEqual((out, self.values()), (f"{self.tree.agents}/ruby/{version}/bundle\n", [expected]))

    def test_dotnet_by_the_names_of_its_executables(self):
        if '"dotnet-community"' not in (HERE / "distributions.c").read_text():
            self.skipTest("deploy/distributions has no dotnet-community")
        for path in ("linux-glibc/OpenTelemetry.AutoInstrumentation.Native.so", "store/x", "AdditionalDeps/x",
                     "net/OpenTelemetry.AutoInstrumentation.StartupHook.dll"):
            write(self.tree.agents / "dotnet" / path, "")
        names = ("CORECLR_ENABLE_PROFILING", "CORECLR_PROFILER", "CORECLR_PROFILER_PATH", "OTEL_DOTNET_AUTO_HOME",
                 "DOTNET_STARTUP_HOOKS", "DOTNET_ADDITIONAL_DEPS", "DOTNET_SHARED_STORE")
        (self.directory / "Shop.dll").touch()  # beside a program's own executable lies its code
        for name, is_set in (("dotnet", True), ("Shop", True), ("Tool", False)):
            program = shutil.copy(self.tree.probes["glibc"], self.directory / name)
            environment = self.environment("dotnet-community")
            out = self.run_program(program, "show", *names, environment=environment)
            self.assertEqual([line.split("=")[0] for line in out.splitlines()], list(names) if is_set else [], name)
            self.assertEqual("linux-glibc" in out, is_set)
            environment["CORECLR_PROFILER"] = "{another}"
            out = self.run_program(program, "show", *names, environment=environment)
            self.assertEqual(out, "CORECLR_PROFILER={another}\n")

    def test_php(self):
        self.interpreter("php", "php-community")
        version = self.run_program("/usr/bin/php", "-n", "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;",
                                   environment={})
        script = write(self.tree.agents / "php/proof.php", PHP_PROOF)
        write(self.tree.agents / f"php/{version}/odigos.ini", f"auto_prepend_file={script}\n")
        program = write(self.directory / "program.php", "<?php echo 'served';")
        ours, own = f"{self.tree.agents}/php/{version}", str(self.directory)
        for value, expected in ((None, f":{ours}"), (own, f"{own}:{ours}"), (f":{ours}", f":{ours}")):
            self.proof.unlink(missing_ok=True)
            out = self.run_program("/usr/bin/php", program,
                                   environment=self.environment("php-community", PHP_INI_SCAN_DIR=value))
            self.assertEqual((out, self.values()), ("served", [expected]))


if __name__ == "__main__":
    unittest.main()
