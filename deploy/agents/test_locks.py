"""Tests of the files that pin Ruby's gems and PHP's packages: complete, well formed, and what upstream.py reads."""
import hashlib
import json
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import upstream  # noqa: E402

MACHINES, LIBRARIES = ("x86_64", "aarch64"), ("gnu", "musl")


def text(*path):
    with open(os.path.join(upstream.HERE, *path)) as file:
        return file.read()


def table():
    return upstream.tomllib.loads(text("upstream.toml"))


def numbers(version):
    return [int(part) for part in re.findall(r"\d+", version.split("-")[0])]


def satisfies(version, requirement):
    """Whether a version is what a requirement of RubyGems or Composer says."""
    if requirement in ("", "*"):
        return True
    if "|" in requirement:
        return any(satisfies(version, part) for part in re.split(r"\s*\|\|?\s*", requirement))
    for part in requirement.split(", "):
        operator, wanted = re.fullmatch(r"(~>|>=|<|\^|)\s*v?([\d.]+)[.a-z]*", part.strip()).groups()
        found, least = numbers(version), numbers(wanted)
        most = {"~>": least[:-2] + [(least[-2:-1] or [0])[0] + 1], "^": [least[0] + 1] if least[0] else [0, least[1] + 1]}.get(operator)
        if operator == "<" and found >= least or operator != "<" and found < least or most and found[:len(most)] >= most:
            return False
    return True


class RubyLockTests(unittest.TestCase):
    def setUp(self):
        lock = text("ruby", "Gemfile.lock")
        self.sections = {part.split("\n", 1)[0]: part for part in lock.strip().split("\n\n")}
        self.gems, gem = {}, None
        for line in self.sections["GEM"].splitlines():
            if match := re.fullmatch(r"    (\S+) \((\S+)\)", line):
                gem = self.gems.setdefault(match[1], {"versions": [], "needs": {}})
                gem["versions"].append(match[2])
            elif match := re.fullmatch(r"      (\S+)(?: \((.+)\))?", line):
                gem["needs"][match[1]] = match[2] or ""

    def test_every_gem_has_the_checksum_of_one_file(self):
        pins = re.findall(r"^  (\S+) \((\S+)\) sha256=([0-9a-f]{64})$", self.sections["CHECKSUMS"], re.MULTILINE)
        self.assertEqual(sorted((name, version) for name, version, _ in pins),
                         sorted((name, version) for name, gem in self.gems.items() for version in gem["versions"]))
        self.assertEqual(len(pins), len(self.sections["CHECKSUMS"].splitlines()) - 1)
        self.assertEqual(len({digest for _, _, digest in pins}), len(pins))
        self.assertNotIn(hashlib.sha256(b"").hexdigest(), [digest for _, _, digest in pins])

    def test_it_is_closed_and_consistent(self):
        for name, gem in self.gems.items():
            for needed, requirement in gem["needs"].items():
                self.assertIn(needed, self.gems, name)
                for version in self.gems[needed]["versions"]:
                    self.assertTrue(satisfies(version, requirement), f"{name} needs {needed} {requirement}, not {version}")

    def test_it_is_of_the_gemfile(self):
        wanted = dict(re.findall(r'^gem "([^"]+)", "([^"]+)"$', text("ruby", "Gemfile"), re.MULTILINE))
        locked = dict(re.findall(r"^  (\S+) \((.+)\)$", self.sections["DEPENDENCIES"], re.MULTILINE))
        self.assertEqual(wanted, locked)
        for name, requirement in wanted.items():
            self.assertTrue(satisfies(self.gems[name]["versions"][0], requirement), name)

    def test_what_is_compiled_is_there_for_every_machine_and_library(self):
        platforms = {f"{machine}-linux-{library}" for machine in MACHINES for library in LIBRARIES}
        self.assertEqual({version.partition("-")[2] for version in self.gems["google-protobuf"]["versions"]}, platforms)
        self.assertEqual(set(self.sections["PLATFORMS"].split()[1:]), platforms)

    def test_what_is_left_to_ruby_comes_with_it(self):
        self.assertEqual(set(table()["ruby-community"]["gems"]["of-ruby"]), {"bigdecimal", "rake"})
        self.assertTrue({"bigdecimal", "rake"} <= set(self.gems))


class PHPLockTests(unittest.TestCase):
    def setUp(self):
        self.manifest, self.lock = (json.loads(text("php", name)) for name in ("composer.json", "composer.lock"))
        self.packages = {package["name"]: package for package in self.lock["packages"]}

    def test_every_package_is_a_commit(self):
        for name, package in self.packages.items():
            reference = package["source"]["reference"]
            self.assertRegex(reference, "^[0-9a-f]{40}$", name)
            repository = re.fullmatch(r"https://github\.com/([\w-]+/[\w-]+)\.git", package["source"]["url"])[1]
            self.assertEqual(package["dist"]["reference"], reference)
            self.assertEqual(package["dist"]["url"], f"https://api.github.com/repos/{repository}/zipball/{reference}")

    def test_it_is_closed_and_consistent(self):
        given = {**self.manifest["provide"], **self.manifest["replace"]}
        oldest = min(numbers(variant) for variant in table()["php-community"]["php"]["variants"])
        self.assertEqual(numbers(self.manifest["config"]["platform"]["php"])[:2], oldest)
        for name, requirements in [("the manifest", self.manifest["require"]),
                                   *((name, package.get("require", {})) for name, package in self.packages.items())]:
            for needed, requirement in requirements.items():
                if needed == "php":
                    self.assertTrue(satisfies(".".join(map(str, oldest)) + ".0", requirement), f"{name} needs PHP {requirement}")
                elif "/" in needed and needed not in given:
                    self.assertIn(needed, self.packages, name)
                    self.assertTrue(satisfies(self.packages[needed]["version"], requirement), f"{name} needs {needed} {requirement}")

    def test_it_is_of_the_manifest(self):
        keys = ("name", "require", "provide", "replace")
        relevant = {**{key: self.manifest[key] for key in keys}, "config": {"platform": self.manifest["config"]["platform"]}}
        encoded = json.dumps(dict(sorted(relevant.items())), separators=(",", ":")).replace("/", "\\/")
        self.assertEqual(self.lock["content-hash"], hashlib.md5(encoded.encode()).hexdigest())

    def test_no_package_may_run_code_while_it_is_installed(self):
        self.assertIs(self.manifest["config"]["allow-plugins"], False)
        self.assertIs(self.manifest["config"]["platform-check"], False)  # it would end programs on an older PHP

    def test_the_extension_is_pinned_in_the_version_that_the_packages_were_resolved_for(self):
        version = table()["php-community"]["version"]
        self.assertEqual(self.manifest["config"]["platform"]["ext-opentelemetry"], version)
        self.assertIn(f"opentelemetry-{version}.tgz", upstream.Checksums(os.path.join(upstream.HERE, "checksums.txt")).known)


if __name__ == "__main__":
    unittest.main()
