"""Tests of the agent in PHP-FPM, whose pools say for themselves what their scripts may read; run by `hack/agents test`."""
import glob
import os
import shutil
import signal
import socket
import struct
import subprocess
import unittest

from test_php_agent import DEADLINE, HAS_DATABASE, HAS_REAL, VERSION, Hanging, PHPCase, Sink

FPM = shutil.which(f"php-fpm{VERSION}") or shutil.which("php-fpm") or next(iter(glob.glob(f"/usr/sbin/php-fpm{VERSION}")), None)


def pair(name, value):
    """A parameter of FastCGI."""
    name, value = name.encode(), value.encode()
    return struct.pack(">II", len(name) | 1 << 31, len(value) | 1 << 31) + name + value


def record(kind, content=b""):
    return struct.pack(">BBHHBx", 1, kind, 1, len(content), 0) + content


def ask(path, script, name="/index.php"):
    """The answer of a pool: its head and its body."""
    parameters = b"".join(pair(*item) for item in {
        "SCRIPT_FILENAME": script, "SCRIPT_NAME": name, "REQUEST_METHOD": "GET", "REQUEST_URI": name,
        "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1"}.items())
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(DEADLINE)
        connection.connect(path)
        connection.sendall(record(1, struct.pack(">HB5x", 1, 0)) + record(4, parameters) + record(4) + record(5))
        with connection.makefile("rb") as file:
            answer = b""
            while head := file.read(8):
                _, kind, _, size, padding = struct.unpack(">BBHHBx", head)
                content = file.read(size + padding)[:size]
                if kind == 6:
                    answer += content
                elif kind == 3:
                    break
    return tuple(answer.decode().split("\r\n\r\n", 1))


@unittest.skipUnless(FPM and HAS_REAL and HAS_DATABASE, "there is no PHP-FPM, or OpenTelemetry's packages are not laid out")
class FPMTests(PHPCase):
    def serve(self, pools, endpoint, agent=True, **variables):
        """Starts PHP-FPM with those pools; where each listens."""
        os.chmod(self.directory, 0o755)
        text = f"[global]\nerror_log = {self.directory}/fpm.log\ndaemonize = no\n"
        for name, lines in pools.items():
            text += f"[{name}]\nlisten = {self.directory}/{name}.sock\npm = static\npm.max_children = 2\n"
            text += "user = root\ngroup = root\n" if os.getuid() == 0 else ""
            text += "".join(f"{line}\n" for line in lines)
        configuration = self.write("fpm.conf", text)
        environment = self.environment(agent, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **variables)
        with open(os.path.join(self.directory, "fpm.out"), "w") as out:
            server = subprocess.Popen([FPM, "-R", "-F", "-y", configuration], env=environment, stderr=out, start_new_session=True)

        def stop():
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
            for name in pools:
                os.remove(os.path.join(self.directory, f"{name}.sock"))
        paths = {name: os.path.join(self.directory, f"{name}.sock") for name in pools}
        self.addCleanup(stop)
        self.assertTrue(self.eventually(lambda: all(map(os.path.exists, paths.values()))), self.said)
        return paths

    def said(self):
        with open(os.path.join(self.directory, "fpm.log")) as file:
            return file.read()

    def test_each_pool_is_as_it_says(self):
        script = self.write("site/index.php", f"<?php echo $own ?? ''; {self.QUERY}")
        own = self.write("site/own.php", "<?php $own = 'own';")
        pools = {
            "plain": [], "limited": [f"php_admin_value[open_basedir] = {self.directory}/site"],
            "open": [f"php_admin_value[open_basedir] = {self.directory}/site:{self.directory}/node"],
            "own": [f"php_value[auto_prepend_file] = {own}"],
            "both": [f"php_admin_value[auto_prepend_file] = {own}", f"php_admin_value[open_basedir] = {self.directory}/site"],
        }
        if os.getuid() == 0:
            pools["root"] = [f"chroot = {self.directory}/site", "chdir = /"]
        with Sink() as sink:
            paths = self.serve(pools, sink.endpoint)
            for name, path in paths.items():
                with self.subTest(name):
                    del sink.spans[:]
                    head, body = ask(path, "/index.php" if name == "root" else script, f"/{name}")
                    self.assertNotIn("Status", head)
                    self.assertEqual(body, "own1" if name in ("own", "both") else "1")
                    is_traced = name in ("plain", "open", "own")
                    if is_traced:
                        self.eventually(lambda: f"GET /{name}" in [span["name"] for span in sink.spans])
                    self.assertEqual(f"GET /{name}" in [span["name"] for span in sink.spans], is_traced)
            self.assertEqual(sink.failures, [])

    def test_a_collector_that_hangs_is_waited_for_once_by_all_workers(self):
        script = self.write("site/index.php", f"<?php {self.QUERY}")
        with Hanging() as hanging:
            path = self.serve({"plain": []}, hanging.endpoint)["plain"]
            self.assertEqual([ask(path, script)[1] for _ in range(6)], ["1"] * 6)
            self.assertEqual(len(hanging.connections), 1)


if __name__ == "__main__":
    unittest.main()
