"""Tests of what loads OpenTelemetry into PHP, with Debian's PHP; run by `hack/agents test`.

ODIGOS_TEST_AGENTS is the directory of all laid-out agents. Where OpenTelemetry's packages and its extension for this PHP
are among them, they are used; what needs them is skipped elsewhere.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import unittest
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from sink import Sink  # noqa: E402

DEADLINE = 180
PHP = shutil.which("php")
VERSION = PHP and subprocess.run([PHP, "-n", "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"], text=True,
                                 stdout=subprocess.PIPE).stdout
REAL = os.path.join(os.environ.get("ODIGOS_TEST_AGENTS", "/nowhere"), "php")
HAS_REAL = bool(PHP) and os.path.exists(os.path.join(REAL, VERSION, "opentelemetry.so"))
HAS_DATABASE = bool(PHP) and "pdo_sqlite" in subprocess.run([PHP, "-m"], text=True, stdout=subprocess.PIPE).stdout


class Hanging:
    """A collector that takes connections, and never answers; or what it is told to, to a request with the body `spans`."""

    def __init__(self, answer=b"", closes=False):
        self.answer, self.closes, self.asked = answer, closes, []

    def __enter__(self):
        self.connections, self.server = [], socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                self.connections.append(self.server.accept()[0])
                if self.answer or self.closes:
                    asked = part = self.connections[-1].recv(65536)
                    while part and not asked.endswith(b"spans"):
                        part = self.connections[-1].recv(65536)
                        asked += part
                    self.asked.append(asked)
                    self.connections[-1].sendall(self.answer)
                if self.closes:
                    self.connections[-1].close()

    def __exit__(self, *_):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        for connection in self.connections:
            connection.close()


@unittest.skipUnless(PHP, "there is no PHP here")
class PHPCase(unittest.TestCase):
    """An agent laid out as on a node, and what runs programs with it."""

    QUERY = "$d = new PDO('sqlite::memory:'); echo $d->query('select 1')->fetchColumn();"

    @classmethod
    def setUpClass(cls):
        cls.extension = os.path.join(cls.enterClassContext(tempfile.TemporaryDirectory()), "odigos.so")
        with open(os.path.join(os.path.dirname(HERE), "upstream.toml"), "rb") as file:
            number = tomllib.load(file)["php-community"]["php"]["apis"].get(VERSION)
        if number is None:
            raise unittest.SkipTest(f"PHP {VERSION} gets no agent")
        subprocess.run([os.path.join(HERE, "extension", "build"), cls.extension, str(number)], check=True)
        if HAS_REAL:  # where the tests can take it by links
            cls.vendor = os.path.join(os.path.dirname(cls.extension), "vendor")
            shutil.copytree(os.path.join(REAL, "vendor"), cls.vendor)

    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory())
        # as on a node, where PHP's name for a file and the one that it was told differ
        node = os.path.join(self.directory, "node")
        os.makedirs(os.path.join(node, ".versions", "1a2b", "php"))
        os.symlink(os.path.join(".versions", "1a2b"), os.path.join(node, ".current"))
        os.symlink(os.path.join(".current", "php"), os.path.join(node, "php"))
        self.agent = os.path.join(node, "php")
        shutil.copytree(os.path.join(HERE, "odigos"), os.path.join(self.agent, "odigos"))
        shutil.copy(os.path.join(HERE, "prepend.php"), self.agent)
        if HAS_REAL:
            shutil.copytree(self.vendor, os.path.join(self.agent, "vendor"), copy_function=os.link)
            shutil.copy(os.path.join(REAL, "packages.json"), self.agent)
        with open(os.path.join(HERE, "odigos.ini")) as file:
            ini = file.read().replace("/var/odigos/php", self.agent).replace("VERSION", VERSION)
        if HAS_REAL:
            ini = ini.replace(f"{self.agent}/{VERSION}/opentelemetry.so", f"{REAL}/{VERSION}/opentelemetry.so")
        else:
            ini = "".join(line for line in ini.splitlines(True) if "/opentelemetry.so" not in line)
        self.write(f"node/php/{VERSION}/odigos.ini", ini)
        shutil.copy(self.extension, os.path.join(self.agent, VERSION))

    def write(self, path, text):
        path = os.path.join(self.directory, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def environment(self, agent=True, **variables):
        scan = {"PHP_INI_SCAN_DIR": f"{variables.pop('before', '')}:{self.agent}/{VERSION}"} if agent else {}
        return {"PATH": os.environ["PATH"], "HOME": self.directory, "OTEL_PHP_AUTOLOAD_ENABLED": "true",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_SERVICE_NAME": "shop", **scan, **variables}

    def run_program(self, source, *options, name="program.php", **arguments):
        program = self.write(name, source)
        return subprocess.run([PHP, *options, program], env=self.environment(**arguments), text=True, timeout=DEADLINE,
                              cwd=self.directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def assert_same(self, source, *options, **variables):
        variables.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        plain = self.run_program(source, *options, agent=False, **variables)
        traced = self.run_program(source, *options, **variables)
        self.assertEqual((traced.stdout, traced.stderr, traced.returncode), (plain.stdout, plain.stderr, plain.returncode))
        return traced

    def eventually(self, condition):
        end = time.monotonic() + DEADLINE
        while not condition() and time.monotonic() < end:
            time.sleep(0.02)
        return condition()


class PHPTests(PHPCase):
    def test_programs_do_what_they_did(self):
        for source in (
            "hello\n<?php echo 1;", "<?php exit(3);", "<?php throw new Exception('x');", "<?php nope();", "<?php trigger_error('x');",
            "<?php echo json_encode([spl_autoload_functions() === [], class_exists('Composer\\Autoload\\ClassLoader')]);"
            if not HAS_REAL else "<?php echo json_encode(class_exists('Composer\\Autoload\\ClassLoader'));",
            "<?php register_shutdown_function(fn () => print('end'));", "<?php unset($argv, $argc); echo count(get_defined_vars()) < 7;",
            "<?php declare(strict_types=1);\nnamespace A; echo strlen('a');", "<?php echo error_reporting(), ini_get('display_errors');",
        ):
            with self.subTest(source):
                self.assert_same(source)

    def test_the_programs_own_prepended_file_is_run(self):
        own = self.write("own/prepended.php", "<?php $own = 'mine';")
        self.write("own/a.ini", f"; auto_prepend_file = /nowhere\nauto_prepend_file = {own}\nmemory_limit = 200M\n")
        for options, arguments in (([], {"before": os.path.join(self.directory, "own")}), (["-d", f"auto_prepend_file={own}"], {}),
                                   (["-d", f"auto_prepend_file={own}", "-d", f"open_basedir={self.directory}/own"], {"name": "own/program.php"})):
            ran = self.run_program("<?php echo $own;", *options, **arguments)
            self.assertEqual((ran.stdout, ran.stderr), ("mine", ""), options)

    def test_a_program_that_may_not_read_the_agent_runs_without_it(self):
        self.write("app/other.php", "<?php echo 'other';")
        for directories in (f"{self.directory}/app", ".", f"{self.directory}/app:.", f"{self.agent}/none:{self.directory}/app"):
            with self.subTest(directories):
                ran = self.assert_same("<?php echo 1; require __DIR__ . '/other.php'; echo ini_get('open_basedir');",
                                       "-d", f"open_basedir={directories}", name="app/program.php")
                self.assertEqual((ran.stdout, ran.stderr), (f"1other{directories}", ""))

    def test_functions_that_are_disabled_are_not_missed(self):
        source = "<?php echo 1;" + (self.QUERY if HAS_DATABASE else "")
        for functions in ("getenv", "get_cfg_var", "error_reporting", "ini_get", "set_error_handler", "restore_error_handler",
                          "register_shutdown_function", "spl_autoload_register", "getmypid,gethostname,php_uname",
                          "stream_socket_client,fsockopen", "hrtime,microtime", "file_get_contents,is_file", "function_exists",
                          "exec,passthru,shell_exec,system,proc_open,popen,curl_exec,parse_ini_file,show_source,phpinfo"):
            with self.subTest(functions):
                self.assert_same(source, "-d", f"disable_functions={functions}")

    def test_a_program_with_little_memory_keeps_it(self):
        for limit in ("4M", "4096k", "4194304", "31M"):
            with self.subTest(limit):
                ran = self.assert_same("<?php echo (int) defined('Odigos\\\\PREPENDED');", "-d", f"memory_limit={limit}")
                self.assertEqual(ran.stdout, "0")
        for limit in ("128M", "32M", "-1", "1G", "134217728"):
            with self.subTest(limit):
                ran = self.run_program("<?php echo (int) defined('Odigos\\\\PREPENDED');", "-d", f"memory_limit={limit}")
                self.assertEqual((ran.stdout, ran.stderr), ("1", ""))

    def test_an_agent_that_is_not_there_is_none(self):
        os.remove(os.path.join(self.agent, "prepend.php"))
        self.assert_same("<?php echo 1;")

    def packages(self, installed, needs, code):
        """Runs code with $packages, of an agent whose packages need that, for a program that has those."""
        self.write("other/vendor/composer/autoload_classmap.php", "<?php return ['Psr\\Log\\L' => dirname(__DIR__) . '/psr/log/L.php'];")
        self.write("other/vendor/composer/autoload_files.php", "<?php return [];")
        self.write("other/vendor/psr/log/L.php", "<?php namespace Psr\\Log; class L { const OF = 'agent'; }")
        self.write("other/packages.json", json.dumps(needs))
        versions = "".join(f"'{name}' => ['version' => '{version}']," for name, version in installed.items())
        self.write("app/vendor/autoload.php", "<?php")
        self.write("app/vendor/composer/installed.php", f"<?php return ['versions' => [{versions}]];")
        self.write("app/vendor/composer/autoload_psr4.php", "<?php return ['Psr\\\\Log\\\\' => [__DIR__ . '/../psr/log/src']];")
        self.write("app/vendor/composer/autoload_namespaces.php", "<?php return [];")
        self.write("app/vendor/composer/autoload_classmap.php", "<?php return [];")
        self.write("app/vendor/psr/log/src/L.php", "<?php namespace Psr\\Log; class L { const OF = 'program'; }")
        source = f"""<?php require '{HERE}/odigos/agent.php'; require '{HERE}/odigos/packages.php';
