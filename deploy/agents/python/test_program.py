"""Tests of which programs are left alone, and of what others see of the agent's packages; see test_agent.py for what it
needs, and pip.
"""
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

from test_agent import AGENT, DEADLINE, AgentTests

AWAY = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


def load(name):
    spec = importlib.util.spec_from_file_location(name, os.path.join(AGENT, name + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wheel(directory, name, version):
    metadata = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(os.path.join(directory, f"{name}-{version}-py3-none-any.whl"), "w") as file:
        file.writestr(f"{name}.py", f"version = {version!r}\n")
        file.writestr(f"{metadata}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        file.writestr(f"{metadata}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{metadata}/RECORD", "".join(
            f"{path},,\n" for path in (f"{name}.py", *(f"{metadata}/{part}" for part in ("METADATA", "WHEEL", "RECORD")))))


class ProgramTests(unittest.TestCase):
    run_program, assert_same = AgentTests.run_program, AgentTests.assert_same

    def virtual_environment(self):
        """A Python that has nothing but a copy of this one's pip; and where its packages lie."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", directory.name], check=True)
        packages = os.path.join(directory.name, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")
        pip = os.path.dirname(importlib.util.find_spec("pip").origin)
        shutil.copytree(pip, os.path.join(packages, "pip"))
        return os.path.join(directory.name, "bin", "python"), packages

    @unittest.skipUnless(importlib.util.find_spec("pip"), "there is no pip here")
    def test_pip_sees_and_installs_what_it_would_without_the_agent(self):
        python, packages = self.virtual_environment()
        wheels = tempfile.TemporaryDirectory()
        self.addCleanup(wheels.cleanup)
        for name in ("idna", "requests", "typing_extensions"):
            wheel(wheels.name, name, "0.1")

        def run(*command, agent=True):
            environment = {"PATH": os.environ["PATH"], "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                           "PIP_ROOT_USER_ACTION": "ignore", **AWAY, **({"PYTHONPATH": AGENT} if agent else {})}
            ran = subprocess.run([python, *command], env=environment, text=True, timeout=DEADLINE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            return ran.returncode, ran.stdout, ran.stderr

        self.assertEqual(run("-m", "pip", "list"), run("-m", "pip", "list", agent=False))
        in_a_program = "from pip._internal.cli.main import main\nraise SystemExit(main(['freeze']))"
        self.assertEqual(run("-c", in_a_program), run("-c", in_a_program, agent=False))
        instrumented = "from opentelemetry.instrumentation.requests import RequestsInstrumentor as of\n" \
                       "print(of().is_instrumented_by_opentelemetry)"  # the agent's own, for programs that are given theirs late
        self.assertEqual(run("-c", instrumented), (0, "True\n", ""))
        status, output, errors = run("-m", "pip", "install", "--find-links", wheels.name, "idna", "requests", "typing_extensions")
        self.assertEqual((status, errors), (0, ""), output)
        for name in ("idna", "requests", "typing_extensions"):
            self.assertTrue(os.path.exists(os.path.join(packages, name + ".py")), output)

    def test_programs_do_not_find_the_agents_packages_installed(self):
        ran = self.assert_same("""
import sys
from importlib.metadata import PackageNotFoundError, distributions, version
print(sorted({found.metadata["Name"] for found in distributions(path=sys.path)}))
print([found.version for found in distributions(name="googleapis-common-protos")])
try:
    print(version("googleapis_common_protos"))
except PackageNotFoundError:
    print("not installed")
try:
    import pkg_resources
    print(sorted(found.project_name for found in pkg_resources.working_set))
except ImportError:
    pass
""")
        self.assertEqual(ran.returncode, 0)

    def test_opentelemetry_finds_itself(self):
        source = """
from importlib.metadata import distributions, version
names = [found.metadata["Name"] for found in distributions() if found.metadata["Name"].startswith("opentelemetry")]
print(len(names) > 20, version("OpenTelemetry_SDK") == version("opentelemetry-sdk"))
"""
        ran = self.run_program(source, **AWAY)
        self.assertEqual((ran.stdout, ran.stderr), ("True True\n", ""))

    def test_package_managers_are_told_by_how_they_are_started(self):
        name, managers = load("odigos_program")._name, load("odigos_program").PACKAGE_MANAGERS
        for words, is_left_alone in (
            ("-m pip install x", True), ("-mpip list", True), ("-um pip.__main__ list", True), ("-W error -X dev -m ensurepip", True),
            ("-Werror -Bm venv v", True), ("--check-hash-based-pycs always /usr/bin/pip3.12 list", True), ("/v/bin/pip install x", True),
            ("/v/lib/python3.12/site-packages/pip/__pip-runner__.py install", True), ("/d/pip list", True), ("/d/pip/ list", True),
            ("get-pip.py", True), ("-- /usr/bin/pipenv run x", True), ("/opt/conda/bin/conda run x", True), ("-m poetry install", True),
            ("app.py", False), ("app.py -m pip", False), ("-c pass -m pip", False), ("-", False), ("", False), ("-m", False),
            ("-m pipeline", False), ("pipeline.py", False), ("/pip/app.py", False), ("/app/__main__.py pip", False),
            ("-m app pip", False), ("-W pip app.py", False), ("poetry.py", False), ("-X", False), ("--version", False),
            ("-m gunicorn app", False), ("/usr/bin/gunicorn app", False),
        ):
            with self.subTest(words):
                self.assertEqual(name(words.split()) in managers, is_left_alone)

    def test_a_process_with_little_address_space_is_left_alone(self):
        for limit, loaded in (("195312", "False\n"), ("4000000", "True\n"), ("unlimited", "True\n")):
            source = f"""
import os, sys
if len(sys.argv) == 1:
    os.execv("/bin/sh", ["sh", "-c", 'ulimit -v {limit}; exec "$@"', "sh", sys.executable, *sys.argv, "again"])
print("opentelemetry.sdk" in sys.modules)
"""
            with self.subTest(limit):
                ran = self.run_program(source, ODIGOS_OPAMP_SERVER_HOST="127.0.0.1:9", **AWAY)
                self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (0, loaded, ""))


del AgentTests  # which has a file of its own

if __name__ == "__main__":
    unittest.main()
