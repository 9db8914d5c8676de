# SPDX-License-Identifier: GPL-2.0-only
"""Captures of events: each with its stack, weighed by time or by number."""
import collections

from live import Failure, Recorder, Skip, Target, expect, expect_between, test

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


@test("minors")
def calls_by_time(python):
    recording, truth = recorded(python, "call")
    for name in ("burn", "rest"):		# which call nothing, so that their own time is all
        expect_between(name, own(recording, name), truth["ns"][name])
    rows = {row["function"]: row for row in recording.json["functions"]}
    outer = rows["outer"]
    expect(outer["total_ns"] == under(recording, "outer"), "outer: %s in the table, %d in the stacks" % (
        outer, under(recording, "outer")))
    expect_between("outer; %s; it said %r" % (recording.json["errors"], recording.said[-400:]), outer["total_ns"],
                   truth["ns"]["outer"])
    callees = sum(rows[name]["total_ns"] for name in ("burn", "rest", "branch"))
    expect(abs(outer["total_ns"] - outer["self_ns"] - callees) <= 1000 * ROUNDS, "outer: %d ns, %d of its own, %d in callees" % (
        outer["total_ns"], outer["self_ns"], callees))
    return "burn %.2f ms (%.2f ms)" % (own(recording, "burn") / 1e6, truth["ns"]["burn"][0] / 1e6)


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
    recording, truth = recorded(python, "import")
    for number in range(ROUNDS):
        name = "[import counted_module_%d]" % number
        expect_between(name, own(recording, name), truth["modules"]["counted_module_%d" % number])
    return "%d imports" % recording.json["samples"]
