# SPDX-License-Identifier: GPL-2.0-only
"""Collections, imports and exceptions against what the interpreter itself tells of them."""
import json
import re
import subprocess

import events
from live import SCRY, Failure, Skip, Target, expect, expect_between, test


def trace(target, event, *options):
    """(truth, events)"""
    try:
        with events.Watch("trace", event, target.pid, *options) as watch:
            truth = events.truth_of(target)
            output, _ = watch.end()
    except Failure as failure:
        if "no marker" in str(failure) or "stripped" in str(failure) or "several functions of" in str(failure):
            raise Skip("this build does not tell: " + str(failure)[-160:])
        raise
    return truth, [json.loads(line) for line in output.splitlines()]


@test("few")
def durations_are_those_of_the_program(python):
    with Target(python, "burns") as target:
        truth, rows, _ = events.stat(target, "call")
    rows = {row["function"]: row for row in rows}
    inner, outer = rows["inner"], rows["outer"]
    expect_between("inner", inner["total_ns"], truth["inner"])
    expect_between("outer", outer["total_ns"], truth["outer"])
    expect(abs(outer["own_ns"] + inner["total_ns"] - outer["total_ns"]) <= outer["calls"],
           "own %d + inner's %d is not %d" % (outer["own_ns"], inner["total_ns"], outer["total_ns"]))
    return "20 ms: %.1f us away" % (abs(inner["total_ns"] - truth["inner"][0]) / inner["calls"] / 1e3)


def call_methods(python):
    """Those that tell the truth of calls."""
    marked = (3, 8) <= python.minor <= (3, 11) and "pyenv" not in python.flags
    return ["handlers" if python.minor > (3, 10) else "eval"] + (["usdt"] if marked else [])


