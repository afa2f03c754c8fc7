#!/usr/bin/env python3
"""Lays out agents from their upstream releases, and says what could not be had and why.

    upstream.py fetch OUT [DISTRIBUTION...]     into OUT; a line for each on standard error
    upstream.py inventory OUT                   writes OUT/inventory.json from what lies there
    upstream.py update                          pins today's files and packages; needs npm, bundler and composer

`upstream.toml` says where from. A distribution is there completely or not at all: it is made beside its place, and
what fails takes nothing else along. Its fate is noted in OUT/.parts/DISTRIBUTION.json.
"""
import base64
import hashlib
import io
import json
import os
import platform
import posixpath
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import urllib.error
import urllib.parse
import urllib.request
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 20  # seconds without a byte
WORDS = {"dotnet-machine": {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())}


class Missing(Exception):
    """Why something cannot be laid out, as part of a sentence."""


def words(text, version=""):
    for name, value in {**WORDS, "version": version}.items():
        text = text.replace("{" + name + "}", value)
    return text


class Checksums:
    """The file of checksums: name to hexadecimal SHA-256."""

    def __init__(self, path):
        self.known = {}
        if os.path.exists(path):
            with open(path) as file:
                for line in file:
                    if not line.startswith("#") and line.strip():
                        digest, name = line.split(None, 1)
                        self.known[name.strip()] = digest.lower()


class Fetcher:
    """Fetches files whose checksum is known, from the first address that has the right one."""

    def __init__(self, cache, mirror=None):
        self.cache = cache
        self.mirror = mirror
        self.unreachable = {}
        os.makedirs(cache, exist_ok=True)

    def address(self, url):
        if not self.mirror:
            return url
        parts = urllib.parse.urlsplit(url)
        base = self.mirror if "://" in self.mirror else "file://" + os.path.abspath(self.mirror)
        return f"{base.rstrip('/')}/{parts.netloc}{parts.path}"

    def get(self, urls, algorithm, digest):
        """The path of a file with that digest (bytes)."""
        path = os.path.join(self.cache, f"{algorithm}-{digest.hex()[:64]}")
        if os.path.exists(path) and self.digest_of(path, algorithm) == digest:
            return path
        failures = []
        for url in urls:
            try:
                self.download(url, path + ".new")
                found = self.digest_of(path + ".new", algorithm)
                if found == digest:
                    os.replace(path + ".new", path)
                    return path
                failures.append(f"{url}: its {algorithm} is {found.hex()} and not {digest.hex()}")
            except Missing as failure:
                failures.append(str(failure))
            finally:
                if os.path.exists(path + ".new"):
                    os.remove(path + ".new")
        raise Missing("; ".join(dict.fromkeys(failures)) or "it has no address")

    def download(self, url, path):
        address = self.address(url)
        place = urllib.parse.urlsplit(address)
        host = place.netloc or place.path
        if host in self.unreachable:
            raise Missing(self.unreachable[host])
        try:
            with urllib.request.urlopen(address, timeout=TIMEOUT) as answer, open(path, "wb") as file:
                length = answer.headers.get("Content-Length")
                shutil.copyfileobj(answer, file, 1 << 20)
                if length is not None and file.tell() != int(length):
                    raise Missing(f"{url} was cut off after {file.tell()} of {length} bytes")
        except urllib.error.HTTPError as error:
            raise Missing(f"{url} answers {error.code} {error.reason}") from error
        except (OSError, ValueError) as error:
            # what has no address or no connection will have none for the next file
            reason = getattr(error, "reason", error)
            if place.scheme != "file":
                text = self.unreachable[host] = f"{host} could not be reached ({reason})"
            else:
                text = f"{place.path} could not be read ({reason})"
            raise Missing(text) from error

    @staticmethod
    def digest_of(path, algorithm):
        with open(path, "rb") as file:
            return hashlib.file_digest(file, algorithm).digest()


def inside(path):
    """A path of an archive, refused where it would lead out of it."""
    clean = posixpath.normpath(path.replace("\\", "/"))
    if clean.startswith(("/", "..")) or clean == ".." or "/../" in f"/{clean}/":
        raise Missing(f"the archive has a path that leads out of it: {path}")
    return clean


