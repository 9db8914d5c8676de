# SPDX-License-Identifier: GPL-2.0-only
"""Held against perf record --call-graph dwarf of the same program, at the same time."""
import collections
import math
import os
import re
import shutil
import subprocess
import tempfile

from functions import Process
from live import FULL, SCRATCH, Failure, Skip, Target, expect, record, test
from test_mixed import target_arguments

SECONDS = 15 if FULL else 2.5
HERTZ = 999
STACK = 16384		# bytes that perf copies


def start_perf(pid):
    data = tempfile.mktemp(prefix="perf-", dir=SCRATCH)
    return data, subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", str(HERTZ), "--call-graph", "dwarf,%d" % STACK,
                                   "-o", data, "-p", str(pid), "--", "sleep", str(SECONDS + 0.5)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def perf_stacks(data, process):
    """[[(file, function)]], leaf first, of perf's samples. It shows run-time addresses, or offsets in files, as its version likes."""
    text = subprocess.run(["perf", "script", "-i", data, "--no-inline", "-F", "ip,dso"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode("utf-8", "replace")
    stacks = [[(int(number, 16), os.path.basename(path)) for number, path in re.findall(r"^\s+([0-9a-f]+) \((.*)\)$", part, re.M)
               if len(number) < 16]		# not of the kernel
              for part in text.split("\n\n")]
    run_time = any(address > 1 << 40 and path.startswith("lib") for stack in stacks for address, path in stack)
    return [[process.at(address) if run_time else process.at_offset(path, address) for address, path in stack]
            for stack in stacks if stack]


def whole(stacks):
    """Those of perf's stacks that come to where the process or thread begins: perf lacks some rules for OpenSSL's code by hand."""
    ends = collections.Counter(stack[-1] for stack in stacks)
    entries = {function for function, count in ends.items() if function[1] and count > 0.05 * len(stacks)}
    found = [stack for stack in stacks if stack[-1] in entries]
    expect(len(found) > 0.9 * len(stacks), "of perf's %d stacks %d are whole" % (len(stacks), len(found)))
    return found


def scry_stacks(recording, process):
    """The same, with how often."""
    return [([process.named(frame.name) for frame in reversed(frames) if not frame.line], count) for frames, count in recording.stacks]


def shares(stacks):
    """({function: share of samples in it itself}, {...: in it and what it called}, samples); stacks: [(functions, count)]"""
    own, total, samples = {}, {}, sum(count for _, count in stacks)
    for functions, count in stacks:
        for function in functions[:1]:
            own[function] = own.get(function, 0) + count / samples
        for function in set(functions):
            total[function] = total.get(function, 0) + count / samples
    return own, total, samples


def far_apart(theirs, ours, counts):
    """Of the ten functions where perf sees most: those whose shares differ by more than 2 points, and by chance if few were taken.
    Chance counts a fifth of the samples: of a call that lasts some milliseconds each tells the same."""
    top = sorted((function for function in theirs if function[1]), key=theirs.get, reverse=True)[:10]
    far = []
    for function in top:
        share = theirs[function]
        chance = 0 if FULL else 3 * math.sqrt(max(0, share * (1 - share)) * sum(5 / count for count in counts))
        if abs(share - ours.get(function, 0)) > 0.02 + chance:
            far.append("%s+%s: %.1f%% and %.1f%%" % (function[0], hex(function[1]) if isinstance(function[1], int) else function[1],
                                                     100 * share, 100 * ours.get(function, 0)))
    return len(top), far


def compare(python, name):
    with Target(python, name, *target_arguments(python, name)) as target:
        target.until_it_used(0.3)
        data, perf = start_perf(target.pid)
        try:
            recording = record("-p", target.pid, "-F", HERTZ, "-d", SECONDS, "--native=all")
            perf.wait()
            process = Process(target.pid)
            stacks = perf_stacks(data, process)
        finally:
            perf.kill()
            perf.wait()
            if os.path.exists(data):
                os.unlink(data)
    ours = shares(scry_stacks(recording, process))
    counts = len(stacks), ours[2]
    if min(counts) < 400:
        raise Skip("perf took %d samples, scry %d" % counts)
    notes = []
    complete = whole(stacks)
    for kind, which, seen in (("itself", 0, stacks), ("with what it calls", 1, complete)):
        top, far = far_apart(shares([(stack, 1) for stack in seen])[which], ours[which], counts)
        expect(not far, "by perf and by scry, of time in the function %s: %s (%d and %d samples)" % ((kind, "; ".join(far)) + counts))
        notes.append("%d" % top)
    lost = sum(count for cause, count in recording.json["errors"].items() if cause.startswith("C frames"))
    expect(min(int(note) for note in notes) == 10, "functions: %s" % notes)
    expect(lost <= max(3, 0.01 * counts[1]), "%d of %d stacks are not whole: %s" % (lost, counts[1], recording.json["errors"]))
    return "%s: %s functions, %d and %d samples, %d and %d not whole" % (
        (name, " and ".join(notes)) + counts + (len(stacks) - len(complete), lost))


@test("all" if FULL else "one", alone=True)
def shares_are_those_of_perf(python):
    """The ten C functions where most of the time is, by perf: of one with symbols, and of one without and without frame pointers."""
    if not shutil.which("perf") or not shutil.which("readelf"):
        raise Skip("no perf, or no readelf")
    if "host" not in python.flags and not ("pyenv" in python.flags and python.minor == (3, 12)):
        raise Skip("one with symbols and one without are enough")
    notes = []
    for name in ("arrays", "libraries", "ciphers") if FULL else ("libraries",):
        try:
            notes.append(compare(python, name))
        except Skip as skip:
            notes.append("%s: %s" % (name, skip))
        except Failure as failure:
            raise Failure("%s: %s" % (name, failure))
    return "; ".join(notes)
