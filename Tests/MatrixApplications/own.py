"""What the Python applications say of their own variables."""
import os


def say():
    words = []
    try:
        import shopconfig
        words.append("module " + shopconfig.NAME)
    except ImportError:
        words.append("no module")
    with open("/proc/self/maps") as maps:
        if "libpreloaded" in maps.read():
            words.append("library kept")
    print("own:", ", ".join(words), "pid", os.getpid(), flush=True)
