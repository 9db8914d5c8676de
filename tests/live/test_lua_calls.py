# SPDX-License-Identifier: GPL-2.0-only
"""Calls of Lua functions counted and timed by scry, against programs that count and time themselves."""
import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

from live import FULL, PATIENCE, SCRY, TOP, Skip, expect, read_line, record, test
from events import Watch
from lua import LuaTarget, which
from test_safety import code_that_differs, is_again

KINDS = ("entry", "return", "unwind", "yield", "resume")


def told():
    """Interpreters whose calls can be seen."""
    found = [lua for lua in which() if not lua.jit]
    if not found:
        raise Skip("there is no Lua here")
    return found


def watch(lua, command, name, *options, event="call"):
    """(what the target knows of itself, what scry wrote, what it said); the target begins when scry watches."""
    begin = os.path.join(lua.targets, "begin-%s-%s-%d" % (name, lua.label, time.monotonic_ns()))
    with LuaTarget(lua, name, 0, begin) as target:
        with Watch(command, event, target.pid, *options) as watching:
            open(lua.root + begin, "w").close()
            truth = target.truth()
            output, said = (text.decode() for text in watching.process.communicate(timeout=PATIENCE))	# the program has ended
    expect(watching.process.returncode == 0 and " 0 lost" in said and "unreadable" not in said, "%s: %s" % (lua.label, said))
    return truth, output, said


def place(row):
    return "%s:%d" % (row["file"].rsplit("/", 1)[-1], row["line"])


def line_of(name, text):
    """Where a target says that."""
    with open(os.path.join(TOP, "tests", "targets", "lua", name + ".lua")) as file:
        return next(number for number, line in enumerate(file, 1) if text in line)


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
        expect((by_name["one"]["calls"], by_name["other"]["calls"]) == (6, 12), "%s: two functions in one line: %s" % (lua.label, rows))
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
    for lua in told() if FULL else told()[-1:]:
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
    for lua in told():
        truth, output, _ = watch(lua, "trace", "timed", "--file", "timed.lua", "--min-duration", "4ms")
        took = collections.defaultdict(list)
        for event in events(output):
            if event["type"] in ("return", "unwind"):
                took[event["line"]].append(event)
        worst = 0
        for function, account, total, own in TIMES:
            calls = took[line_of("timed", "local function %s(" % function)]
            known = not lua.root		# it can read how long it waits
            if function == "burns":		# outer() calls it too
                calls = [call for call in calls if call["depth"] == min(call["depth"] for call in calls)]
            expect(len(calls) == 4, "%s: %d calls of %s" % (lua.label, len(calls), function))
            off = []
            for call, true in zip(calls, truth[account]):
                # Besides its own work it was on a CPU with little else, and waited for one. What a hypervisor takes nobody tells.
                extra = true["queued"] + true["cpu"] - 1e6 * (30 if account == "hands_over" else total if function == account else 50)
                least = min(call["duration_ns"] - total * 1e6, call["own_ns"] - own * 1e6)
                most = max(call["duration_ns"] - total * 1e6, call["own_ns"] - own * 1e6) - extra
                expect(least > -1e6, "%s: %s: not %d and %d ms" % (lua.label, call, total, own))
                whole = function == account != "hands_over"		# all that the account is about
                off.append(max(0, -least, most, abs(call["duration_ns"] - true["cpu"] - true["queued"]) if whole else 0) if known else 0)
            middle = sorted(off)[1]
            expect(middle < 1e6, "%s: %s is %.3f ms off, of %s" % (lua.label, function, middle / 1e6, calls))
            worst = max(worst, middle)
        notes.append("%s %s" % (lua.label, "not too short" if lua.root else "%.2f ms off" % (worst / 1e6)))
    return ", ".join(notes)


def one():
    return next((lua for lua in told() if lua.minor == (5, 4)), told()[0])


