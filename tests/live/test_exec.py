# SPDX-License-Identifier: GPL-2.0-only
"""Targets that execute other programs while their events are watched."""
import collections
import os
import re

import events
from live import FULL, Skip, Target, expect, interpreters, one_of_each_minor, test

LIVES = 6
UNSEEN = re.compile(r"process (\d+) executed (?:another program|other programs (\d+) times): "
                    r"events of (?:its|the) first ([0-9.]+ \w+)(?: of each, at most,)? were not seen")


def lives(python, *arguments, **environment):
    """(calls by function, what was said of what was not seen: how often, how long)"""
    with Target(python, "lives", LIVES, *arguments) as target:
        truth, rows, said = events.stat(target, "call", "--file", "*/lives.py", env=dict(os.environ, **environment))
    calls = collections.Counter()
    for row in rows:
        calls[row["function"]] += row["calls"]
    expect(truth["calls"] == 100 * LIVES, "it had other lives: %s" % truth)
    told = UNSEEN.search(said)
    expect(bool(told) == ("not seen" in said), "said %r" % said[-300:])
    expect(not told or int(told.group(1)) == target.pid, "said %r" % said[-300:])
    return calls, (int(told.group(2) or 1), told.group(3)) if told else (0, "")


@test("few")
def a_target_that_executes_its_interpreter_again_is_seen_whole(python):
    """The probes of a process go on where its main thread executes the same interpreter."""
    if "embedded" in python.flags:
        raise Skip("an embedded interpreter does not know its own program")
    for kernel in ("", "perf", "threads") if FULL or "host" in python.flags else ("",):
        calls, unseen = lives(python, "main", "", 0.0, SCRY_UPROBES=kernel)
        expect(calls["early"] == calls["late"] == 100 * LIVES and not unseen[0], "SCRY_UPROBES=%s: %s; unseen %s" % (
            kernel, dict(calls), unseen))
    return "%d calls in each of %d lives" % (200, LIVES)


def seen_late(python, how, others):
    calls, unseen = lives(python, how, others, 0.5)
    expect(calls["late"] == 100 * LIVES, "%d of %d calls after half a second" % (calls["late"], 100 * LIVES))
    # What was missed was told.
    expect(calls["early"] == 100 * LIVES or unseen[0], "%d of %d calls, and nothing said" % (calls["early"], 100 * LIVES))
    expect(unseen[0] < LIVES, "%d programs not seen of %d" % (unseen[0], LIVES - 1))
    return "%d of %d early calls, at most %s of %d programs not seen" % (calls["early"], 100 * LIVES, unseen[1], unseen[0])


@test("one")
def a_target_that_a_thread_replaces_is_seen_again(python):
    """The main thread ends, and the probes with it."""
    return seen_late(python, "another", "")


@test("none")
def a_target_that_executes_other_interpreters_is_seen_again():
    here = one_of_each_minor([python for python in interpreters() if not python.root and "embedded" not in python.flags])
    if len(here) < 2:
        raise Skip("only one interpreter outside of a chroot")
    return seen_late(here[0], "main", ":".join(python.path for python in here[1:] + here[:1]))
