# SPDX-License-Identifier: GPL-2.0-only
"""The walk of C frames, held against another one and against what programs do next."""
import json
import os
import subprocess

from live import FULL, SCRY, Skip, TOP, Target, expect, test
from test_mixed import build, target_arguments

UNWIND = os.path.join(os.path.dirname(SCRY), "tests", "live", "unwind")


def unwind(*arguments):
    """What tests/live/unwind.c found."""
    if os.uname().machine != "x86_64":
        raise Skip("x86-64 alone")
    if not os.path.exists(UNWIND):
        raise Skip("%s is not built: make check-live" % os.path.relpath(UNWIND, TOP))
    done = subprocess.run([UNWIND] + [str(argument) for argument in arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect(not done.returncode, "unwind: %s" % done.stderr.decode()[-300:])
    return json.loads(done.stdout.decode()), done.stderr.decode()


def compare(python, name, *arguments):
    with Target(python, name, *arguments) as target:
        target.until_it_used(0.1)
        found, examples = unwind(target.pid, 5 if FULL else 1, 999)
    expect(not found["differ"], "%d of %d stacks differ:\n%s" % (found["differ"], found["samples"], examples[-1500:]))
    samples = found["samples"] - found["cut"]		# some of OpenSSL's code by hand has wrong rules, or none
    expect(samples > 100 and found["same"] >= (0.99 if FULL else 0.98) * samples - 2, "only %s" % found)
    return "%s %d of %d" % (name, found["same"], samples)


@test("all" if FULL else "one")
def frames_are_those_of_elfutils(python):
    """From the same registers and the same copy of the stack, at each tick."""
    notes = []
    for name in ("libraries", "ciphers", "arrays", "mixed") if FULL else ("libraries", "ciphers"):
        try:
            arguments = [build(python)] if name == "mixed" else target_arguments(python, name)
            notes.append(compare(python, name, *arguments))
        except Skip as skip:
            notes.append("%s: %s" % (name, skip))
    return "the same: " + "; ".join(notes)


@test("one")
def registers_that_are_trusted_hold(python):
    """OpenSSL's code by hand has its frame's place in rax, over calls. Led on until it leaves that frame, the program is where the
    walk has said."""
    if not FULL:
        raise Skip("with SCRY_FULL=1")
    with Target(python, "ciphers", *target_arguments(python, "ciphers")) as target:
        found, _ = unwind(target.pid, 20)
    if not found["right"] + found["wrong"]:
        raise Skip("this OpenSSL has no such code: %s" % found)
    expect(not found["wrong"] and found["right"] > 5, "%s" % found)
    return "%(right)d of %(stops)d stops, all right" % found
