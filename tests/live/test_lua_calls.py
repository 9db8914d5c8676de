# SPDX-License-Identifier: GPL-2.0-only
"""Calls of Lua functions counted and timed by scry, against programs that count and time themselves."""
import collections
import json
import os
import re
import subprocess
import time

from live import FULL, PATIENCE, SCRATCH, SCRY, TOP, Skip, expect, test
from events import Watch
from lua import LuaTarget, interpreters, which

KINDS = ("entry", "return", "unwind", "yield", "resume")


def told():
    """Interpreters whose calls can be seen."""
    found = [lua for lua in which() if not lua.jit and not (lua.minor == (5, 4) and "bullseye" in lua.label)]
    if not found:
        raise Skip("there is no Lua here")
    return found


def watch(lua, command, name, *options):
    """(what the target knows of itself, what scry wrote, what it said); the target begins when scry watches."""
    begin = os.path.join(lua.targets, "begin-%s-%s-%d" % (name, lua.label, time.monotonic_ns()))
    with LuaTarget(lua, name, 0, begin) as target:
        with Watch(command, "call", target.pid, *options) as watching:
            open(lua.root + begin, "w").close()
            truth = target.truth()
            output, said = (text.decode() for text in watching.process.communicate(timeout=PATIENCE))	# the program has ended
    expect(watching.process.returncode == 0 and " 0 lost" in said and "unreadable" not in said, "%s: %s" % (lua.label, said))
    return truth, output, said


def place(row):
    return "%s:%d" % (row["file"].rsplit("/", 1)[-1], row["line"])


def events(output):
    return [json.loads(line) for line in output.splitlines()]


@test("none")
def lua_calls_are_counted_exactly():
    """Each call, each that an error leaves, and each resumption, in all ways of calling; nothing else is counted."""
    notes = []
    for lua in told():
        truth, output, said = watch(lua, "stat", "calls")
        rows = json.loads(output)["rows"]
        calls, errors = collections.Counter(), collections.Counter()
        for row in rows:
            calls[place(row)] += row["calls"]
            errors[place(row)] += row["errors"]
        wrong = ["%s: %d, %d by errors, not %d, %d" % (at, calls[at], errors[at], number, truth["errors"].get(at, 0))
                 for at, number in sorted(truth["calls"].items()) if (calls[at], errors[at]) != (number, truth["errors"].get(at, 0))]
        expect(not wrong, "%s: %s" % (lua.label, "; ".join(wrong)))
        by_name = {row["function"]: row for row in rows}
        expect(by_name["suspend"]["resumes"] == truth["resumes"], "%s: %s" % (lua.label, by_name["suspend"]))
        expect(sum(errors.values()) == sum(truth["errors"].values()), "%s: %s" % (lua.label, errors - collections.Counter(truth["errors"])))
        # The main chunk, which began before; of the loop that waits there is nothing.
        expect("1 ended without a known beginning" in said, "%s: %s" % (lua.label, said))
        missing = {"fib", "deep", "method", "tail", "bad_at_top", "inner", "hit"} - set(by_name)
        expect(not missing, "%s: no %s among %s" % (lua.label, missing, sorted(by_name)))
        notes.append("%s %d" % (lua.label, sum(truth["calls"].values())))
    return ", ".join(notes)