def write(path, data, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o755 if mode & 0o111 else 0o644)


def unzip(path, target, rename):
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                first, _, rest = inside(entry.filename).partition("/")
                name = f"{rename.get(first, first)}/{rest}" if rest else first
                write(os.path.join(target, name), archive.read(entry), entry.external_attr >> 16)
    except (zipfile.BadZipFile, EOFError) as error:
        raise Missing(f"its archive cannot be read ({error})") from error


def untar(data, target, strip=0):
    """Files of a tar archive (a path or bytes); links and devices are left out."""
    try:
        source = {"fileobj": io.BytesIO(data)} if isinstance(data, bytes) else {"name": data}
        with tarfile.open(mode="r:*", **source) as archive:
            for entry in archive:
                if entry.isfile():
                    parts = inside(entry.name).split("/")[strip:]
                    if parts:
                        write(os.path.join(target, *parts), archive.extractfile(entry).read(), entry.mode)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise Missing(f"its archive cannot be read ({error})") from error


def pin_name(url, version):
    """The name of a file in checksums.txt: its own, with the release before it where it does not say that."""
    name = url.rsplit("/", 1)[-1]
    return name if version in name else f"{version}/{name}"


class Distribution:
    """One distribution as upstream.toml has it, and how its parts come about below a directory."""

    def __init__(self, name, facts, fetcher, checksums, source=HERE):
        self.name, self.facts, self.fetcher, self.checksums, self.source = name, facts, fetcher, checksums, source
        self.version = facts.get("version", "")
        self.variants, self.missing = None, {}

    def pinned(self, urls):
        urls = [words(url, self.version) for url in urls]
        name = pin_name(urls[0], self.version)
        digest = self.checksums.known.get(name)
        if digest is None:
            raise Missing(f"no checksum of {name} is pinned (`hack/agents update` does it)")
        return self.fetcher.get(urls, "sha256", bytes.fromhex(digest))

    def lock(self, directory, name):
        path = os.path.join(self.source, directory, name)
        if not os.path.exists(path):
            raise Missing(f"there is no {directory}/{name} that pins its packages (`hack/agents update` makes it)")
        with open(path) as file:
            return file.read()

    def lay_out(self, target):
        for file in self.facts.get("files", []):
            variant = file.get("variant")
            if variant is None:
                self.file(file, target)
                continue
            self.variants = self.variants or []
            try:
                self.file(file, target)
                self.variants.append(variant)
            except Missing as failure:
                self.missing[variant] = str(failure)
        for kind in ("npm", "gems", "php"):
            if kind in self.facts:
                getattr(self, kind)(self.facts[kind], target)
        if self.variants == []:
            raise Missing("; ".join(dict.fromkeys(self.missing.values())))
        for path, to in self.facts.get("own", {}).items():
            with open(os.path.join(self.source, path), "rb") as file:
                write(os.path.join(target, to), file.read())

    def file(self, file, target):
        path = self.pinned(file["urls"])
        to = os.path.join(target, file["to"])
        if file["urls"][0].endswith(".zip"):
            unzip(path, to, {words(a): b for a, b in file.get("rename", {}).items()})
        else:
            os.makedirs(os.path.dirname(to), exist_ok=True)
            shutil.copyfile(path, to)
            os.chmod(to, 0o644)

    def npm(self, facts, target):
        """As `npm ci --omit=dev --ignore-scripts` does, from a lock file of version 2 or 3."""
        packages = json.loads(self.lock(facts["lock"], "package-lock.json"))["packages"]
        self.version = ", ".join(packages[""].get("dependencies", {}).values())
        for place, package in packages.items():
            if not place or package.get("dev") or package.get("link"):
                continue
            algorithm, _, digest = package["integrity"].split()[0].partition("-")
            path = self.fetcher.get([package["resolved"]], algorithm, base64.b64decode(digest))
            untar(path, os.path.join(target, facts["to"], inside(place)), strip=1)

    def gems(self, facts, target):
        """What `bundle install` would unpack, without its index of gems: index.rb finds them by itself."""
        lock = self.lock(facts["lock"], "Gemfile.lock")
        section = lock.partition("CHECKSUMS\n")[2].partition("\n\n")[0]
        pins = re.findall(r"^  (\S+) \((\S+)\) sha256=([0-9a-f]{64})$", section, re.MULTILINE)
        if not pins:
            raise Missing(f"{facts['lock']}/Gemfile.lock has no checksums (`hack/agents update` makes it anew)")
        for name, version, digest in pins:
            if name == "opentelemetry-instrumentation-all":
                self.version = version
            full = f"{name}-{version}"
            path = self.fetcher.get([f"https://rubygems.org/gems/{full}.gem"], "sha256", bytes.fromhex(digest))
            try:
                with tarfile.open(path) as gem:
                    data = gem.extractfile("data.tar.gz").read()
            except (tarfile.TarError, KeyError, OSError) as error:
                raise Missing(f"{full}.gem cannot be read ({error})") from error
            untar(data, os.path.join(target, facts["to"], "gems", full))
        self.variants = facts["variants"]
        for variant in self.variants:
            place = os.path.join(target, "ruby", variant)
            os.makedirs(place)
            os.symlink("../bundle", os.path.join(place, "bundle"))
            os.symlink("../index.rb", os.path.join(place, "index.rb"))

    def php(self, facts, target):
        """The extension, compiled for each PHP that is here, and the packages, which composer brings and checks."""
        self.lock(facts["lock"], "composer.lock")
        source = self.pinned(facts["urls"])
        if not shutil.which("composer"):
            raise Missing("composer, which brings its packages, is not installed where the image was built")
        self.variants = []
        for variant in facts["variants"]:
            if not shutil.which(f"phpize{variant}"):
                self.missing[variant] = f"there was no phpize{variant} (php{variant}-dev) where the image was built"
                continue
            with tempfile.TemporaryDirectory() as work:
                untar(source, work, strip=1)
                for command in ([f"phpize{variant}"], ["./configure", f"--with-php-config=php-config{variant}"], ["make"]):
                    run(command, work)
                with open(os.path.join(work, "modules", "opentelemetry.so"), "rb") as file:
                    write(os.path.join(target, facts["to"], variant, "opentelemetry.so"), file.read(), 0o755)
            with open(os.path.join(self.source, facts["lock"], "odigos.ini")) as file:
                ini = file.read().replace("VERSION", variant).encode()
            write(os.path.join(target, facts["to"], variant, "odigos.ini"), ini)
        if self.variants is not None:
            self.variants += [variant for variant in facts["variants"] if variant not in self.missing]
        if self.variants:
            for name in ("composer.json", "composer.lock", "prepend.php"):
                shutil.copy(os.path.join(self.source, facts["lock"], name), os.path.join(target, facts["to"]))
            run(["composer", "install", "--no-dev", "--no-scripts", "--no-interaction", "--classmap-authoritative",
                 "--ignore-platform-req=ext-*", f"--working-dir={os.path.join(target, facts['to'])}"])


