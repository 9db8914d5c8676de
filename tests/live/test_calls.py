# SPDX-License-Identifier: GPL-2.0-only
"""Calls counted and timed by scry, against programs that count and time themselves."""
import collections
import re

import events
from live import Failure, Skip, Target, expect, test
from test_collectors import free_threaded
from test_events import call_methods, trace

# Left by an exception each time; others of calls.py never are, but for generators that are closed.
FAIL = ("down", "through2", "through1", "boom", "failing", "reraised", "finally_", "failing_gen", "__getattr__")
MAY_FAIL = FAIL + ("failing_key", "__next__", "echo", "dropped", "<genexpr>")


def count(python, *options):
    with Target(python, "calls", 3) as target:
        truth, rows, said = events.stat(target, "call", *options)
    calls, errors = collections.Counter(), collections.Counter()
    for row in rows:
        if row["file"].endswith(("/calls.py", "/calls3.py")):
            name = row["function"].split(".")[-1]
            calls[name] += row["calls"]
            errors[name] += row["errors"]
    wrong = ["%s: %d, not %d" % (name, calls[name], truth[name]) for name in sorted(truth) if calls[name] != truth[name]]
    expect(not wrong, "calls: " + "; ".join(wrong))
    wrong = ["%s: %d of %d" % (name, errors[name], truth[name]) for name in sorted(truth)
             if errors[name] != (truth[name] if name in FAIL else 0) and name not in MAY_FAIL or
             name in FAIL and errors[name] != truth[name]]
    expect(not wrong, "left by an exception: " + "; ".join(wrong))
    return sum(truth.values()), said


@test("minors")
def calls_are_counted_exactly(python):
    return "%d calls" % count(python)[0]


def forced(python, method):
    try:
        return "%d calls by %s" % (count(python, "--method", method)[0], method)
    except Failure as failure:
        if "ended without a line" in str(failure):
            raise Skip("no such method here: " + str(failure)[-160:])
        raise


@test("minors")
def calls_are_counted_exactly_without_times(python):
    counted = []
    for method in ("auto", "eval") if (3, 8) <= python.minor <= (3, 10) else ("auto",):
        with Target(python, "calls", 3) as target:
            truth, rows, _ = events.stat(target, "call", "--count", "--method", method)
        calls = collections.Counter()
        for row in rows:
            expect(row["total_ns"] is None and row["errors"] is None, "not null: %r" % row)
            if row["file"].endswith(("/calls.py", "/calls3.py")):
                calls[row["function"].split(".")[-1]] += row["calls"]
        wrong = ["%s: %d, not %d" % (name, calls[name], truth[name]) for name in sorted(truth) if calls[name] != truth[name]]
        expect(not wrong, "calls (%s): %s" % (method, "; ".join(wrong)))
        counted.append("%d calls" % sum(truth.values()))
    return ", ".join(counted)


@test("minors")
def calls_are_counted_exactly_by_markers(python):
    if not (3, 8) <= python.minor <= (3, 11):
        raise Skip("no markers that tell the truth")
    return forced(python, "usdt")


@test("minors")
def calls_are_counted_exactly_by_the_eval_function(python):
    if python.minor > (3, 10):
        raise Skip("calls stay inside the eval function")
    return forced(python, "eval")


@test("minors")
def calls_are_nested_as_in_the_program(python):
    """In their order, and each below the call that made it."""
    said = []
    for method in call_methods(python):
        with Target(python, "nests") as target:
            truth, seen = trace(target, "call", "--method", method, "--file", "*nests.py")
        entries = [[event["function"].split(".")[-1], event["depth"]] for event in seen if event["type"] == "entry"]
        first = entries.index(["work", entries[[name for name, _ in entries].index("work")][1]])
        got = [[name, depth - entries[first][1]] for name, depth in entries[first:first + len(truth["nested"])]]
        wrong = [(one, other) for one, other in zip(truth["nested"], got) if one != other]
        expect(len(got) == len(truth["nested"]) and not wrong, "by %s: %d of %d; first that differ: %s" % (
            method, len(got), len(truth["nested"]), wrong[:2]))
        said.append("%d by %s" % (len(got), method))
    return ", ".join(said)


@test("few")
def what_is_left_out_by_name_is_not_unpaired(python):
    for method in call_methods(python):
        with Target(python, "nests") as target, events.Watch("trace", "call", target.pid, "--method", method, "--file", "*nests.py") as watch:
            events.truth_of(target)
            _, said = watch.end()
        with Target(python, "nests") as target:
            truth, seen = trace(target, "call", "--method", method, "--func", "*fall")		# leaf is left out, and called by it
        ends = [event["type"] for event in seen]
        falls = sum(name == "fall" for name, _ in truth["nested"])
        expect(ends == (["entry"] * 6 + ["return"] * 6) * (falls // 6), "by %s: %s" % (method, ends[:12]))
        unpaired = re.search(r"(\d+) ended without", said)		# those that it came from
        expect(not unpaired or int(unpaired.group(1)) <= 5, "by %s: %s" % (method, said[-200:]))


@test("minors")
def calls_are_counted_once_while_others_watch(python):
    python.since(3, 11)
    for how in (), ("--count",):
        with Target(python, "watched") as target:
            truth, rows, _ = events.stat(target, "call", "--file", "watched.py", *how)
        calls = {row["function"].split(".")[-1]: (row["calls"], row["resumes"]) for row in rows}
        wrong = ["%s: %s, not %s" % (name, calls.get(name), number) for name, number in sorted(truth.items())
                 if calls.get(name, (0,))[0] != number[0] or how and calls.get(name) != tuple(number)]
        expect(not wrong, "%s: %s" % (how, "; ".join(wrong)))
    return "%d calls" % sum(number for number, _ in truth.values())


@test("none")
def calls_are_counted_once_where_threads_have_copies():
    """Of the bytecode: 3.14 without the GIL. Between these no thread calls anything, so only the copies tell."""
    said = []
    for python in free_threaded():
        with Target(python, "handed") as target:
            truth, rows, _ = events.stat(target, "call", "--file", "handed.py", "--count")
        calls = {row["function"].split(".")[-1]: [row["calls"], row["resumes"]] for row in rows}
        wrong = ["%s: %s, not %s" % (name, calls.get(name), number) for name, number in sorted(truth.items())
                 if calls.get(name) != number]
        expect(not wrong, "%s: %s" % (python.label, "; ".join(wrong)))
        said.append("%s: %d" % (python.label, sum(calls + resumes for calls, resumes in truth.values())))
    return ", ".join(said)


@test("minors")
def calls_too_deep_are_left_by_an_exception(python):
    for method in ("auto", "eval") if python.minor <= (3, 10) else ("auto",):
        with Target(python, "too_deep") as target:
            truth, rows, _ = events.stat(target, "call", "--file", "too_deep.py", "--method", method)
        told = {row["function"].split(".")[-1]: (row["calls"], row["errors"]) for row in rows}
        wrong = ["%s: %s, not %d calls" % (name, told.get(name), number) for name, number in sorted(truth.items())
                 if told.get(name) != (number, number if name == "endless" else 0)]
        expect(not wrong, method + ": " + "; ".join(wrong))
    return "%d calls" % sum(truth.values())


@test("one")
def functions_left_out_give_their_room_back(python):
    with Target(python, "many_functions") as target:	# stat() expects that nothing is lost
        truth, rows, _ = events.stat(target, "call", "--file", "many_functions.py")
    calls = {row["function"]: row["calls"] for row in rows}
    expect(calls == truth, "%r, not %r" % (calls, truth))
    return "%d calls" % calls["wanted"]
