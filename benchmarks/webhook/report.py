"""Reads what benchmarks/webhook/run has measured.

report.py compare OURS GO                 whether two answers allow the pod with the same changes, in whatever order
report.py report DIRECTORY TICKS GOAL SIZE    prints the table and the ratio; fails when the goal is missed
"""

import base64
import json
import sys


def changes(path):
    response = json.load(open(path, encoding="utf-8"))["response"]
    if response["allowed"] is not True or "patch" not in response:
        sys.exit(f"{path}: no patch")
    patch = json.loads(base64.b64decode(response["patch"]))
    return sorted(json.dumps(operation, sort_keys=True) for operation in flat(patch))


def flat(patch):
    """Lists and maps that are added whole become one addition for each of their entries."""
    for operation in patch:
        path, value = operation["path"], operation["value"]
        if isinstance(value, list):
            yield from ({"op": "add", "path": f"{path}/-", "value": item} for item in value)
        elif isinstance(value, dict) and not path.endswith("/-"):
            yield from ({"op": "add", "path": f"{path}/{key.replace('/', '~1')}", "value": item}
                        for key, item in value.items())
        else:
            yield operation


def compare(ours, go):
    ours, go = changes(ours), changes(go)
    for name, some, others in (("only ours", ours, go), ("only Go's", go, ours)):
        for change in some:
            if change not in others:
                print(f"{name}: {change}", file=sys.stderr)
    return ours == go


def latencies(path):
    """Microseconds of each request, sorted; every one must have succeeded."""
    times = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            _, status, microseconds = line.split("\t")[:3]
            if status != "200":
                sys.exit(f"{path}: a request was answered with {status}")
            times.append(int(microseconds))
    return sorted(times)


def report(directory, ticks, goal, size):
    rounds = {"ours": [], "go": []}
    for line in open(f"{directory}/rounds", encoding="utf-8"):
        name, nanoseconds, used, resident = line.split()
        rounds[name].append((int(nanoseconds) / 1e9, int(used) / ticks, int(resident)))
    print(f"pods of {size} bytes, TLS, HTTP/2; {len(rounds['ours'])} rounds each")
    print(f"{'webhook':<22}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'CPU us/request':>16}{'RSS MB':>9}")
    per_second = {}
    for name, label in (("ours", "odigos-instrumentor"), ("go", "Go, k8s.io types")):
        times = latencies(f"{directory}/{name}.all")
        wall, cpu = (sum(values[i] for values in rounds[name]) for i in (0, 1))
        per_second[name] = len(times) / max(cpu, 1 / ticks)
        print(f"{label:<22}{len(times) / wall:>12.0f}{times[len(times) // 2] / 1000:>9.2f}"
              f"{times[len(times) * 99 // 100] / 1000:>9.2f}{1e6 / per_second[name]:>16.1f}"
              f"{max(values[2] for values in rounds[name]) / 1024:>9.1f}")
    ratio = per_second["ours"] / per_second["go"]
    print(f"ratio webhook-throughput-per-cpu-second {ratio:.1f} (goal {goal})")
    return ratio >= goal


def main():
    match sys.argv[1:]:
        case ["compare", ours, go]:
            return compare(ours, go)
        case ["report", directory, ticks, goal, size]:
            return report(directory, int(ticks), float(goal), int(size))
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
