#!/usr/bin/env python3
"""Lays out agents from their upstream releases, and says what could not be had and why.

    upstream.py fetch OUT [DISTRIBUTION...]     into OUT; a line for each on standard error
    upstream.py inventory OUT                   writes OUT/inventory.json from what lies there
    upstream.py update                          pins today's files and packages; needs npm, bundler and composer

`upstream.toml` says where from. A distribution is there completely or not at all: it is made beside its place, and
what fails takes nothing else along. Its fate is noted in OUT/.parts/DISTRIBUTION.json.
"""
import base64
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib

from archives import inside, untar, unzip, write
from downloads import Checksums, Fetcher, Missing
from inventory import inventory, note

HERE = os.path.dirname(os.path.abspath(__file__))
WORDS = {"dotnet-machine": {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())}
GEM_PLATFORMS = {"", *(f"{platform.machine()}-linux-{library}" for library in ("gnu", "musl"))}


def words(text, version=""):
    for name, value in {**WORDS, "version": version}.items():
        text = text.replace("{" + name + "}", value)
    return text


def pin_name(url, version):
    """The name of a file in checksums.txt: its own, with the release before it where it does not say that."""
    name = url.rsplit("/", 1)[-1]
    return name if version in name else f"{version}/{name}"


# of packages of npm: what only compilers and debuggers read
NOT_RUN = (".d.ts", ".d.mts", ".d.cts", ".js.map", ".mjs.map")


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
        self.add_own(target)

    def take(self, prebuilt, target):
        """What somebody else built: PREBUILT/DISTRIBUTION has the files, DISTRIBUTION.json beside it says what they are."""
        try:
            shutil.copytree(os.path.join(prebuilt, self.name), target, symlinks=True, dirs_exist_ok=True)
            with open(os.path.join(prebuilt, f"{self.name}.json")) as file:
                said = json.load(file)
            self.version, self.variants = str(said["version"]), said.get("variants")
        except (OSError, shutil.Error, ValueError, KeyError, TypeError) as error:
            raise Missing(f"what is prebuilt of it cannot be taken ({error!r})") from error
        self.add_own(target)

    def add_own(self, target):
        """The files of this repository that load the agent, and what they must know of its packages."""
        for variant in self.variants or []:
            if "gems" in self.facts:
                place = os.path.join(target, "ruby", variant)
                os.makedirs(place, exist_ok=True)
                for name in ("bundle", "index.rb"):
                    if not os.path.lexists(os.path.join(place, name)):
                        os.symlink(f"../{name}", os.path.join(place, name))
            if "php" in self.facts:
                with open(os.path.join(self.source, self.facts["php"]["lock"], "odigos.ini")) as file:
                    ini = file.read().replace("VERSION", variant).encode()
                write(os.path.join(target, self.facts["php"]["to"], variant, "odigos.ini"), ini)
                self.php_extension(os.path.join(target, self.facts["php"]["to"], variant, "odigos.so"), variant)
        if "php" in self.facts:
            path = os.path.join(target, self.facts["php"]["to"], "packages.json")
            write(path, json.dumps(self.php_needs(), indent=1, sort_keys=True).encode())
        for path, to in self.facts.get("own", {}).items():
            with open(os.path.join(self.source, path), "rb") as file:
                write(os.path.join(target, to), file.read())

    def php_extension(self, target, variant):
        """Our own extension, which has PHP run the agent where it can."""
        number = self.facts["php"].get("apis", {}).get(variant)
        if number is None:
            raise Missing(f"the number that PHP {variant} asks its extensions for is not known (upstream.toml)")
        run([os.path.join(self.source, self.facts["php"]["lock"], "extension", "build"), target, str(number)])

    def php_needs(self):
        """What each package needs of the others, as packages.php compares it with the program's."""
        packages = json.loads(self.lock(self.facts["php"]["lock"], "composer.lock")).get("packages", [])
        names = {package["name"] for package in packages}
        return {package["name"]: {name: constraint for name, constraint in package.get("require", {}).items() if name in names}
                for package in packages}

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
        """As `npm ci --omit=dev --ignore-scripts` does, from a lock file of version 2 or 3, without what does not run."""
        packages = json.loads(self.lock(facts["lock"], "package-lock.json"))["packages"]
        self.version = ", ".join(packages[""].get("dependencies", {}).values())
        for place, package in packages.items():
            if not place or package.get("dev") or package.get("link") or "/@types/" in place:
                continue
            algorithm, _, digest = package["integrity"].split()[0].partition("-")
            path = self.fetcher.get([package["resolved"]], algorithm, base64.b64decode(digest))
            untar(path, os.path.join(target, facts["to"], inside(place)), strip=1, without=NOT_RUN)

    def gems(self, facts, target):
        """What `bundle install` would unpack, without its index of gems: index.rb finds them by itself."""
        lock = self.lock(facts["lock"], "Gemfile.lock")
        section = lock.partition("CHECKSUMS\n")[2].partition("\n\n")[0]
        pins = re.findall(r"^  (\S+) \((\S+)\) sha256=([0-9a-f]{64})$", section, re.MULTILINE)
        if not pins:
            raise Missing(f"{facts['lock']}/Gemfile.lock has no checksums (`hack/agents update` makes it anew)")
        for name, version, digest in pins:
            if name in facts.get("of-ruby", []) or version.partition("-")[2] not in GEM_PLATFORMS:
                continue
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

    def php(self, facts, target):
        """The extension, compiled for each PHP that is here, and the packages: composer brings those of the lock file, each
        at its commit, from GitHub."""
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
        if self.variants is not None:
            self.variants += [variant for variant in facts["variants"] if variant not in self.missing]
        if self.variants:
            for name in ("composer.json", "composer.lock"):
                shutil.copy(os.path.join(self.source, facts["lock"], name), os.path.join(target, facts["to"]))
            run(["composer", "install", "--no-dev", "--no-scripts", "--no-interaction", "--classmap-authoritative",
                 "--ignore-platform-req=ext-*", f"--working-dir={os.path.join(target, facts['to'])}"])


def run(command, directory=None):
    done = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        last = (done.stdout.strip().splitlines() or ["nothing was said"])[-1]
        raise Missing(f"{command[0]} failed where the image was built: {last}")


def fetch(out, names, fetcher, checksums, table, source=HERE, prebuilt=None):
    """Lays out those distributions; what is there already of one goes first, and what is prebuilt is not fetched."""
    for name in names:
        distribution = Distribution(name, table[name], fetcher, checksums, source)
        with tempfile.TemporaryDirectory(dir=out, prefix=".new-") as work:
            try:
                if prebuilt and os.path.isdir(os.path.join(prebuilt, name)):
                    distribution.take(prebuilt, work)
                else:
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
            fetch(out, names or table, fetcher, Checksums(checksums), table, prebuilt=os.environ.get("ODIGOS_AGENTS_PREBUILT"))
        case ["inventory", out]:
            inventory(out)
        case ["update"]:
            update(table, checksums, Fetcher(cache, os.environ.get("ODIGOS_AGENTS_MIRROR")))
        case _:
            sys.exit(__doc__.strip())


if __name__ == "__main__":
    main(sys.argv[1:])
