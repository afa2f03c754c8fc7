"""Where Python finds the agent's packages, and who sees what is known of them (their `*.dist-info`).

That lies apart from the packages, in a directory that is not on the path: pip and others would take the packages for the
program's own. OpenTelemetry needs it, for it finds its parts by it; whoever asks for packages without saying where sees
OpenTelemetry's, and never what else the agent brings.

It uses nothing but the standard library.
"""
import importlib.metadata
import os
import sys


class _Metadata:
    """A finder of the import system that knows no module."""

    def __init__(self, directory):
        self._directory = directory
        self._dependencies = os.path.join(directory, "dependencies")
        self._is_setting_up = True

    def settled(self):
        self._is_setting_up = False

    def find_spec(self, name, path=None, target=None):
        return None

    def find_distributions(self, context=importlib.metadata.DistributionFinder.Context()):
        known = vars(context)
        name = known.get("name")
        if "path" in known:
            return iter(())
        if name is None or name.lower().startswith("opentelemetry"):
            path = [self._directory]
        elif self._is_setting_up:  # OpenTelemetry asks whether there is something that it can instrument
            path = [*sys.path, self._dependencies]
        else:
            return iter(())
        # there is a package `importlib_metadata`, too, whose objects can more than those of an older Python
        module = sys.modules.get(type(context).__module__)
        finder = getattr(module, "MetadataPathFinder", importlib.metadata.MetadataPathFinder)
        return finder.find_distributions(type(context)(name=name, path=path))


def enter(packages):
    """Puts what is in this directory on the path. Returns what to call when all is set up."""
    def version(name, path):
        for distribution in importlib.metadata.distributions(name=name, path=path):
            return tuple(int(number) for number in distribution.version.split(".")[:2])
        return (0, 0)

    dependencies, metadata = (os.path.join(packages, name) for name in ("odigos-dependencies", "odigos-metadata"))
    finder = _Metadata(metadata)
    # This one only ever gains names, some of which OpenTelemetry needs: the newer one serves everybody.
    name = "typing_extensions"
    if name not in sys.modules and version(name, sys.path) < version(name, [os.path.join(metadata, "dependencies")]):
        sys.path.insert(0, dependencies)
        try:
            __import__(name)
        finally:
            sys.path.remove(dependencies)
    if version("opentelemetry-api", sys.path) > version("opentelemetry-api", [metadata]):
        sys.path.append(packages)
        sys.meta_path.append(finder)
    else:
        sys.path.insert(0, packages)
        others = [number for number, other in enumerate(sys.meta_path) if hasattr(other, "find_distributions")]
        sys.meta_path.insert(others[0] if others else len(sys.meta_path), finder)
    sys.path.append(dependencies)
    return finder.settled
