"""What is said of agents that were laid out, and of those that were not."""
import hashlib
import json
import os

from archives import write
from downloads import Fetcher


def note(out, name, value):
    """Notes the fate of a distribution in OUT/.parts."""
    write(os.path.join(out, ".parts", f"{name}.json"), json.dumps(value, sort_keys=True).encode())


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