def run(command, directory=None):
    done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        last = (done.stdout.strip().splitlines() or ["nothing was said"])[-1]
        raise Missing(f"{command[0]} failed where the image was built: {last}")


def note(out, name, value):
    write(os.path.join(out, ".parts", f"{name}.json"), json.dumps(value, sort_keys=True).encode())


def fetch(out, names, fetcher, checksums, table, source=HERE):
    """Lays out those distributions; what is there already of one goes first."""
    for name in names:
        distribution = Distribution(name, table[name], fetcher, checksums, source)
        with tempfile.TemporaryDirectory(dir=out, prefix=".new-") as work:
            try:
                distribution.lay_out(work)
            except Missing as failure:
                note(out, name, {"missing": str(failure)})
                print(f"agents: without {name}: {failure}", file=sys.stderr)
                continue
            for directory in os.listdir(work):
                shutil.rmtree(os.path.join(out, directory), ignore_errors=True)
                os.rename(os.path.join(work, directory), os.path.join(out, directory))
        value = {"version": distribution.version}
        if distribution.variants is not None:
            value["variants"] = distribution.variants
        if distribution.missing:
            value["missing-variants"] = distribution.missing
        note(out, name, value)
        print(f"agents: {name} {distribution.version}", file=sys.stderr)


def inventory(out):
    """What lies in OUT, as `AgentInventoryReport` (Sources/Core/Policy) reads it."""
    parts = os.path.join(out, ".parts")
    result = {"loader": os.path.exists(os.path.join(out, "loader", "loader.so")), "distributions": {}, "missing": {}}
    for file in sorted(os.listdir(parts)) if os.path.isdir(parts) else []:
        name = file.removesuffix(".json")
        with open(os.path.join(parts, file)) as text:
            part = json.load(text)
        if "missing" in part:
            result["missing"][name] = part["missing"]
            continue
        facts = result["distributions"][name] = {}
        if part.get("version"):
            facts["version"] = part["version"]
        if part.get("variants") is not None:
            facts["variants"] = part["variants"]
        for variant, why in part.get("missing-variants", {}).items():
            result["missing"][f"{name}/{variant}"] = why
    # Of the files themselves, so that equal files are equal words whenever they were laid out.
    digest = hashlib.sha256()
    for directory, folders, files in os.walk(out):
        folders[:] = sorted(folder for folder in folders if directory != out or not folder.startswith("."))
        for name in sorted(files):
            path = os.path.join(directory, name)
            relative = os.path.relpath(path, out)
            if relative.startswith(".") or relative == "inventory.json":
                continue
            digest.update(relative.encode() + b"\0")
            if not os.path.islink(path):
                digest.update(Fetcher.digest_of(path, "sha256"))
    result["fingerprint"] = digest.hexdigest()[:16]
    write(os.path.join(out, "inventory.json"), (json.dumps(result, indent=1, sort_keys=True) + "\n").encode())


