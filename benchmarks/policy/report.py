"""Reads what benchmarks/policy/run has measured (lines of a name, nanoseconds and allocations) and prints the table and
the ratios; fails when a goal is missed."""

import sys

LABELS = {
    "selection-10": "Selection, 10 Sources",
    "selection-10000": "Selection, 10,000 Sources, same workloads",
    "selection-10000-each": "Selection, 10,000 Sources, every workload in turn",
    "go-selection-10": "Go, list and compare, 10 Sources",
    "go-selection-10000": "Go, list and compare, 10,000 Sources",
    "agents": "AgentPolicy, 2 containers",
    "injection": "Injection, pod of 12 KB, parsed before",
    "parsing-and-injection": "Injection, pod of 12 KB, with parsing",
}


def main():
    results = {}
    for line in sys.stdin:
        name, nanoseconds, allocations = line.split()
        results[name] = (float(nanoseconds), float(allocations))
    print(f"{'decision':<52}{'us':>9}{'per second':>13}{'allocations':>13}")
    for name, label in LABELS.items():
        nanoseconds, allocations = results[name]
        print(f"{label:<52}{nanoseconds / 1000:>9.2f}{1e9 / nanoseconds:>13,.0f}{allocations:>13.1f}")
    print()
    cost = {name: nanoseconds for name, (nanoseconds, _) in results.items()}
    ratios = [
        ("policy-10000-sources", cost["selection-10"] / cost["selection-10000"], 0.9),
        ("policy-selection-vs-go", cost["go-selection-10000"] / cost["selection-10000"], 1),
    ]
    for name, value, goal in ratios:
        print(f"ratio {name} {value:.2f} (goal {goal})")
    return all(value >= goal for _, value, goal in ratios)


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
