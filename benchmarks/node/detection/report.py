"""report.py SCANS IDLE GOAL_SCAN_MS GOAL_IDLE_PERCENT: the table of benchmarks/node/detection/run; fails when a goal is
missed."""
import statistics
import sys

times, counts, languages, rss = {}, {}, {}, {}
for line in open(sys.argv[1], encoding="utf-8"):
    who, what, *rest = line.split()
    if what in ("cold", "warm"):
        times.setdefault((who, what), []).append(int(rest[0]))
        counts[who] = int(rest[2])
    elif what == "language":
        languages.setdefault(who, {})[rest[0]] = int(rest[1])
    elif what == "rss":
        rss[who] = int(rest[0])
goal_scan, goal_idle = float(sys.argv[3]), float(sys.argv[4])

print(f"{'scan':<26} {'processes':>9} {'CPU ms':>8} {'us/process':>11} {'RSS MB':>7}")
middle = {}
for who, name in (("ours", "odiglet"), ("go", "a walk in Go")):
    for what in ("cold", "warm"):
        middle[who, what] = statistics.median(times[who, what]) / 1000
        print(f"{name + ', ' + what:<26} {counts[who]:>9} {middle[who, what]:>8.1f} "
              f"{middle[who, what] * 1000 / counts[who]:>11.1f} {rss[who] / 1024:>7.1f}")
for who, name in (("ours", "odiglet"), ("go", "a walk in Go")):
    found = ", ".join(f"{count} {language}" for language, count in sorted(languages[who].items()))
    print(f"containers by {name}: {found}")

print(f"\n{'watching, nothing changes':<26} {'processes':>9} {'seconds':>8} {'% of a core':>11}")
idle = {}
for line in open(sys.argv[2], encoding="utf-8"):
    who, what, *rest = line.split()
    if what != "idle":
        print(f"{who}: {' '.join([what] + rest)}")
        continue
    idle[who] = int(rest[0]) / int(rest[2]) / 10_000
    print(f"{who:<26} {rest[4]:>9} {rest[2]:>8} {idle[who]:>11.4f}")

scale = 2000 / counts["ours"]
print()
ratios = [
    ("detection-scan-cold", goal_scan / (middle["ours", "cold"] * scale), 1),
    ("detection-scan-warm", goal_scan / (middle["ours", "warm"] * scale), 1),
    ("detection-scan-vs-go", middle["go", "warm"] / middle["ours", "warm"], 1),
] + [(f"detection-idle-{who}", goal_idle / max(value, 0.0001), 1) for who, value in idle.items()]
for name, value, goal in ratios:
    print(f"ratio {name} {value:.2f} (goal {goal})")
sys.exit(any(value < goal for _, value, goal in ratios))