@test("minors")
def each_duration_is_that_of_the_program(python):
    said = []
    for method in call_methods(python):
        with Target(python, "burns") as target:
            truth, seen = trace(target, "call", "--method", method, "--file", "*burns.py")
        ended = {name: [event for event in seen if event["function"] == name and event["type"] == "return"] for name in ("inner", "outer")}
        expect(len(ended["inner"]) == len(ended["outer"]) == len(truth["each"]), "by %s: %d and %d calls, not %d" % (
            method, len(ended["inner"]), len(ended["outer"]), len(truth["each"])))
        away = sorted(abs(event["duration_ns"] - ns) for event, ns in zip(ended["inner"], truth["each"]))
        expect(away[len(away) // 2] < 1e6, "by %s: median %.3f ms away" % (method, away[len(away) // 2] / 1e6))
        for inner, outer in zip(ended["inner"], ended["outer"]):
            parts = outer["own_ns"] + inner["duration_ns"]
            expect(abs(parts - outer["duration_ns"]) <= 0.02 * outer["duration_ns"], "by %s: own %d + inner's %d is not %d" % (
                method, outer["own_ns"], inner["duration_ns"], outer["duration_ns"]))
        said.append("by %s %.1f us" % (method, away[len(away) // 2] / 1e3))
    return "20 ms, median away: " + ", ".join(said)


def check_lengths(seen, wanted, least, most):
    """Each collection lasts as long as one thing that the program measured, or longer, and as long as another or less. Both hold
    whenever another program gets the CPU; scry itself does, whom the end of a collection wakes."""
    wrong = [(event["duration_ns"], one[2:]) for event, one in zip(seen, wanted)
             if not one[least] - 1000 <= event["duration_ns"] <= one[most] + 1000]
    expect(not wrong, "%d of %d take a time that cannot be, (ns, (between callbacks, within, around)): %s" % (
        len(wrong), len(wanted), wrong[:3]))
    away = sorted(abs(event["duration_ns"] - one[BETWEEN]) for event, one in zip(seen, wanted))
    return "%d, median %.1f us away" % (len(wanted), away[len(away) // 2] / 1e3)


BETWEEN, WITHIN, AROUND = 2, 3, 4		# what the program measured: from callback to callback, by a finalizer, by the caller


def bounds(python, method):
    """Of what scry sees: from 3.13 on the collector's function calls the callbacks. Without the GIL it begins behind the first."""
    if method != "symbol" or python.minor < (3, 13):
        return WITHIN, BETWEEN
    return WITHIN if "freethreaded" in python.flags else BETWEEN, AROUND


def method_of(target, event):
    said = subprocess.run([SCRY, "list", "--json", str(target.pid)], stdout=subprocess.PIPE, check=True).stdout
    return {one["event"]: one["method"] for one in json.loads(said.decode())[0]["events"]}.get(event)


def collections_against_callbacks(python, program):
    with Target(python, program) as target:
        least, most = bounds(python, method_of(target, "gc"))
        truth, seen = trace(target, "gc")
    wanted = truth["seen"]
    got = [[event["generation"], event["collected"]] for event in seen]
    expect(got == [one[:2] for one in wanted], "%d collections, not %d: %s, not %s" % (
        len(got), len(wanted), got[:4], wanted[:4]))
    return check_lengths(seen, wanted, least, most)


@test("minors")
def collections_are_those_that_callbacks_see(python):
    python.since(3, 3)
    return collections_against_callbacks(python, "gcs")


IMPORT_TIME = re.compile(r"^import time: +\d+ \| +\d+ \| ( *)(\S+)$")


@test("minors")
def imports_are_those_of_importtime(python):
    python.since(3, 7)
    with Target(python, "imports", prefix=("env", "PYTHONPROFILEIMPORTTIME=1")) as target:
        _, seen = trace(target, "import", "--method", "usdt")
        target.errors.seek(0)
        lines = target.errors.read().decode().split("begin\n")[1].split("end\n")[0].splitlines()
    wanted = [(len(match.group(1)) // 2, match.group(2)) for match in map(IMPORT_TIME.match, lines) if match]
    got = [(event["depth"], event["module"]) for event in seen]
    expect(len(wanted) > 50 and wanted == got[:len(wanted)], "%d and %d imports; first of those that differ: %s" % (
        len(wanted), len(got), [pair for pair in zip(wanted, got) if pair[0] != pair[1]][:2]))
    return "%d imports" % len(wanted)


@test("minors")
def relative_imports_have_whole_names(python):
    python.since(3, 7)		# before, the module is made another way
    with Target(python, "imports") as target:
        truth, seen = trace(target, "import", "--method", "symbol")
    names = {event["module"] for event in seen}
    expect("asyncio.base_events" in names and "xml.dom.minidom" in names, sorted(names)[:40])
    unknown = names - set(truth["modules"]) - {"no_such_module"}
    expect(not unknown, "no modules: %s" % sorted(unknown))
    return "%d imports" % len(seen)


@test("minors")
def exceptions_are_told_where_they_are_raised(python):
    with Target(python, "raises") as target:
        truth, seen = trace(target, "exception", "--file", "*raises.py")
    got = [[event["exception"].split(".")[-1], event.get("message"), event["function"], event["line"]] for event in seen]
    wrong = [(one, other) for one, other in zip(truth["raised"], got)
             if one[2:] != other[2:] or one[0] != other[0] or (one[1] and one[1] != other[1])]
    expect(len(got) == len(truth["raised"]) and not wrong, "%d of %d; differ: %s" % (len(got), len(truth["raised"]), wrong[:2]))
    return "%d" % len(got)


@test("minors")
def audit_events_are_told_by_name(python):
    python.since(3, 8)
    with Target(python, "audits") as target:
        truth, seen = trace(target, "audit")
    names = [event["name"] for event in seen if event["name"].startswith("scry.")]
    expect(names == truth["names"], "%d of %d: %s" % (len(names), len(truth["names"]), names[:4]))
    return "%d" % len(names)


@test("minors")
def lines_are_counted(python):
    if not (3, 8) <= python.minor <= (3, 11):
        raise Skip("builds of this version have no marker line")
    with Target(python, "audits") as target:
        truth, rows, _ = events.stat(target, "line")
    counts = {row["line"]: row["calls"] for row in rows if row["function"] == "many"}
    expect(counts.get(11) == truth["body"], "the loop's body ran %d times, not %s" % (truth["body"], counts))
