# SPDX-License-Identifier: GPL-2.0-only
"""Threads: each one's share and what it is shown to do, against the kernel's own account of its CPU time."""
import os
import signal
import time

from live import FULL, PATIENCE, Failure, Recorder, Target, check_errors, cpu_seconds, expect, is_marked, no_bad, record, test

POINTS = 0.02


def leaf_of(name):
    return {"t-busy": "busy", "t-c-held": "in_c_with_lock", "t-c-released": "in_c_without_lock"}.get(name)


def stop_all(target):
    """Stop the target, and wait until none of its threads runs any more."""
    target.process.send_signal(signal.SIGSTOP)
    end = time.monotonic() + PATIENCE
    for tid in os.listdir("/proc/%d/task" % target.pid):
        while state_of(target.pid, tid) != "T":
            expect(time.monotonic() < end, "thread %s does not stop" % tid)
            time.sleep(0.001)


def state_of(pid, tid):
    with open("/proc/%d/task/%s/stat" % (pid, tid)) as stat:
        return stat.read().rpartition(")")[2].split()[0]


@test("few")
def thread_kinds(python):
    python.needs("ctypes")
    with Target(python, "threadkinds") as target:
        tids = target.known["threads"]
        # It runs only while it is recorded, so that both accounts are of the same time.
        stop_all(target)
        before = {name: cpu_seconds(target.pid, tid) for name, tid in tids.items()}
        with Recorder("-p", target.pid, "-F", 999, "--root", "thread") as recorder:
            target.process.send_signal(signal.SIGCONT)
            target.until_it_used(5 if FULL else 3)	# of 5 s, shares differ by 0.6 points at most, on a busy machine too
            stop_all(target)
            spent = {name: cpu_seconds(target.pid, tid) - before[name] for name, tid in tids.items()}
            recording = recorder.stop()
    check_errors(recording, python.minor)
    table, all_spent = recording.json, sum(spent.values())
    rows = {row["tid"]: row for row in table["threads"]}
    told = []
    for name, tid in sorted(tids.items()):
        share, true = rows.get(tid, {"samples": 0})["samples"] / table["samples"], spent[name] / all_spent
        told.append("%s %.1f%% (%.1f%%)" % (name, 100 * share, 100 * true))
        if abs(share - true) > POINTS:
            raise Failure("shares of threads (true): " + ", ".join(told))
        if tid in rows:
            expect(rows[tid]["name"] == name, "thread %s is shown as %r" % (name, rows[tid]["name"]))
    check_stacks(recording, tids)
    return ", ".join(told)


def check_stacks(recording, tids):
    """Under each thread's own root frame lies what that thread does, in C code too."""
    bad, total = [], 0
    for frames, count in recording.stacks:
        total += count
        name = next((name for name in tids if name in frames[0].name), None)
        leaf = name and leaf_of(name)
        if leaf and leaf not in [frame.name for frame in frames[-2:]]:
            bad.append((frames, count))
    no_bad(bad, total, "a stack of another thread")


@test("few")
def subinterpreters(python):
    """Several interpreters in one process: the threads of each show their own functions."""
    with Target(python, "subinterpreters", seconds=PATIENCE) as target:
        if "interpreters" not in target.known:
            python.since(99)
        recording = record("-p", target.pid, "-F", 999, "-d", 3)
    check_errors(recording, python.minor)
    names = {frame.name for frames, _ in recording.stacks for frame in frames}
    for wanted in ["main_inner"] + ["sub%d_inner" % number for number in range(3)]:
        expect(wanted in names, "%s was never seen; seen: %s" % (wanted, sorted(names)[:20]))
    bad = [(frames, count) for frames, count in recording.stacks
           if not is_marked(frames) and frames[-1].name.endswith("_inner") and frames[-1].name != "main_inner"
           and frames[-2].name != frames[-1].name.replace("inner", "outer")]
    no_bad(bad, recording.samples, "an impossible stack")