try {{ $packages = new Odigos\\Packages('{self.directory}/other'); $packages->register(); {code} }}
catch (RuntimeException $error) {{ echo $error->getMessage(); }}"""
        ran = self.run_program(source, "-n", name="app/public/index.php", agent=False)
        self.assertEqual(ran.stderr, "")
        return ran.stdout

    def test_the_programs_package_wins_as_a_whole_if_it_will_do(self):
        needs = {"psr/log": {}, "open-telemetry/api": {"psr/log": "^1.1|^2.0|^3.0"}}
        self.assertEqual(self.packages({"psr/log": "1.1.4.0"}, needs, "echo Psr\\Log\\L::OF;"), "program")
        self.assertEqual(self.packages({}, needs, "echo Psr\\Log\\L::OF;"), "agent")

    def test_constraints_are_compared_as_composer_does(self):
        for version, constraint, will_do in (
            ("1.1.4.0", "^1.1|^2.0", True), ("1.0.0.0", "^1.1|^2.0", False), ("3.0.0.0", "^1.1 || ^2.0", False), ("2.9.9.0", "^2", True),
            ("0.12.3.0", "^0.8.8 || ^0.12", True), ("0.13.0.0", "^0.12", False), ("4.33.6.0", "^3.22 || ^4.0", True),
            ("9999999-dev", "^1.0", False), ("dev-main", "^1.0", False), ("1.0.0.0", "~1.0", False), ("7.0.0.0", "*", True),
            ("2.0.0.0-beta1", "^2.0", True)):
            with self.subTest(version=version, constraint=constraint):
                said = self.packages({"psr/log": version}, {"psr/log": {}, "a/b": {"psr/log": constraint}}, "echo 'used';")
                self.assertEqual(said, "used" if will_do else f"the program's psr/log {version} is not {constraint}, as a/b needs it")

    def test_what_a_package_of_the_programs_needs_is_its_own_affair(self):
        needs = {"psr/log": {}, "ramsey/uuid": {"psr/log": "^9"}}
        self.assertEqual(self.packages({"psr/log": "1.0.0.0", "ramsey/uuid": "4.0.0.0"}, needs, "echo 'used';"), "used")

    def test_answers_are_read_as_far_as_they_are_of_interest(self):
        unending = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab"
        for answer, closes, said in (
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab", False, "sent: ab"), (b"HTTP/1.1 202 OK\r\n\r\nab", True, "sent: "),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", True, "sent: "),
            (b"HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", False, "sent: "), (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 200_000, False, "sent: "),
            (b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n", False, 'URL answered "HTTP\\/1.1 503 Away"'),
            (b"SSH-2.0\r\n", True, 'URL answered "SSH-2.0"'), (b"", True, "URL answered nothing"), (unending, True, "sent: "),
            (unending, False, "URL: no answer within 0.5 s"), (b"", False, "URL: no answer within 0.5 s"),
        ):
            with self.subTest(answer[:60], closes=closes), Hanging(answer, closes) as server:
                source = f"""<?php require '{HERE}/odigos/http.php';
