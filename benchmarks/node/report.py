"""report.py DIRECTORY PROCESSES RSS-GOAL-MB IDLE-GOAL-PERCENT: the table and the ratios of benchmarks/node/run.

Exits with 1 when a goal is missed.
"""
import os
import statistics
import sys

directory, processes, rss_goal, idle_goal = sys.argv[1], *map(float, sys.argv[2:5])


def read(name):
    with open(os.path.join(directory, name), encoding="utf-8") as file:
        return file.read()


def rows(name):
    return [line.split() for line in read(name).splitlines()]


missed = False


def ratio(name, value, goal=1):
    global missed
    missed = missed or value < goal
    print(f"ratio {name} {value:.2f} (goal {goal:g})")


allocate = {}
for name, *figures in rows("allocate"):
    allocate.setdefault(name, []).append([float(figure) for figure in figures])
middle = {name: [statistics.median(column) for column in zip(*rounds)] for name, rounds in allocate.items()}
memory = {name: float(kilobytes) / 1024 for name, kilobytes in rows("memory")}
print(f"{'Allocate':24} {'p50 us':>9} {'p99 us':>9} {'a second':>10} {'CPU us/call':>12} {'RSS MB':>8}")
for name, label in [("odiglet", "odiglet"), ("Go", "Go, grpc-go")]:
    p50, p99, rate, cpu = middle[name]
    print(f"{label:24} {p50:9.1f} {p99:9.1f} {rate:10,.0f} {cpu:12.1f} {memory[name]:8.1f}")

started, idle, seconds, tick = map(float, rows("cpu")[0])
idle_percent = 100 * idle / tick / seconds
print()
print(f"{'node agent':56} {'':>9}")
print(f"{'processes in containers':56} {processes:9.0f}")
print(f"{'from its start until every workload is reported, CPU ms':56} {1000 * started / tick:9.0f}")
print(f"{'  for each process, CPU us':56} {1e6 * started / tick / processes:9.0f}")
print(f"{'idle, percent of a core':56} {idle_percent:9.3f}")
print(f"{'resident memory, MB':56} {memory['odiglet']:9.1f}")
print()
loader = read("loader").splitlines()
print("\n".join(line for line in loader if not line.startswith("ratio ")))
print()
ours, go = middle["odiglet"], middle["Go"]
ratio("node-allocate-p50-vs-go", go[0] / ours[0])
ratio("node-allocate-p99-vs-go", go[1] / ours[1])
ratio("node-allocations-per-second-vs-go", ours[2] / go[2])
ratio("node-allocate-cpu-vs-go", go[3] / max(ours[3], 0.1))
# less than a tick cannot be measured
ratio("node-idle-cpu", idle_goal / max(idle_percent, 100 / tick / seconds))
ratio("node-rss", rss_goal / memory["odiglet"])
found = [line for line in loader if line.startswith("ratio ")]
print("\n".join(found))
if not found:
    missed = True
sys.exit(1 if missed else 0)
