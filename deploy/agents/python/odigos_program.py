"""Which programs are left alone, as if there were no agent.

- Package managers: they look at all that is installed where Python finds packages, and would take the agent's for the
  program's. What they start is not left alone.
- A process whose address space is limited to less than the agent's share of it would make sense in. Where it is short,
  Python can wait for ever for a thread that it starts.

It uses nothing but the standard library, and of that what is loaded anyway: a program's own module may have any name.
"""
import os
import sys

PACKAGE_MANAGERS = frozenset((
    "conda", "easy_install", "ensurepip", "flit", "get-pip", "hatch", "mamba", "pdm", "pip", "pip-compile", "pip-sync", "pipenv",
    "pipx", "poetry", "venv", "virtualenv"))
OF_PIP = ("__main__.py", "__pip-runner__.py")  # in its directory: how it runs itself
LEAST_ADDRESS_SPACE = 1 << 30  # bytes; the agent takes up to 0.35 of them, most of it reserved for its threads


def is_left_alone():
    return _name(_words()) in PACKAGE_MANAGERS or _address_space() < LEAST_ADDRESS_SPACE


def _words():
    """What Python was started with, without its own name."""
    words = getattr(sys, "orig_argv", None)  # from Python 3.10
    if words is None:
        try:
            with open("/proc/self/cmdline", "rb") as file:
                words = os.fsdecode(file.read()).split("\0")[:-1]
        except OSError:
            words = []
    return words[1:]


def _name(words):
    """Of the script or module that Python runs; empty where that is neither. The words are read as Python reads them."""
    words = iter(words)
    for word in words:
        if word == "--check-hash-based-pycs":
            next(words, None)
        elif not word.startswith("-"):
            return _name_of_script(word)
        elif not word.startswith("--"):
            for place, letter in enumerate(word[1:], 2):
                if letter in "cmWX":
                    value = word[place:] or next(words, "")
                    if letter in "WX":
                        break
                    return value.partition(".")[0] if letter == "m" else ""
    return ""


def _name_of_script(path):
    directory, name = os.path.split(path.rstrip("/"))
    if name in OF_PIP:
        return os.path.basename(directory) if os.path.basename(directory) == "pip" else ""
    if name in ("get-pip.py", "pip.pyz", "virtualenv.pyz"):
        return name.partition(".")[0]
    return "pip" if name.rstrip("0123456789.") == "pip" else name


def _address_space():
    """Its limit in bytes."""
    try:
        with open("/proc/self/limits", "rb") as file:
            for line in file:
                if line.startswith(b"Max address space"):
                    return int(line.split()[3])
    except (OSError, ValueError):  # unlimited is no number
        pass
    return sys.maxsize