@test("none")
def lua_calls_are_chosen():
    """By the name that callers have for a function, by file, depth and time; as text."""
    lua = one()
    truth, output, _ = watch(lua, "trace", "calls", "--func", "fi[b]")
    seen = events(output)
    calls = [event for event in seen if event["type"] == "entry"]
    expect({event["function"] for event in seen} == {"fib"} and len({place(event) for event in seen}) == 1, seen[:2])
    expect(len(calls) == truth["calls"][place(calls[0])], "%d calls of fib" % len(calls))
    _, output, _ = watch(lua, "stat", "calls", "--func", "bad*")
    rows = json.loads(output)["rows"]
    expect({row["function"] for row in rows} >= {"bad", "bad_at_top", "bad_in_middle"}, rows)
    expect(all(row["function"].startswith("bad") for row in rows), rows)
    begin = os.path.join(lua.targets, "begin-flow")
    with LuaTarget(lua, "calls", 0, begin) as target:
        with subprocess.Popen([SCRY, "trace", "call", "-p", str(target.pid), "--flow", "--depth", "6"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, bufsize=0) as scry:
            read_line(scry.stderr, "scry trace", "Ctrl-C")
            open(lua.root + begin, "w").close()
            target.truth()
            output = scry.communicate(timeout=PATIENCE)[0].decode()
    lines = [line[38:] for line in output.splitlines()[1:]]
    expect(lines[0].startswith("-> work ") and lines.count("<- work") == 2, (lines[0], lines[-1]))
    expect("  <! bad_in_middle" in [re.sub("^ *", "  ", line) for line in lines], "no function that an error leaves")
    return "%d calls, %d lines" % (len(calls), len(lines))


@test("none")
def lua_calls_have_callers():
    """As record shows them: through C functions and coroutines, and where a function has taken the place of another."""
    for lua in told() if FULL else {told()[0], one()}:
        _, output, _ = watch(lua, "trace", "timed", "--file", "timed.lua", "--stack")
        callers = collections.defaultdict(set)
        for event in events(output):
            callers[event["line"], event["type"]].add(";".join(frame["function"] for frame in event["stack"]))
        for function, kind, stack in (("fails", "entry", "pcall;f;measure;main chunk"), ("fails", "unwind", "f;measure;main chunk"),
                                      ("burns", "entry", "f;measure;main chunk"), ("caught", "return", "measure;main chunk"),
                                      ("gives_way", "yield", "[coroutine];co;f;measure;main chunk"),
                                      ("gives_way", "resume", "[coroutine];co;f;measure;main chunk"),
                                      ("ends", "entry", "[tail calls];measure;main chunk"),
                                      ("ends", "return", "[tail calls];measure;main chunk")):
            found = callers[line_of("timed", "local function " + function), kind]
            expect(any(way.startswith(stack + ";") for way in found), "%s: %s of %s is not by %s but by %s" % (lua.label, kind, function, stack, found))


@test("none")
def lua_calls_are_refused_with_reason():
    """What is not known is refused: arguments and results, LuaJIT. scry list tells of the others."""
    notes = []
    for lua in which():
        with LuaTarget(lua, "shares", 20) as target:
            rows = subprocess.run([SCRY, "list", str(target.pid)], stdout=subprocess.PIPE, check=True).stdout.decode()
            listed = re.search(r"^call +eval +luaV_execute at \d places, luaD_throw$", rows, re.M)
            done = subprocess.run([SCRY, "stat", "call", "-p", str(target.pid), "-d", "0.1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            ret = subprocess.run([SCRY, "trace", "call", "-p", str(target.pid), "-d", "0.1", "--ret"], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE)
        said = done.stderr.decode()
        expect(ret.returncode == 1, "%s: --ret: %s" % (lua.label, ret.stderr))
        if lua in told():
            expect(listed and done.returncode == 0, "%s: %s, %s" % (lua.label, rows, said))
            expect(b"neither arguments nor results" in ret.stderr, ret.stderr)
            continue
        expect(not listed and done.returncode == 1, "%s: %s" % (lua.label, said))
        expect("compiled code" in said, "%s: %s" % (lua.label, said))
        notes.append("%s refused" % lua.label)
    return ", ".join(notes)


@test("none")
def lua_collections_tell_names():
    """Also without their callers, functions in which collections begin have the names that their callers have for them."""
    _, output, _ = watch(one(), "stat", "gcs", event="gc")
    names = {row["function"]: row for row in json.loads(output)["started_by"]}
    expect("fill" in names and names["fill"]["line"] == line_of("gcs", "function fill"), sorted(names))
    return "%d functions" % len(names)


@test("none")
def lua_calls_are_recorded():
    """scry record -e call: stacks by the time of calls."""
    with LuaTarget(one(), "chains", 20) as target:
        recording = record("-p", target.pid, "-e", "call", "-d", 0.3, "-q")
    stacks = collections.Counter()
    for frames, weight in recording.stacks:
        names = [frame.name.split(" (")[0] for frame in frames]
        if names[1:2] == ["main chunk"]:
            stacks[";".join(names[1:])] += weight
    wanted = "main chunk;run_a;a0;a1;a2"
    expect(any(stack.startswith(wanted) for stack in stacks), sorted(stacks)[:5])
    return "%d stacks" % len(stacks)


@test("none")
def lua_calls_in_redis():
    """redis-server, which has Lua 5.1 linked in, is stripped, and exports nothing of it."""
    if not FULL or not shutil.which("redis-server") or not shutil.which("redis-cli"):
        raise Skip("only with SCRY_FULL=1 and redis")
    script = ("local function inner(n) return n + 1 end local function outer(n) local r = inner(n) return r end "
              "for i = 1, 20 do redis.call('SET', 'k' .. i, outer(i)) end return 1")
    server = subprocess.Popen(["redis-server", "--port", "6399", "--save", ""], stdout=subprocess.DEVNULL)
    try:
        time.sleep(1)
        with Watch("stat", "call", server.pid) as watching:
            for _ in range(30):
                subprocess.run(["redis-cli", "-p", "6399", "eval", script, "0"], stdout=subprocess.DEVNULL, check=True)
            output, said = watching.end()
    finally:
        server.kill()
        server.wait()
    rows = {row["function"]: row for row in json.loads(output)["rows"]}
    calls = {name: rows[name]["calls"] if name in rows else 0 for name in ("inner", "outer", "main chunk")}
    expect(calls == {"inner": 600, "outer": 600, "main chunk": 30}, "%s; %s" % (calls, said))
    return "%d calls" % sum(calls.values())


ROUNDS = 50 if FULL else 3


@test("none")
def lua_calls_leave_nothing_behind():
    """Watched again and again by scry that is killed at any moment: the target lives on, and its code is as it was."""
    notes, dice = [], random.Random(7)
    for lua in told() if FULL else [one()]:
        with LuaTarget(lua, "chains", 1000) as target:
            for number in range(ROUNDS):
                with Watch("trace" if number % 2 else "stat", "call", target.pid, "--func", "a*") as watching:
                    time.sleep(dice.uniform(0, 0.1))
                    watching.process.send_signal(signal.SIGKILL if number % 3 else signal.SIGINT)
                    watching.process.communicate(timeout=PATIENCE)
                expect(target.process.poll() is None, "%s: died after %d" % (lua.label, number + 1))
                scry = subprocess.Popen([SCRY, "stat", "call", "-p", str(target.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(dice.uniform(0, 0.3))
                scry.kill()
                scry.wait()
                expect(target.process.poll() is None, "%s: died after %d" % (lua.label, number + 1))
            is_again(code_that_differs, target.pid)
        notes.append("%s %d times" % (lua.label, 2 * ROUNDS))
    return ", ".join(notes)


@test("none")
def lua_after_python_is_told():
    """A process that becomes an interpreter of another kind, whose events were not asked for, is said to; what was seen before is kept."""
    lua = "/usr/bin/lua5.4"
    if not os.path.exists(lua):
        raise Skip("there is no %s" % lua)
    script = ("import os, sys\ndef f(): pass\nsys.stdin.readline()\nfor i in range(30): f()\n"
              "os.execv('%s', ['lua', '-e', 'print(1) io.read()'])" % lua)
    with subprocess.Popen(["/usr/bin/python3", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as target:
        with Watch("stat", "call", target.pid) as watching:
            target.stdin.write(b"\n")
            read_line(target.stdout, "lua", "1")
            said = read_line(watching.process.stderr, "scry stat", "another runtime")
            target.stdin.close()
            output = watching.process.communicate(timeout=PATIENCE)[0].decode()
    calls = {row["function"]: row["calls"] for row in json.loads(output)["rows"]}
    expect(said.startswith("scry: %s:" % os.path.realpath(lua)) and calls.get("f") == 30, "%s; %s" % (said, output))
    return "%d calls before" % calls["f"]


@test("none")
def lua_options_work_or_are_refused():
    """Each option of trace and stat works for Lua, or one line says why not."""
    works = (("stat", "call", "--count", "--func", "a*"), ("stat", "call", "--hist", "--children"), ("stat", "call", "-i", "0.1", "--sort", "max"),
             ("trace", "call", "--stack", "--max-stack", "2", "--children"), ("trace", "call,gc", "--stack", "--depth", "3"),
             ("trace", "call", "--max-events", "2"), ("stat", "gc", "--hist", "--children"))
    refused = (("stat", "call", "--method", "usdt"), ("stat", "gc", "--method", "eval"), ("trace", "call", "--args"), ("trace", "call", "--ret"),
               ("stat", "import"), ("trace", "call,exception"), ("stat", "line"), ("trace", "audit"), ("stat", "gil"))
    with LuaTarget(one(), "chains", 60) as target:
        for options in works + refused:
            done = subprocess.run([SCRY, *options, "-p", str(target.pid), "-d", "0.2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
            said = done.stderr.decode()
            if options in works:
                expect(done.returncode == 0 and " 0 lost" in said and done.stdout.count(b"\n") > (options[1] != "gc"), "%s: %s %s" % (options, done.stdout[:80], said))
            else:
                expect(done.returncode == 1 and not done.stdout and said.count("\n") == 1 and "event " in said, "%s: %s" % (options, said))
    return "%d work, %d do not" % (len(works), len(refused))