@test("none")
def lua_calls_are_told_in_order():
    """Each beginning has its end, at the same depth, and lies within its caller's; counts are those of the program."""
    notes = []
    for lua in told() if FULL else told()[-2:]:
        truth, output, _ = watch(lua, "trace", "calls")
        seen = events(output)
        began, ended = collections.Counter(), collections.Counter()
        running, last, checked = [], 0, 0
        for event in seen:
            at, depth, kind = place(event), event["depth"], event["type"]
            expect(kind in KINDS and event["time"] >= last, "%s: %s after %f" % (lua.label, event, last))
            last = event["time"]
            began[at] += kind == "entry"
            ended[at] += kind == "unwind"
            expect(kind in ("entry", "resume") or event["own_ns"] <= event["duration_ns"], event)
            if kind in ("yield", "resume"):
                running = None		# until the program is back where no coroutine runs
            elif running is None and depth <= 1:
                running = [None] * depth + [at] * (kind == "entry")
            elif running is not None:
                expect(depth == len(running) - (kind != "entry"), "%s: %s at %d" % (lua.label, event, len(running)))
                expect(kind == "entry" or running[depth] in (at, None), "%s: %s ends %s" % (lua.label, event, running[depth:]))
                running = running[:depth] + [at] * (kind == "entry")
                checked += 1
        wrong = ["%s: %d, not %d" % (at, began[at], number) for at, number in truth["calls"].items() if began[at] != number]
        wrong += ["%s: %d by errors, not %d" % (at, ended[at], number) for at, number in truth["errors"].items() if ended[at] != number]
        expect(not wrong, "%s: %s" % (lua.label, "; ".join(wrong)))
        expect(checked > 0.9 * len(seen), "%s: %d of %d" % (lua.label, checked, len(seen)))
        notes.append("%s %d" % (lua.label, len(seen)))
    return ", ".join(notes)


# The functions of timed.lua: whose account each is in, what it takes, and the part of that which is not in functions called, in ms.
TIMES = (("burns", "burns", 20, 20), ("caught", "caught", 50, 30), ("fails", "caught", 20, 20), ("resumes", "resumes", 50, 30),
         ("gives_way", "resumes", 20, 20), ("hands_over", "hands_over", 10, 10), ("ends", "hands_over", 20, 20), ("outer", "outer", 25, 5))


@test("none")
def lua_calls_are_timed():
    """To a millisecond: also before errors and tail calls, in coroutines without the time they are suspended; own time apart."""
    notes = []
    with open(os.path.join(TOP, "tests", "targets", "lua", "timed.lua")) as file:
        lines = {match.group(1): number for number, line in enumerate(file, 1) for match in [re.match(r"local function (\w+)", line)] if match}
    for lua in told():
        truth, output, _ = watch(lua, "trace", "timed", "--file", "timed.lua", "--min-duration", "4ms")
        took = collections.defaultdict(list)
        for event in events(output):
            if event["type"] in ("return", "unwind"):
                took[event["line"]].append(event)
        worst = 0
        for function, account, total, own in TIMES:
            calls = took[lines[function]]
            known = not lua.root		# it can read how long it waits
            if function == "burns":		# outer() calls it too
                calls = [call for call in calls if call["depth"] == min(call["depth"] for call in calls)]
            expect(len(calls) == 6, "%s: %d calls of %s" % (lua.label, len(calls), function))
            off = []
            for call, true in zip(calls, truth[account]):
                # Besides its own work it was on a CPU with little else, and waited for one. What a hypervisor takes nobody tells.
                extra = true["queued"] + true["cpu"] - 1e6 * (30 if account == "hands_over" else total if function == account else 50)
                least = min(call["duration_ns"] - total * 1e6, call["own_ns"] - own * 1e6)
                most = max(call["duration_ns"] - total * 1e6, call["own_ns"] - own * 1e6) - extra
                expect(least > -1e6, "%s: %s: not %d and %d ms" % (lua.label, call, total, own))
                whole = function == account != "hands_over"		# all that the account is about
                off.append(max(0, -least, most, abs(call["duration_ns"] - true["cpu"] - true["queued"]) if whole else 0) if known else 0)
            middle = sorted(off)[2]
            expect(middle < 1e6, "%s: %s is %.3f ms off, of %s" % (lua.label, function, middle / 1e6, calls))
            worst = max(worst, middle)
        notes.append("%s %s" % (lua.label, "not too short" if lua.root else "%.2f ms off" % (worst / 1e6)))
    return ", ".join(notes)
