# SPDX-License-Identifier: GPL-2.0-only
"""Whom probes reach: the processes that are watched, on each kind of kernel, and nobody else where the kernel can tell."""
import collections
import json
import os
import subprocess

import events
from live import SCRY, Skip, Target, expect, test
from test_safety import code_that_differs, private

KERNELS = ("", "perf", "threads")		# as it is, and as older ones are


def audit_method(python, environment):
    """What scry list says of it, "" if nothing."""
    with Target(python, "idle") as target:
        done = subprocess.run([SCRY, "list", str(target.pid)], stdout=subprocess.PIPE, env=environment, check=True)
    return "".join(line for line in done.stdout.decode().splitlines() if line.strip().startswith("audit"))


@test("one")
def each_kind_of_kernel_sees_the_same(python):
    for kernel in KERNELS:
        environment = dict(os.environ, SCRY_UPROBES=kernel)
        with Target(python, "calls", 3) as target:
            truth, rows, _ = events.stat(target, "call", env=environment)
        calls = collections.Counter()
        for row in rows:
            if row["file"].endswith(("/calls.py", "/calls3.py")):
                calls[row["function"].split(".")[-1]] += row["calls"]
        wrong = ["%s: %d, not %d" % (name, calls[name], truth[name]) for name in sorted(truth) if calls[name] != truth[name]]
        expect(not wrong, "SCRY_UPROBES=%s: %s" % (kernel, "; ".join(wrong)))
        if "usdt" in audit_method(python, environment):		# a marker's arguments and its semaphore, too
            with Target(python, "audits") as target, events.Watch("trace", "audit", target.pid, env=environment) as watch:
                truth = events.truth_of(target)
                names = [json.loads(line)["name"] for line in watch.end()[0].splitlines()]
            expect([name for name in names if name.startswith("scry.")] == truth["names"], "SCRY_UPROBES=%s: %s" % (kernel, names[:4]))


@test("one")
def processes_that_are_not_watched_have_no_probes(python):
    prefix = private(python)
    if not prefix:
        raise Skip("no mounts of its own in a chroot: others' probes could not be told from ours")
    with Target(python, "rates", prefix=prefix) as one, Target(python, "rates", prefix=prefix) as other:
        for options, reached in (((), False), (("--children",), True)):
            with events.Watch("stat", "call", one.pid, *options):
                expect(code_that_differs(one.pid), "%s: the one that is watched has no probes" % (options,))
                expect(bool(code_that_differs(other.pid)) == reached, "%s: the other one%s" % (
                    options, "" if reached else " has probes too"))


@test("few")
def late_starters_are_seen_from_their_first_call(python):
    """The probes are wherever the file is run, and the programs know it when they meet it."""
    if "embedded" in python.flags:
        raise Skip("an embedded interpreter does not know its own program")
    with Target(python, "starter") as target:
        truth, rows, _ = events.stat(target, "call", "--children", "--file", "*/first.py")
    calls = [row["calls"] for row in rows if row["function"] == "first"]
    expect(truth["statuses"] == [0, 0, 0] and calls == [3000], "%s calls of 3000, %s" % (calls, truth))
