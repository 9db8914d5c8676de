# SPDX-License-Identifier: GPL-2.0-only
"""The interpreter's lock: how often it is held and waited for, against a program that knows."""
import collections
import json
import os
import subprocess

from live import PATIENCE, SCRY, Skip, Target, expect, record, test


def stat_gil(python):
    """(what scry says, exit status, its JSON, what the program says)"""
    done = subprocess.run([SCRY, "stat", "gil", "--json", "--", python.path, "%s/gils.py" % python.targets], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE,
                          env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
    said, output = done.stderr.decode(), done.stdout.decode()
    start = output.find("{\n")
    truth = [line for line in output.splitlines() if line.startswith("{") and '"contended"' in line]
    return said, done.returncode, json.loads(output[start:]) if start >= 0 else None, json.loads(truth[0]) if truth else None


@test("few")
def holds_and_waits(python):
    said, status, table, truth = stat_gil(python)
    if python.minor < (3, 6):
        expect(said.count("event gil: not to be seen in 2.7") == 1, "it said %r" % said)
        raise Skip("the lock of 2.7 does not tell")
    if "freethreaded" in python.flags:
        expect("has no such lock" in said, "it said %r" % said)
        return "none"
    expect(status == 0 and table and truth, "status %d, said %r" % (status, said[-500:]))
    rows = collections.defaultdict(lambda: collections.Counter())
    for row in table["rows"]:
        rows[row["function"]].update({key: row[key] for key in ("holds", "hold_ns", "waits", "wait_ns")})
    mine, lone = rows["busy"], rows["releaser"]
    expect(table["lost"] == 0, "%d lost" % table["lost"])
    # 3.6 makes its lock with the first thread.
    rounds = truth["rounds"] if python.minor > (3, 6) else 0
    expect(lone["holds"] == rounds, "given back %d times, not %d" % (lone["holds"], rounds))
    expect(lone["waits"] == 0, "nobody to wait for: %s" % lone)
    held, waited = mine["hold_ns"] / 1e9 / truth["contended"], mine["wait_ns"] / 1e9 / truth["contended"]
    told = "held %.3f, waited for %.3f of the time" % (held, waited)
    # Who has the lock works, or wants a CPU; who has not waits for it from when he finds it taken, so when he has a CPU to look.
    expect(held <= 1.01 and held >= 0.95 * truth["cpu"] / truth["contended"] and 1.5 <= waited <= 3.05, told)
    expect(abs(mine["holds"] - mine["waits"]) <= 8, "each of four threads waits before it holds: %s" % mine)
    for row in table["rows"] + table["threads"]:
        for kind in "hold", "wait":
            expect(row[kind + "_p99_ns"] <= row[kind + "_max_ns"] <= row[kind + "_ns"] and
                   bool(row[kind + "_p99_ns"]) == bool(row[kind + "s"]), "%s" % row)
    threads = [row for row in table["threads"] if row["hold_ns"] > 0.05e9 * truth["contended"]]
    expect(len(threads) >= 4 and sum(row["hold_ns"] for row in table["threads"]) == sum(row["hold_ns"] for row in table["rows"]),
           "threads %s" % table["threads"])
    return told


@test("one")
def holds_as_stacks(python):
    recording = record("-e", "gil", "--", python.path, "%s/gils.py" % python.targets, kinds=("folded", "json"))
    held = [(frames, value) for frames, value in recording.stacks if frames[-1].name == "[held the GIL]"]
    waited = [(frames, value) for frames, value in recording.stacks if frames[-1].name == "[waited for the GIL]"]
    expect(any([f.name for f in frames[:-1]] == ["<module>", "releaser"] for frames, _ in held), "held: %s" % held[:5])
    expect(any(frames[-2].name == "busy" for frames, _ in waited), "waited: %s" % waited[:5])


@test("few")
def samples_that_hold_it(python):
    """Python code runs with the lock; C code that has given it back does not."""
    python.needs("ctypes")
    with Target(python, "threadkinds") as target:
        recording = record("-e", "cpu", "--gil", "-p", target.pid, "-F", 999, "-d", 2, "--root", "reason")
    counts = collections.Counter()
    for frames, count in recording.stacks:
        counts[frames[-1].name if frames[-1].name in ("busy", "in_c_with_lock", "in_c_without_lock") else "", frames[0].name] += count
    if "freethreaded" in python.flags:
        expect({root for _, root in counts} == {"[running]"}, "%s" % counts)
        return "none"
    told = []
    for name, wanted in (("busy", "[holds the GIL]"), ("in_c_with_lock", "[holds the GIL]"), ("in_c_without_lock", "[does not hold the GIL]")):
        all_of = sum(count for (leaf, _), count in counts.items() if leaf == name)
        if name == "in_c_without_lock" and subprocess.call([python.path, "-c", "import _hashlib"], stderr=subprocess.DEVNULL):
            continue		# hashlib without OpenSSL never gives the lock back
        # Each of them also takes the lock; that of 2.7 is taken from who has just been woken for it, who may hardly run then.
        if python.minor == (2, 7) and 0 < all_of < 20:
            continue
        expect(all_of and counts[name, wanted] >= (0.9 if python.minor > (2, 7) else 0.5) * all_of, "%s: %s" % (name, dict(counts)))
        told.append("%s %.3f" % (name, counts[name, wanted] / all_of))
    return ", ".join(told)