try {{ echo 'sent: ' . (new Odigos\\Post('{server.endpoint}/v1/traces?a', ['A: b'], 0.5))->send('spans'); }}
catch (RuntimeException $error) {{ echo $error->getMessage(); }}"""
                ran = self.run_program(source, "-n", agent=False)
                self.assertEqual((ran.stdout.replace(f"{server.endpoint}/v1/traces?a", "URL"), ran.stderr), (said, ""))
                if server.asked:
                    head, body = server.asked[0].split(b"\r\n\r\n")
                    self.assertEqual((head.splitlines()[0], body), (b"POST /v1/traces?a HTTP/1.1", b"spans"))
                    self.assertIn(b"A: b\r\nContent-Length: 5", head)

    def test_a_collector_that_does_not_read_is_not_waited_for(self):
        with Hanging() as server:
            source = f"""<?php require '{HERE}/odigos/http.php';
try {{ (new Odigos\\Post('{server.endpoint}/', [], 0.5))->send(str_repeat('a', 50000000)); }}
catch (RuntimeException $error) {{ echo $error->getMessage(); }}"""
            ran = self.run_program(source, "-n", agent=False)
            self.assertEqual((ran.stdout, ran.stderr), (f"{server.endpoint}/: no answer within 0.5 s", ""))

    def test_a_program_with_opentelemetry_of_its_own_is_left_alone(self):
        said = self.packages({"open-telemetry/sdk": "1.0.0.0"}, {}, "echo 'used';")
        self.assertIn("the program has open-telemetry/sdk itself", said)

    def test_an_agent_that_is_broken_is_none(self):
        for name in os.listdir(os.path.join(HERE, "odigos")):
            if name == "agent.php":  # which is the first, and has nothing to fall back to
                continue
            with self.subTest(name):
                self.write(f"node/php/odigos/{name}", "<?php throw new Error('broken');")
                self.assert_same("<?php echo 1;")
        shutil.rmtree(os.path.join(self.agent, "odigos"))
        shutil.copytree(os.path.join(HERE, "odigos"), os.path.join(self.agent, "odigos"))
        if os.path.lexists(os.path.join(self.agent, "vendor")):
            shutil.rmtree(os.path.join(self.agent, "vendor"))
            self.assert_same("<?php echo 1;")

    @contextlib.contextmanager
    def serve(self, endpoint, *options, **variables):
        """PHP's own server for what is in site; gives its address."""
        server = subprocess.Popen([PHP, *options, "-S", "127.0.0.1:0", "-t", os.path.join(self.directory, "site")], text=True,
                                  env=self.environment(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **variables),
                                  stderr=subprocess.PIPE, start_new_session=True)
        try:
            yield next(line for line in server.stderr if "started" in line).split("(")[1].split(")")[0]
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.stderr.close()
            server.wait()

    @unittest.skipUnless(HAS_REAL and HAS_DATABASE, "OpenTelemetry's packages are not laid out for this PHP")
    def test_a_request_and_what_it_calls_are_one_trace(self):
        self.write("site/index.php", "<?php $d = new PDO('sqlite::memory:'); echo $d->query('select 1')->fetchColumn();")
        self.write("site/fails.php", "<?php nope();")
        directories = f"{self.directory}/site:{self.directory}/node"
        for options in ([], ["-d", "allow_url_fopen=Off"], ["-d", f"open_basedir={directories}"]):
            with self.subTest(options), Sink() as sink:
                with self.serve(sink.endpoint, *options) as address:
                    request = urllib.request.Request(f"{address}/", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
                    with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                        self.assertEqual(answer.read(), b"1")
                    try:
                        urllib.request.urlopen(f"{address}/fails.php", timeout=DEADLINE).close()
                    except urllib.error.HTTPError as error:
                        error.close()
                    self.assertTrue(self.eventually(lambda: len(sink.spans) >= 4), sink.spans)
                self.check_trace(sink)

    def check_trace(self, sink):
        root = next(span for span in sink.spans if span["name"] == "GET /index.php")
        self.assertEqual((root["trace"], root["parent"], root["kind"], root["error"]), (b"\xab" * 16, b"\xcd" * 8, 2, False))
        query = next(span for span in sink.spans if span["name"] == "PDO::query")
        self.assertEqual((query["trace"], query["parent"]), (root["trace"], root["id"]))
        self.assertTrue(next(span for span in sink.spans if span["name"] == "GET /fails.php")["error"])
        self.assertEqual(sink.failures, [])

    @unittest.skipUnless(HAS_REAL and HAS_DATABASE, "OpenTelemetry's packages are not laid out for this PHP")
    def test_spans_that_cannot_be_sent_do_not_show(self):
        report = "register_shutdown_function(function () { register_shutdown_function(function () { " \
                 "register_shutdown_function(function () { echo json_encode(error_get_last()); }); }); });"
        handler = "set_error_handler(function ($level, $message) { echo \"handled: $message\"; return true; });"
        with Sink(answer=503) as refusing, Hanging() as hanging:
            for endpoint in ("http://127.0.0.1:9", refusing.endpoint, hanging.endpoint, "nonsense", "http://", "https://127.0.0.1:9"):
                for before in ("", handler, report):
                    with self.subTest(endpoint=endpoint, before=before):
                        ran = self.assert_same(f"<?php {before} {self.QUERY}", "-d", "log_errors=1", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
                        self.assertEqual((ran.stdout, ran.stderr), ("1null" if before == report else "1", ""))
            self.assertTrue(refusing.requests)
            self.assertTrue(hanging.connections)

    @unittest.skipUnless(HAS_REAL and HAS_DATABASE, "OpenTelemetry's packages are not laid out for this PHP")
    def test_what_opentelemetry_says_is_shown_where_it_is_asked_for(self):
        for variables in ({"OTEL_LOG_LEVEL": "debug"}, {"OTEL_PHP_LOG_DESTINATION": "error_log"}):
            with self.subTest(variables):
                ran = self.run_program(f"<?php {self.QUERY}", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", **variables)
                self.assertEqual(ran.stdout.strip()[-1:], "1")
                self.assertIn("no connection", ran.stderr)

    @unittest.skipUnless(HAS_REAL and HAS_DATABASE, "OpenTelemetry's packages are not laid out for this PHP")
    def test_a_collector_that_hangs_is_waited_for_once(self):
        self.write("site/index.php", f"<?php {self.QUERY}")
        with Hanging() as hanging:
            # several processes, as of PHP-FPM
            with self.serve(hanging.endpoint, PHP_CLI_SERVER_WORKERS="3") as address:
                for _ in range(6):
                    with urllib.request.urlopen(address, timeout=DEADLINE) as answer:
                        self.assertEqual(answer.read(), b"1")
            self.assertEqual(len(hanging.connections), 1)

    @unittest.skipUnless(HAS_REAL and HAS_DATABASE, "OpenTelemetry's packages are not laid out for this PHP")
    def test_a_collector_that_refuses_is_asked_again(self):
        self.write("site/index.php", f"<?php {self.QUERY}")
        with Sink(answer=503) as sink, self.serve(sink.endpoint) as address:
            for _ in range(3):
                urllib.request.urlopen(address, timeout=DEADLINE).close()
            self.assertTrue(self.eventually(lambda: len(sink.requests) == 3), sink.requests)

    @unittest.skipUnless(HAS_REAL, "OpenTelemetry's packages are not laid out for this PHP")
    def test_functions_that_a_rule_names_are_traced(self):
        rule = json.dumps([{"className": "App\\Cart", "functionName": "add"}, {"functionName": "App\\total"}])
        with Sink() as sink:
            ran = self.run_program("""<?php namespace App;
class Cart { function add($count) { if ($count > 1) { throw new \\Exception('too many'); } return total(); } }
function total() { return time(); }
(new Cart)->add(1);
try { (new Cart)->add(2); } catch (\\Exception $error) { echo $error->getMessage(); }
""", OTEL_EXPORTER_OTLP_ENDPOINT=sink.endpoint, ODIGOS_PHP_AGENT_CUSTOM_INSTRUMENTATIONS=rule)
        self.assertEqual((ran.stdout, ran.stderr, sink.failures), ("too many", "", []))
        found = [(span["name"], span["error"]) for span in sink.spans]
        self.assertEqual(sorted(found), [("App\\Cart::add", False), ("App\\Cart::add", True), ("App\\total", False)])
        first, total = (next(s for s in sink.spans if s["name"] == n and not s["error"]) for n in ("App\\Cart::add", "App\\total"))
        self.assertEqual(total["parent"], first["id"])


if __name__ == "__main__":
    unittest.main()
