"""Tests of upstream.py: fetching from a mirror on this machine, and what becomes of what cannot be had."""
import base64
import contextlib
import functools
import hashlib
import http.server
import io
import json
import os
import stat
import sys
import tarfile
import tempfile
import threading
import tomllib
import unittest
import zipfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import upstream  # noqa: E402

JAR = b"PK a jar" * 1000
URLS = ["https://central.example/agent-{version}.jar", "https://github.example/v{version}/agent.jar"]


def tar_of(files, mode="w:gz"):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            info.mode = 0o755 if content.startswith(b"#!") else 0o644
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def zip_of(files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


class Faulty(http.server.SimpleHTTPRequestHandler):
    """A server that cuts off what has `cut` in its path."""

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        if "cut" not in self.path:
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", str(len(JAR)))
        self.end_headers()
        self.wfile.write(JAR[:100])
        self.close_connection = True


class UpstreamTests(unittest.TestCase):
    def setUp(self):
        self.work = self.enterContext(tempfile.TemporaryDirectory())
        self.mirror, self.out, self.source = (os.path.join(self.work, name) for name in ("mirror", "out", "source"))
        for directory in (self.mirror, self.out, self.source):
            os.mkdir(directory)

    def offer(self, path, data, root=None):
        path = os.path.join(root or self.mirror, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)

    def fetch(self, table, pins=None, mirror=None, prebuilt=None):
        """Fetches; answers the inventory."""
        with open(os.path.join(self.work, "checksums.txt"), "w") as file:
            file.write("# a comment\n" + "".join(f"{hashlib.sha256(d).hexdigest()}  {n}\n" for n, d in (pins or {}).items()))
        fetcher = upstream.Fetcher(os.path.join(self.work, "downloads"), mirror or self.mirror)
        checksums = upstream.Checksums(os.path.join(self.work, "checksums.txt"))
        with contextlib.redirect_stderr(io.StringIO()) as self.said:
            upstream.fetch(self.out, table, fetcher, checksums, table, self.source, prebuilt)
        upstream.inventory(self.out)
        with open(os.path.join(self.out, "inventory.json")) as file:
            return json.load(file)

    def content(self, path):
        with open(os.path.join(self.out, path), "rb") as file:
            return file.read()

    def server(self):
        handler = functools.partial(Faulty, directory=self.mirror)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_port}"

    JAVA = {"java-community": {"version": "2.0", "files": [{"to": "java/javaagent.jar", "urls": URLS}]}}

    def check_missing(self, inventory, *texts):
        self.assertEqual(inventory["distributions"], {})
        self.assertFalse(os.path.exists(os.path.join(self.out, "java")))
        for text in texts:
            self.assertIn(text, inventory["missing"]["java-community"])
        self.assertIn("without java-community", self.said.getvalue())
        self.assertEqual([name for name in os.listdir(self.out) if name.startswith(".new")], [])

    def prebuild(self, name, said, files):
        prebuilt = os.path.join(self.work, "prebuilt")
        for path, data in files.items():
            self.offer(f"{name}/{path}", data, prebuilt)
        if said is not None:
            self.offer(f"{name}.json", said, prebuilt)
        return prebuilt

    def test_a_prebuilt_agent_is_taken_instead_of_being_fetched(self):
        prebuilt = self.prebuild("java-community", b'{"version": "2.0-ours"}', {"java/javaagent.jar": b"ours"})
        found = self.fetch(self.JAVA, prebuilt=prebuilt)
        self.assertEqual(found["distributions"], {"java-community": {"version": "2.0-ours"}})
        self.assertEqual(self.content("java/javaagent.jar"), b"ours")

    def offer_build(self):
        """Stands in for what compiles our extension for PHP."""
        self.offer("php/extension/build", b"#!/bin/sh\necho $2 >$1\n", self.source)
        os.chmod(os.path.join(self.source, "php/extension/build"), 0o755)

    def test_a_prebuilt_agent_gets_what_loads_it(self):
        self.offer("php/odigos.ini", b"extension=/x/VERSION/opentelemetry.so", self.source)
        self.offer("php/prepend.php", b"<?php", self.source)
        self.offer_build()
        self.offer("php/composer.lock", json.dumps({"packages": [
            {"name": "a/b", "require": {"c/d": "^1", "php": "^8.2"}}, {"name": "c/d"}]}).encode(), self.source)
        self.offer("ruby/index.rb", b"# ours", self.source)
        prebuilt = self.prebuild("php-community", b'{"version": "1", "variants": ["8.2"]}', {"php/8.2/opentelemetry.so": b"so"})
        self.prebuild("ruby-community", b'{"version": "2", "variants": ["3.1", "3.3"]}', {"ruby/bundle/gems/a/a.rb": b"a"})
        found = self.fetch({
            "php-community": {"php": {"lock": "php", "to": "php", "variants": ["8.1", "8.2"], "apis": {"8.2": 82}, "urls": []},
                              "own": {"php/prepend.php": "php/prepend.php"}},
            "ruby-community": {"gems": {"lock": "ruby", "to": "ruby/bundle", "variants": ["3.1"]},
                               "own": {"ruby/index.rb": "ruby/index.rb"}}}, prebuilt=prebuilt)
        self.assertEqual(found["distributions"]["php-community"], {"version": "1", "variants": ["8.2"]})
        self.assertEqual(found["missing"], {})
        self.assertEqual(self.content("php/8.2/odigos.ini"), b"extension=/x/8.2/opentelemetry.so")
        self.assertEqual(self.content("php/8.2/odigos.so"), b"82\n")
        self.assertEqual(self.content("php/prepend.php"), b"<?php")
        self.assertEqual(json.loads(self.content("php/packages.json")), {"a/b": {"c/d": "^1"}, "c/d": {}})
        self.assertEqual(self.content("ruby/3.3/bundle/gems/a/a.rb"), b"a")
        self.assertEqual(self.content("ruby/3.3/index.rb"), b"# ours")

    def test_a_prebuilt_agent_that_does_not_say_what_it_is_is_missing(self):
        for said in (None, b"{", b"{}", b"[]"):
            with self.subTest(said):
                prebuilt = self.prebuild("java-community", said, {"java/javaagent.jar": b"ours"})
                self.check_missing(self.fetch(self.JAVA, prebuilt=prebuilt), "prebuilt")

    def test_a_file_comes_from_the_first_address_that_has_it(self):
        self.offer("github.example/v2.0/agent.jar", JAR)
        for mirror in (self.mirror, "file://" + self.mirror, self.server()):
            with self.subTest(mirror):
                inventory = self.fetch(self.JAVA, {"agent-2.0.jar": JAR}, mirror)
                self.assertEqual(inventory["distributions"], {"java-community": {"version": "2.0"}})
                self.assertEqual(self.content("java/javaagent.jar"), JAR)

    def test_what_was_fetched_once_is_not_fetched_again(self):
        self.offer("central.example/agent-2.0.jar", JAR)
        self.fetch(self.JAVA, {"agent-2.0.jar": JAR})
        os.remove(os.path.join(self.mirror, "central.example/agent-2.0.jar"))
        self.assertIn("java-community", self.fetch(self.JAVA, {"agent-2.0.jar": JAR})["distributions"])
        # but never without its checksum
        downloads = os.path.join(self.work, "downloads")
        for name in os.listdir(downloads):
            self.offer(name, b"rotten", downloads)
        self.check_missing_after_removal()

    def check_missing_after_removal(self):
        for name in os.listdir(os.path.join(self.out, "java")):
            os.remove(os.path.join(self.out, "java", name))
        os.rmdir(os.path.join(self.out, "java"))
        self.check_missing(self.fetch(self.JAVA, {"agent-2.0.jar": JAR}), "could not be read")

    def test_another_file_is_refused(self):
        self.offer("central.example/agent-2.0.jar", b"something else")
        self.check_missing(
            self.fetch(self.JAVA, {"agent-2.0.jar": JAR}), "its sha256 is " + hashlib.sha256(b"something else").hexdigest(),
            "and not " + hashlib.sha256(JAR).hexdigest())

    def test_a_file_without_a_known_checksum_is_not_even_fetched(self):
        self.offer("central.example/agent-2.0.jar", JAR)
        self.check_missing(self.fetch(self.JAVA), "no checksum of agent-2.0.jar is pinned")

    def test_a_download_that_is_cut_off_is_no_file(self):
        table = {"java-community": {"version": "2.0", "files": [
            {"to": "java/javaagent.jar", "urls": ["https://central.example/cut-2.0.jar"]}]}}
        self.check_missing(self.fetch(table, {"cut-2.0.jar": JAR}, self.server()), "cut-2.0.jar", "100 of 8000 bytes")
        self.assertEqual(os.listdir(os.path.join(self.work, "downloads")), [])

    def test_a_server_that_cannot_be_reached_is_asked_once(self):
        with http.server.HTTPServer(("127.0.0.1", 0), Faulty) as closed:
            mirror = f"http://127.0.0.1:{closed.server_port}"
        inventory = self.fetch(self.JAVA, {"agent-2.0.jar": JAR}, mirror)
        self.check_missing(inventory, "could not be reached")
        self.assertEqual(inventory["missing"]["java-community"].count("could not be reached"), 1)

    def test_an_answer_that_is_no_file_is_named(self):
        self.check_missing(self.fetch(self.JAVA, {"agent-2.0.jar": JAR}, self.server()), "agent-2.0.jar answers 404")

    def test_one_that_fails_takes_nothing_else_along(self):
        self.offer("central.example/agent-2.0.jar", JAR)
        table = {"ruby-community": {"gems": {"lock": "ruby", "to": "ruby/bundle", "variants": []}}, **self.JAVA}
        inventory = self.fetch(table, {"agent-2.0.jar": JAR})
        self.assertEqual(list(inventory["distributions"]), ["java-community"])
        self.assertIn("Gemfile.lock", inventory["missing"]["ruby-community"])
        # and of an earlier version nothing is lost when the new one cannot be had
        newer = {"java-community": dict(self.JAVA["java-community"], version="3.0")}
        self.fetch(newer, {"agent-3.0.jar": b"3"})
        self.assertEqual(self.content("java/javaagent.jar"), JAR)

    DOTNET = {"dotnet-community": {"version": "1.1", "files": [
        {"variant": libc, "to": "dotnet", "rename": {f"linux-{directory}{{dotnet-machine}}": f"linux-{libc}"},
         "urls": [f"https://github.example/v{{version}}/dotnet-{libc}.zip"]}
        for libc, directory in (("glibc", ""), ("musl", "musl-"))]}}

    def archive(self, directory):
        machine = upstream.WORDS["dotnet-machine"]
        return zip_of({f"linux-{directory}{machine}/Native.so": b"native", "net/Hook.dll": b"hook", "VERSION": b"1"})

    def test_each_variant_has_its_archive(self):
        archives = {libc: self.archive(directory) for libc, directory in (("glibc", ""), ("musl", "musl-"))}
        for libc, data in archives.items():
            self.offer(f"github.example/v1.1/dotnet-{libc}.zip", data)
        pins = {f"1.1/dotnet-{libc}.zip": data for libc, data in archives.items()}
        inventory = self.fetch(self.DOTNET, pins)
        self.assertEqual(inventory["distributions"]["dotnet-community"]["variants"], ["glibc", "musl"])
        for libc in archives:
            self.assertEqual(self.content(f"dotnet/linux-{libc}/Native.so"), b"native")
        self.assertEqual(self.content("dotnet/net/Hook.dll"), b"hook")
        with self.subTest("one of them is damaged"):
            damaged = archives["musl"][:-30]
            self.offer("github.example/v1.1/dotnet-musl.zip", damaged)
            inventory = self.fetch(self.DOTNET, {**pins, "1.1/dotnet-musl.zip": damaged})
            self.assertEqual(inventory["distributions"]["dotnet-community"]["variants"], ["glibc"])
            self.assertIn("cannot be read", inventory["missing"]["dotnet-community/musl"])

    def test_an_archive_does_not_lead_out_of_its_place(self):
        table = {"java-community": {"version": "1", "files": [{"to": "java", "urls": ["https://x.example/1.zip"]}]}}
        for path in ("../evil", "/etc/evil", "a/../../evil", "..\\evil"):
            data = zip_of({path: b"x"})
            self.offer("x.example/1.zip", data)
            self.check_missing(self.fetch(table, {"1.zip": data}), "leads out of it")

    def lock(self, packages):
        self.offer("nodejs/package-lock.json", json.dumps({"lockfileVersion": 3, "packages": {
            "": {"dependencies": {"auto": "0.61.0"}}, **packages}}).encode(), self.source)
        self.offer("nodejs/own.js", b"require", self.source)

    def package(self, name, data):
        self.offer(f"npm.example/{name}.tgz", data)
        digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
        return {"version": "1", "resolved": f"https://npm.example/{name}.tgz", "integrity": f"sha512-{digest}"}

    NODE = {"nodejs-community": {
        "npm": {"lock": "nodejs", "to": "opentelemetry-node"}, "own": {"nodejs/own.js": "nodejs-community/own.js"}}}

    def test_packages_of_npm_are_those_of_the_lock_file(self):
        auto = self.package("auto", tar_of({
            "package/index.js": b"auto", "package/lib/x.js": b"x", "package/lib/x.d.ts": b"t", "package/lib/x.js.map": b"m"}))
        nested = self.package("nested", tar_of({"package/package.json": b"{}"}))
        self.lock({"node_modules/@o/auto": auto, "node_modules/@o/auto/node_modules/nested": nested,
                   "node_modules/@types/node": {**auto, "resolved": "https://npm.example/not-there.tgz"},
                   "node_modules/tool": {**auto, "dev": True}})
        inventory = self.fetch(self.NODE)
        self.assertEqual(inventory["distributions"], {"nodejs-community": {"version": "0.61.0"}})
        base = "opentelemetry-node/node_modules/@o/auto"
        self.assertEqual(self.content(f"{base}/lib/x.js"), b"x")
        self.assertEqual(os.listdir(os.path.join(self.out, base, "lib")), ["x.js"])
        self.assertEqual(self.content(f"{base}/node_modules/nested/package.json"), b"{}")
        self.assertEqual(self.content("nodejs-community/own.js"), b"require")
        self.assertFalse(os.path.exists(os.path.join(self.out, "opentelemetry-node/node_modules/tool")))
        with self.subTest("one package is another"):
            self.lock({"node_modules/a": {**nested, "integrity": auto["integrity"]}})
            for name in os.listdir(os.path.join(self.work, "downloads")):
                os.remove(os.path.join(self.work, "downloads", name))
            self.assertIn("its sha512 is", self.fetch(self.NODE)["missing"]["nodejs-community"])

    def test_the_lock_files_of_node_js_are_complete(self):
        """Every package that one asks for is in the lock, found as Node.js finds it, at npm's address, with its digest."""
        for name in ("nodejs", "nodejs-14"):
            with open(os.path.join(upstream.HERE, name, "package-lock.json")) as file:
                packages = json.load(file)["packages"]
            with open(os.path.join(upstream.HERE, name, "package.json")) as file:
                self.assertEqual(packages[""]["dependencies"], json.load(file)["dependencies"])
            reached, ways = set(), [""]
            while ways:
                place = ways.pop()
                package = packages[place]
                optional = {peer for peer, meta in package.get("peerDependenciesMeta", {}).items() if meta.get("optional")}
                for needed in {**package.get("dependencies", {}), **package.get("peerDependencies", {})}:
                    found = self.find_package(packages, place, needed)
                    self.assertTrue(found or needed in optional, f"{name}: {place} needs {needed}")
                    if found and found not in reached:
                        reached.add(found)
                        ways.append(found)
            self.assertEqual(reached, set(packages) - {""}, f"{name} has packages that nothing asks for")
            for place in reached:
                self.check_pin(place.rpartition("node_modules/")[2], packages[place])

    def test_all_modules_of_node_js_are_laid_out(self):
        with open(os.path.join(upstream.HERE, "upstream.toml"), "rb") as file:
            table = tomllib.load(file)
        modules = {name for name in os.listdir(os.path.join(upstream.HERE, "nodejs"))
                   if name.startswith(("odigos-", "autoinstrumentation"))}
        for name in ("nodejs-community", "nodejs-community-14"):
            self.assertEqual(table[name]["own"], {f"nodejs/{module}": f"{name}/{module}" for module in modules})

    @staticmethod
    def find_package(packages, place, name):
        while True:
            candidate = f"{place}/node_modules/{name}".lstrip("/")
            if candidate in packages:
                return candidate
            if not place:
                return None
            place = place.rpartition("node_modules/")[0].rstrip("/")

    def check_pin(self, name, package):
        file = f"{name.rpartition('/')[2]}-{package['version']}.tgz"
        self.assertEqual(package["resolved"], f"https://registry.npmjs.org/{name}/-/{file}")
        algorithm, _, digest = package["integrity"].partition("-")
        self.assertEqual((algorithm, len(base64.b64decode(digest, validate=True))), ("sha512", 64), name)
        self.assertFalse(package.get("dev") or package.get("link"), name)

    RUBY = {"ruby-community": {
        "gems": {"lock": "ruby", "to": "ruby/bundle", "variants": ["3.1", "3.2"], "of-ruby": ["rake"]}, "own": {"ruby/index.rb": "ruby/index.rb"}}}

    def test_gems_are_those_of_the_lock_file(self):
        gem = tar_of({"metadata.gz": b"", "data.tar.gz": tar_of({"lib/a.rb": b"a"})}, "w")
        name = "opentelemetry-instrumentation-all"
        self.offer(f"rubygems.org/gems/{name}-0.7.gem", gem)
        self.offer("ruby/index.rb", b"index", self.source)
        machine = os.uname().machine
        compiled = [f"1-{machine}-linux-gnu", f"1-{machine}-linux-musl"]
        for version in compiled:
            self.offer(f"rubygems.org/gems/compiled-{version}.gem", gem)
        digest = hashlib.sha256(gem).hexdigest()
        pins = "".join(f"  {name} ({version}) sha256={digest}\n" for name, version in [
            (name, "0.7"), ("rake", "13"), ("compiled", "1-s390-linux-gnu"), *(("compiled", version) for version in compiled)])
        self.offer("ruby/Gemfile.lock", f"GEM\n  specs:\n\nCHECKSUMS\n{pins}\nBUNDLED WITH\n   2.6\n".encode(), self.source)
        facts = self.fetch(self.RUBY)["distributions"]["ruby-community"]
        self.assertEqual(facts, {"version": "0.7", "variants": ["3.1", "3.2"]})
        # every Ruby has its own way to the same
        for variant in ("3.1", "3.2"):
            self.assertEqual(self.content(f"ruby/{variant}/index.rb"), b"index")
            self.assertEqual(self.content(f"ruby/{variant}/bundle/gems/{name}-0.7/lib/a.rb"), b"a")
        # both C libraries' of this machine, and nothing that Ruby has itself
        self.assertEqual(sorted(os.listdir(os.path.join(self.out, "ruby/bundle/gems"))),
                         sorted([f"{name}-0.7", *(f"compiled-{version}" for version in compiled)]))
        self.offer("ruby/Gemfile.lock", b"GEM\n", self.source)
        self.assertIn("no checksums", self.fetch(self.RUBY)["missing"]["ruby-community"])

    PHP = {"php-community": {"version": "1.1", "php": {
        "lock": "php", "to": "php", "variants": ["0.1", "0.2"], "apis": {"0.1": 1, "0.2": 2}, "urls": ["https://pecl.example/ext-{version}.tgz"]}}}

    def test_the_extension_is_compiled_for_each_php_that_is_there(self):
        bin_directory = os.path.join(self.work, "bin")
        scripts = {"phpize0.1": "echo phpized", "make": "mkdir -p modules && echo made >modules/opentelemetry.so",
                   "composer": 'for a; do case $a in --working-dir=*) mkdir "${a#*=}/vendor"; esac; done'}
        for name, text in scripts.items():
            self.offer(name, f"#!/bin/sh\n{text}\n".encode(), bin_directory)
            os.chmod(os.path.join(bin_directory, name), 0o755)
        source = tar_of({"ext-1.1/configure": b"#!/bin/sh\nexit 0\n"})
        self.offer("pecl.example/ext-1.1.tgz", source)
        for name, data in {"composer.json": b"{}", "prepend.php": b"<?php", "odigos.ini": b"extension=VERSION/x.so"}.items():
            self.offer(f"php/{name}", data, self.source)
        self.offer_build()
        self.assertIn("composer.lock", self.fetch(self.PHP, {"ext-1.1.tgz": source})["missing"]["php-community"])
        self.offer("php/composer.lock", b"{}", self.source)
        path = os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        os.environ["PATH"] = f"{bin_directory}:{path}"
        inventory = self.fetch(self.PHP, {"ext-1.1.tgz": source})
        self.assertEqual(inventory["distributions"]["php-community"], {"version": "1.1", "variants": ["0.1"]})
        self.assertIn("php0.2-dev", inventory["missing"]["php-community/0.2"])
        self.assertEqual(self.content("php/0.1/opentelemetry.so"), b"made\n")
        self.assertEqual(self.content("php/0.1/odigos.ini"), b"extension=0.1/x.so")
        self.assertEqual(self.content("php/0.1/odigos.so"), b"1\n")
        self.assertTrue(os.path.isdir(os.path.join(self.out, "php/vendor")))
        with self.subTest("a compiler that fails"):
            self.offer("make", b"#!/bin/sh\necho no header\nexit 2\n", bin_directory)
            text = self.fetch(self.PHP, {"ext-1.1.tgz": source})["missing"]["php-community"]
            self.assertIn("make failed where the image was built: no header", text)

    def test_everybody_may_read_what_is_laid_out(self):
        self.offer("central.example/agent-2.0.jar", JAR)
        self.fetch(self.JAVA, {"agent-2.0.jar": JAR})
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.out, "java/javaagent.jar")).st_mode), 0o644)

    def test_the_inventory_tells_sets_of_files_apart(self):
        self.offer("central.example/agent-2.0.jar", JAR)
        first = self.fetch(self.JAVA, {"agent-2.0.jar": JAR})
        self.assertEqual(self.fetch(self.JAVA, {"agent-2.0.jar": JAR}), first)
        self.assertFalse(first["loader"])
        self.offer("loader/loader.so", b"x", self.out)
        upstream.inventory(self.out)
        second = json.loads(self.content("inventory.json"))
        self.assertTrue(second["loader"])
        self.assertNotEqual(second["fingerprint"], first["fingerprint"])

    def test_the_table_of_the_release_is_whole(self):
        with open(os.path.join(upstream.HERE, "upstream.toml"), "rb") as file:
            table = upstream.tomllib.load(file)
        checksums = upstream.Checksums(os.path.join(upstream.HERE, "checksums.txt"))
        self.assertEqual(len(table), 6)
        for digest in checksums.known.values():
            self.assertRegex(digest, "^[0-9a-f]{64}$")
        for name, facts in table.items():
            distributions = os.path.join(upstream.HERE, "..", "distributions", f"{name}.yaml")
            self.assertTrue(os.path.exists(distributions), name)
            for own in facts.get("own", {}):
                self.assertTrue(os.path.exists(os.path.join(upstream.HERE, own)), own)
        for name in ("java-community", "dotnet-community"):
            for file in table[name]["files"]:
                for machine in ("x64", "arm64"):
                    url = file["urls"][0].replace("{dotnet-machine}", machine)
                    pin = upstream.pin_name(upstream.words(url, table[name]["version"]), table[name]["version"])
                    self.assertIn(pin, checksums.known)


if __name__ == "__main__":
    unittest.main()
