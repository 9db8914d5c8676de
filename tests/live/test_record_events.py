# SPDX-License-Identifier: GPL-2.0-only
"""Captures of events: each with its stack, weighed by time or by number."""
import collections

from live import Failure, Recorder, Skip, Target, expect, test

ROUNDS = 10


def recorded(python, event, *options):
    """(Recording, what the program said of itself)"""
    with Target(python, "counted", ROUNDS) as target:
        try:
            recorder = Recorder("-e", event, *options, "-p", target.pid)
        except Failure as failure:
            if "event gc: " in str(failure) and python.minor < (3, 8):
                raise Skip("this build's collector cannot be seen")
            raise
        with recorder:
            truth = target.truth()
            target.process.wait()
            recording = recorder.wait()
    expect(recording.json["event"] == event, "the capture says event %r" % recording.json["event"])
    expect(recording.json["lost"] == 0, "%d events lost" % recording.json["lost"])
    return recording, truth


def own(recording, name):
    return sum(value for frames, value in recording.stacks if frames[-1].name == name)


def under(recording, *names):
    """Sum of stacks that have these functions in this order, each called by the one before."""
    def has(frames):
        shown = [frame.name for frame in frames]
        return any(tuple(shown[i:i + len(names)]) == names for i in range(len(shown)))
    return sum(value for frames, value in recording.stacks if has(frames))


@test("minors", alone=True)
def calls_by_time(python):
    recording, truth = recorded(python, "call")
    for name, spent in truth["own_ns"].items():
        # What is not in the program's own measure is the cost of its own events.
        expect(abs(own(recording, name) - spent) <= 0.05 * spent + 1e6,
               "%s: %.2f ms, by its own clock %.2f ms" % (name, own(recording, name) / 1e6, spent / 1e6))
    row = {row["function"]: row for row in recording.json["functions"]}["outer"]
    whole = sum(truth["own_ns"].values())
    expect(row["total_ns"] == under(recording, "outer"), "outer: %s in the table, %d in the stacks" % (row, under(recording, "outer")))
    expect(whole <= row["total_ns"] <= 1.5 * whole, "outer: %.2f ms in all, %.2f ms in its callees; %s; it said %r" % (
        row["total_ns"] / 1e6, whole / 1e6, recording.json["errors"], recording.said[-400:]))
    expect(row["self_ns"] < 0.2 * row["total_ns"], "outer has %.2f ms of its own" % (row["self_ns"] / 1e6))
    return "burn %.2f ms (%.2f ms)" % (own(recording, "burn") / 1e6, truth["own_ns"]["burn"] / 1e6)


@test("minors")
def calls_by_number(python):
    recording, truth = recorded(python, "call", "--weight", "calls")
    found = {name: own(recording, name) for name in ("leaf", "branch", "outer", "raiser")}
    expect(found == {"leaf": truth["calls"], "branch": 50 * ROUNDS, "outer": ROUNDS, "raiser": ROUNDS}, "calls %s" % found)
    chain = under(recording, "main", "outer", "branch", "leaf")
    expect(chain == truth["calls"], "%d of %d calls of leaf have their callers" % (chain, truth["calls"]))
    expect(recording.json["unit"] == "calls" and recording.samples == recording.json["samples"], "weights are not numbers")
    return "%d calls" % recording.samples


@test("minors")
def exceptions(python):
    recording, _ = recorded(python, "exception")
    chain = under(recording, "main", "catcher", "raiser", "[raise %sKeyError]" % ("exceptions." if python.minor == (2, 7) else ""))
    expect(chain == ROUNDS, "%d of %d exceptions" % (chain, ROUNDS))
    return "%d exceptions" % recording.samples


@test("minors")
def collections_of_garbage(python):
    recording, _ = recorded(python, "gc")
    seen = collections.Counter()
    for row in recording.json["functions"]:
        seen[row["function"]] += row["total"]
    expect(seen["collector"] == ROUNDS, "%d of %d collections in collector()" % (seen["collector"], ROUNDS))
    leaf = under(recording, "main", "collector", "[gc generation 1]")
    expect(leaf > 0 and leaf == under(recording, "collector"), "not of generation 1: %s" % recording.stacks)
    return "%.1f us each" % (leaf / ROUNDS / 1e3)


@test("minors")
def imports(python):
    if python.minor == (2, 7):
        raise Skip("the importer of 2.7 takes no object as the module's name")
    recording, _ = recorded(python, "import")
    for number in range(ROUNDS):
        name = "[import counted_module_%d]" % number
        spent = own(recording, name)
        expect(10e6 <= spent <= 100e6, "%s: %.2f ms, but it sleeps 10 ms" % (name, spent / 1e6))
    return "%d imports" % recording.json["samples"]