def update(table, checksums_path, fetcher):
    """Pins what upstream.toml and the manifests of packages name; says what could not be pinned."""
    known = Checksums(checksums_path).known
    for name, facts in table.items():
        try:
            for file in facts.get("files", []) + [facts[kind] for kind in ("php",) if kind in facts]:
                urls = [words(url, facts.get("version", "")) for url in file["urls"]]
                path = os.path.join(fetcher.cache, "update.new")
                fetcher.download(urls[0], path)
                known[pin_name(urls[0], facts.get("version", ""))] = Fetcher.digest_of(path, "sha256").hex()
                os.remove(path)
            if "npm" in facts:
                run(["npm", "install", "--package-lock-only", "--ignore-scripts"], os.path.join(HERE, facts["npm"]["lock"]))
            if "gems" in facts:
                run(["bundle", "lock", "--add-checksums", "--normalize-platforms"], os.path.join(HERE, facts["gems"]["lock"]))
            if "php" in facts:
                run(["composer", "update", "--no-install", "--ignore-platform-req=ext-*"],
                    os.path.join(HERE, facts["php"]["lock"]))
        except (Missing, OSError) as failure:
            print(f"agents: {name} is not pinned: {failure}", file=sys.stderr)
    with open(checksums_path) as file:
        head = [line for line in file if line.startswith("#")]
    with open(checksums_path, "w") as file:
        file.writelines(head + [f"{digest}  {name}\n" for name, digest in sorted(known.items(), key=lambda pair: pair[1])])


def main(arguments):
    with open(os.path.join(HERE, "upstream.toml"), "rb") as file:
        table = tomllib.load(file)
    cache = os.environ.get("ODIGOS_AGENTS_DOWNLOADS") or os.path.join(tempfile.gettempdir(), "odigos-agents-downloads")
    checksums = os.path.join(HERE, "checksums.txt")
    match arguments:
        case ["fetch", out, *names]:
            fetcher = Fetcher(cache, os.environ.get("ODIGOS_AGENTS_MIRROR"))
            fetch(out, names or table, fetcher, Checksums(checksums), table)
        case ["inventory", out]:
            inventory(out)
        case ["update"]:
            update(table, checksums, Fetcher(cache, os.environ.get("ODIGOS_AGENTS_MIRROR")))
        case _:
            sys.exit(__doc__.strip())


if __name__ == "__main__":
    main(sys.argv[1:])
