"""Reads what benchmarks/webhook/run has measured.

report.py compare REVIEW ANSWER...     whether the answers allow the pod and their patches make the same pod of it
report.py report DIRECTORY TICKS       prints the table and the ratios; fails when a goal is missed

DIRECTORY has, for each webhook NAME and size, the rounds (`rounds`: name, size, requests, ns, CPU ticks), the times of
each request (NAME.SIZE.requests; NAME.paced.requests for those at a steady rate), and the memory (`memory`: name, kB).
"""

import base64
import json
import statistics
import sys

import jsonpatch

OURS = "odigos"
LABELS = {
    OURS: "odigos-instrumentor",
    "controller-runtime": "Go, controller-runtime style",
    "typed": "Go, k8s.io types",
    "hand-tuned": "Go, hand-tuned",
}
# How many times the throughput per CPU second of each webhook in Go ours must have, with pods of 12 KB.
GOALS = {"controller-runtime": 40, "hand-tuned": 8, "typed": 10}
GOAL_SIZE = 12
LATENCY_GOAL_MS = 1
MEMORY_GOAL_MB = 25


def patched(review, path):
    with open(path, encoding="utf-8") as text:
        response = json.load(text)["response"]
    if response["allowed"] is not True or "patch" not in response:
        sys.exit(f"{path}: no patch")
    return jsonpatch.apply_patch(review["request"]["object"], json.loads(base64.b64decode(response["patch"])))


def differences(path, some, other):
    """The places at which two values are not the same."""
    if isinstance(some, dict) and isinstance(other, dict):
        for key in {**some, **other}:
            yield from differences(f"{path}/{key}", some.get(key), other.get(key))
    elif isinstance(some, list) and isinstance(other, list) and len(some) == len(other):
        for index, (left, right) in enumerate(zip(some, other)):
            yield from differences(f"{path}/{index}", left, right)
    elif some != other:
        yield f"{path}: {json.dumps(some)[:500]} and {json.dumps(other)[:500]}"


def compare(review, answers):
    with open(review, encoding="utf-8") as text:
        review = json.load(text)
    first = patched(review, answers[0])
    equal = True
    for path in answers[1:]:
        for difference in differences("", first, patched(review, path)):
            equal = False
            print(f"{answers[0]}, {path}: {difference}", file=sys.stderr)
    return equal


def milliseconds(path):
    """How long each request took, sorted; every one must have succeeded."""
    times = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            _, status, microseconds = line.split("\t")[:3]
            if status != "200":
                sys.exit(f"{path}: a request was answered with {status}")
            times.append(int(microseconds) / 1000)
    return sorted(times)


def percentile(times, hundredths):
    return times[min(len(times) - 1, len(times) * hundredths // 100)]


def measured(directory, ticks):
    """For each size and webhook the requests per second and the CPU microseconds per request: of the middle round."""
    rounds = {}
    with open(f"{directory}/rounds", encoding="utf-8") as lines:
        for line in lines:
            name, size, requests, nanoseconds, used = line.split()
            values = rounds.setdefault((int(size), name), ([], []))
            values[0].append(int(requests) / (int(nanoseconds) / 1e9))
            values[1].append(max(int(used), 1) / ticks / int(requests) * 1e6)
    return {key: tuple(map(statistics.median, values)) for key, values in rounds.items()}


def report(directory, ticks):
    results = measured(directory, ticks)
    with open(f"{directory}/memory", encoding="utf-8") as lines:
        memory = {name: int(kilobytes) / 1024 for name, kilobytes in map(str.split, lines)}
    print(f"{'webhook':<30}{'pod':>6}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}{'CPU us/request':>16}{'ours is':>9}"
          f"{'RSS after MB':>14}")
    for size, name in sorted(results, key=lambda key: (key[0], list(LABELS).index(key[1]))):
        rate, cpu = results[size, name]
        times = milliseconds(f"{directory}/{name}.{size}.requests")
        print(f"{LABELS[name]:<30}{f'{size} KB':>6}{rate:>12.0f}{percentile(times, 50):>9.2f}{percentile(times, 99):>9.2f}"
              f"{cpu:>16.1f}{f'{cpu / results[size, OURS][1]:.1f}x':>9}{memory[name]:>14.1f}")
    print("\nat 1,000 requests a second, pods of 12 KB")
    paced = {}
    for name, label in LABELS.items():
        paced[name] = milliseconds(f"{directory}/{name}.paced.requests")
        print(f"{label:<48}{percentile(paced[name], 50):>9.2f}{percentile(paced[name], 99):>9.2f}")
    print()
    ours = results[GOAL_SIZE, OURS][1]
    ratios = [(f"webhook-vs-{name}", results[GOAL_SIZE, name][1] / ours, goal) for name, goal in GOALS.items()]
    ratios.append(("webhook-p99-at-1000rps", LATENCY_GOAL_MS / percentile(paced[OURS], 99), 1))
    ratios.append(("webhook-rss", MEMORY_GOAL_MB / memory[OURS], 1))
    for name, value, goal in ratios:
        print(f"ratio {name} {value:.2f} (goal {goal})")
    return all(value >= goal for _, value, goal in ratios)


def main():
    match sys.argv[1:]:
        case ["compare", review, *answers] if len(answers) > 1:
            return compare(review, answers)
        case ["report", directory, ticks]:
            return report(directory, int(ticks))
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
