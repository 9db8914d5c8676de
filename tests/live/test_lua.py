# SPDX-License-Identifier: GPL-2.0-only
"""Lua 5.1 to 5.5: stacks against what debug.getinfo tells inside."""
import json
import os
import re
import subprocess
import sys
import time

from live import FULL, PATIENCE, SCRATCH, SCRY, TOP, Recorder, Skip, check_errors, expect, is_marked, no_bad, record, record_target, test
from events import Watch
from lua import LuaTarget, which

SECONDS = 20 if FULL else 0.9
HERTZ = 4999 if FULL else 1999
MANY = 3000		# samples of lua_native
BETWEEN = "frame without a valid code object"		# in LuaJIT, for some instructions while it enters or leaves a function
MARKS = ("[tail calls]", "[coroutine]")


def known_frame(frame):
    """As the target writes it: name, source, line. A C function that only its place tells is "*"."""
    if frame.name in MARKS:
        return (frame.name, "", 0)
    c = re.fullmatch(r"(.*) \(\[C\]\)", frame.name)
    if c:
        return ("*" if c.group(1).startswith("C function <") else c.group(1), "[C]", 0)
    return tuple(frame)


def joined(frames):
    """Lua 5.1 tells one mark for each call that is gone, scry one for all."""
    result = []
    for frame in frames:
        if not (result and frame == result[-1] and frame[0] == "[tail calls]"):
            result.append(frame)
    return result


def same(frame, true):
    return frame == true or (true[1] == "[C]" and frame[1] == "[C]" and "*" in (true[0], frame[0]))


@test("none")
def lua_points():
    """At known points each frame has the name, the source and the line that debug.getinfo has there."""
    notes = []
    for lua in which():
        # On a busy machine a second may hold few samples, and less than one round of all points: they are waited for.
        enough = os.path.join(lua.targets, "enough-" + lua.label)
        with LuaTarget(lua, "points", PATIENCE, enough) as target:
            with Recorder("-p", target.pid, "-F", HERTZ, "--lines") as recorder:
                recorder.wait_for_samples(int(0.8 * SECONDS * HERTZ))
                recording = recorder.stop()
            open(lua.root + enough, "w").close()
            known = target.truth()
        check_errors(recording, lua.minor)
        # 5.4.0 to 5.4.2 call both __lt and __le "order"; scry tells which, by the instruction.
        true = {label: joined([(label if frame[0] == "order" else frame[0], *frame[1:]) for frame in frames])[::-1]
                for label, frames in known["truth"].items()}
        bad, total, compared, seen = [], 0, 0, set()
        for frames, count in recording.stacks:
            total += count
            frames = [frame for frame in frames if not frame.name.startswith(("[compiled", "[gc]", "[trace", "[rec", "[opt", "[ass"))]
            if is_marked([frame for frame in frames if frame.name not in MARKS]):
                continue
            at = [i for i, frame in enumerate(frames) if frame.file.endswith("points.lua")
                  and known["first"] <= frame.line <= known["last"]]
            if not at:
                continue
            stack = joined([known_frame(frame) for frame in frames[:at[-1]]])
            match = [label for label, frames_ in true.items() if len(frames_) == len(stack)
                     and all(same(a, b) for a, b in zip(stack, frames_))]
            seen.update(match)
            compared += count
            if not match:
                bad.append((frames, count))
        no_bad(bad, compared, "%s: a stack that debug.getinfo does not tell" % lua.label)
        expect(compared > 0.9 * total, "%s: only %d of %d samples at known points" % (lua.label, compared, total))
        expect(not set(true) - seen, "%s: never seen: %s" % (lua.label, sorted(set(true) - seen)))
        notes.append("%s %d" % (lua.label, compared))
    return ", ".join(notes)


@test("none", alone=True)
def lua_shares():
    """Shares of CPU time, against the target's own clock; with the compiler on as well."""
    notes = []
    for lua in which():
        seconds = 8 if FULL else 2
        with LuaTarget(lua, "shares", seconds + 0.4) as target:
            recording = record_target(target, 9999, seconds)	# 20,000 samples: chance alone moves a share by 0.35 points
            true = target.truth()["shares"]
        table = recording.json
        found = {row["function"]: row["self"] / table["samples"] for row in table["functions"]}
        told = ["%s %.1f%% (%.1f%%)" % (name, 100 * found.get(name, 0), 100 * share) for name, share in sorted(true.items())]
        for name, share in true.items():
            expect(abs(found.get(name, 0) - share) <= 0.015, "%s: shares (true): %s" % (lua.label, ", ".join(told)))
        notes.append(lua.label + ": " + ", ".join(told))
    return "; ".join(notes)


def beginnings(letter, depth):
    names = ["%s%d" % (letter, level) for level in range(depth)] + ["burn"]
    return names[0] + "".join("(?:;" + name for name in names[1:]) + ")?" * (len(names) - 1)


@test("none")
def lua_chains():
    """Every stack is possible: a beginning of a chain, in the main thread or in coroutines in each other; 99 of 100 are whole."""
    notes, seconds, hertz, most = [], 20 if FULL else 1, 9999, 100000 if FULL else 1
    for lua in which():
        total = broken = 0
        bad, deep = [], 0
        with LuaTarget(lua, "chains", 240 if FULL else seconds + 0.7) as target:
            chain = "|".join("run_%s(?:;(?:%s))?" % (letter, beginnings(letter, target.known["depth"])) for letter in "ab")
            one = "(?:%s)?" % chain
            c = r"(?:resume|pcall|gsub|yield|clock|create)"
            grammar = re.compile(r"(?:\*;)?M(?:;(?:%s|%s|pcall;(?:F(?:;a.*)?|%s)|gsub;(?:F(?:;b.*)?|%s)"
                                 r"|resume(?:;\[coroutine\](?:;O(?:;(?:%s|resume(?:;\[coroutine\](?:;I(?:;(?:%s|%s))?)?)?))?)?)?))?"
                                 % (c, chain, chain, chain, c, c, chain))
            while total < most:
                recording = record_target(target, hertz, seconds, allowed=(BETWEEN,))
                for frames, count in recording.stacks:
                    frames = [frame for frame in frames if not frame.name.startswith(("[compiled", "[gc]", "[trace", "[rec", "[opt", "[ass"))]
                    total += count
                    if is_marked([frame for frame in frames if frame.name not in MARKS]):
                        broken += count
                        continue
                    text = ";".join(written(frame) for frame in frames)
                    deep += count if re.search("[ab]7", text) else 0
                    if not grammar.fullmatch(text):
                        bad.append((frames, count))
        no_bad(bad, total, "%s: an impossible stack" % lua.label)
        expect(broken <= 0.01 * total, "%s: %d of %d stacks are not whole" % (lua.label, broken, total))
        expect(deep > 0.3 * total, "%s: only %d of %d samples were deep in a chain" % (lua.label, deep, total))
        notes.append("%s %d, %d marked" % (lua.label, total, broken))
    return "; ".join(notes)


def written(frame):
    """A frame in the alphabet of the grammar: M main chunk, O and I the coroutines' functions, F one that C called."""
    c = re.fullmatch(r"(.*) \(\[C\]\)", frame.name)
    if c:
        return "*" if c.group(1).startswith("C function <") else c.group(1)
    if frame.name.startswith("main chunk"):
        return "M"
    if frame.name.startswith("function <"):
        return {17: "F", 18: "F", 19: "I", 20: "O"}.get(frame.line, "?")
    return frame.name


@test("none")
def lua_inlined():
    """LuaJIT: functions that are part of another's machine code, in their order, at their lines, and with their share of the time."""
    jits = [lua for lua in which() if lua.jit]
    if not jits:
        raise Skip("there is no LuaJIT here")
    with open(os.path.join(TOP, "tests", "targets", "lua", "inlined.lua")) as file:
        text = file.read().split("\n")
    begins = {name: next(i for i, line in enumerate(text, 1) if line.startswith("local function %s(" % name))
              for name in ("deep", "heavy", "light", "both", "only_heavy", "only_light")}
    ends = {name: next(i for i in range(line, len(text)) if text[i - 1] == "end") for name, line in begins.items()}
    # Behind the end of a loop a trace may go on with who called it.
    possible = re.compile("(main chunk)?(;clock|;?both(;(heavy(;deep)?|light))?|;?only_heavy(;heavy(;deep)?)?|;?only_light(;light)?)?")
    notes = []
    for lua in jits:
        with LuaTarget(lua, "inlined", SECONDS + 0.7) as target:
            recording = record_target(target, HERTZ, SECONDS, "--lines")
            true = target.truth()["share"]
        bad, counts, total = [], {}, 0
        for frames, count in recording.stacks:
            marks = [i for i, frame in enumerate(frames) if frame.name.startswith("[compiled")]
            if not marks:
                continue
            inside = frames[marks[-1] + 1:]
            total += count
            names = ";".join(frame.name.split(" (")[0] for frame in inside)
            if not possible.fullmatch(names) or not all(begins[f.name] <= f.line <= ends[f.name] for f in inside if f.name in begins):
                bad.append((frames, count))
            counts[names] = counts.get(names, 0) + count
        no_bad(bad, total, "%s: what the machine code is not made of" % lua.label)
        heavy = counts.get("both;heavy", 0) + counts.get("both;heavy;deep", 0)
        light = counts.get("both;light", 0)
        loop = counts.get("both", 0)
        expect(total > 0.8 * recording.samples and loop < 0.1 * total, "%s: of %d samples %s" % (lua.label, recording.samples, counts))
        share = heavy / (heavy + light)
        expect(abs(share - true) < 0.1 and counts.get("both;heavy;deep", 0) > 0.05 * heavy, "%s: %.3f, truly %.3f: %s" % (lua.label, share, true, counts))
        notes.append("%s %.3f (%.3f) of %d" % (lua.label, share, true, total))
    return ", ".join(notes)


@test("none")
def lua_recompiled():
    """A function that took a dead one's place has its own name, source and line, and names its callees right."""
    notes = []
    for lua in which():
        with LuaTarget(lua, "recompile", (10 if FULL else 1) + 0.7) as target:
            recording = record_target(target, 4999, 10 if FULL else 1)
        bad, total, named = [], 0, 0
        for frames, count in recording.stacks:
            total += count
            generated = [frame for frame in frames if re.fullmatch(r"gen_\d+", frame.file)]
            if not generated:
                continue
            number = generated[0].file[4:]
            for frame in generated:
                match = re.fullmatch(r"(f|leaf)_(\d+)", frame.name)
                right = frame.file == "gen_" + number and (
                    match and match.group(2) == number and frame.line == int(number) % 5 + 1 or frame.name == "main chunk"
                    or frame.name.startswith("function <gen_%s:" % number))
                if not right:
                    bad.append((frames, count))
            named += count if any(frame.name.startswith("leaf_") for frame in generated) else 0
        no_bad(bad, total, "%s: a name of another function" % lua.label)
        expect(named > 0.2 * total, "%s: only %d of %d samples in generated functions" % (lua.label, named, total))
        notes.append("%s %d in %d functions" % (lua.label, named, len({f[-1].name for f, _ in recording.stacks})))
    return "; ".join(notes)


@test("none")
def lua_vmstate():
    """What the machine was doing: with LuaJIT's compiler on, off, and collecting garbage."""
    jits = [lua for lua in which() if lua.jit]
    if not jits:
        raise Skip("there is no LuaJIT here")
    program = {"compiled code": "-jon", "interpreter": "-joff"}
    notes = []
    for state, option in program.items():
        with LuaTarget(jits[0], "shares", 2, before=[option]) as target:
            base = record("-p", target.pid, "-F", 999, "-d", 1, kinds=("scry",)).base
        table = subprocess.run([SCRY, "report", base + ".scry", "--by", "vmstate"], stdout=subprocess.PIPE, check=True).stdout.decode()
        rows = {line.split(None, 4)[-1].strip(): float(line.split("%")[0]) for line in table.splitlines()[1:]}
        expect(rows.get(state, 0) > 90, "with %s: %s" % (option, table))
        notes.append("%s: %s %.0f%%" % (option, state, rows[state]))
    return ", ".join(notes)


def line_of(text):
    """Where gcs.lua says that."""
    with open(os.path.join(TOP, "tests", "targets", "lua", "gcs.lua")) as file:
        return next(number for number, line in enumerate(file, 1) if text in line)


def middle(values):
    values = sorted(values)
    return values[len(values) // 2]


def stat_vmstate(pid, *options):
    done = subprocess.run([SCRY, "stat", "vmstate", "-p", str(pid), *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@test("none")
def lua_stat_vmstate():
    """scry stat vmstate: as text and JSON; a program that collects garbage most of the time, one that computes, no Lua at all."""
    notes = []
    for lua in [lua for lua in which() if lua.jit or lua.minor == (5, 4)]:
        with LuaTarget(lua, "collects", 0.8) as target:
            status, output, said = stat_vmstate(target.pid, "-F", "1999", "-d", "0.8", "--json", "-q")
            expect(status == 0 and not said, "%s: %r" % (lua.label, said))
            table = json.loads(output)
            truth = target.truth()
        shares = {row["state"]: row["share"] for row in table["rows"]}
        expect(table["event"] == "vmstate" and table["samples"] > 100 and abs(sum(shares.values()) - 1) < 1e-4
               and sum(row["samples"] for row in table["rows"]) == table["samples"], table)
        expect(all(abs(row["total_ns"] - row["samples"] * (10**9 // 1999)) < 1000 for row in table["rows"]), table)
        if lua.jit:		# the program's own clock tells what the collections that it asks for take
            expect(abs(shares.get("garbage collection", 0) - truth["share"]) < 0.06, "%s, truly %s" % (shares, truth))
            notes.append("collecting %.3f (%.3f)" % (shares["garbage collection"], truth["share"]))
        else:
            expect(set(shares) <= {"interpreter", "C function", "other"} and shares["C function"] > truth["share"] - 0.06,
                   "%s: %s, in C %s" % (lua.label, shares, truth))
        with LuaTarget(lua, "shares", 0.5) as target:
            status, output, said = stat_vmstate(target.pid, "-F", "1999", "-d", "0.5")
            expect(status == 0 and re.match(r" share +time +samples +vmstate\n", output) and re.search(r"^ *[\d.]+%% .* %s$" % (
                "(compiled code|interpreter)" if lua.jit else "interpreter"), output, re.M), output)
    other = subprocess.Popen([sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(60)"], stdout=subprocess.PIPE)
    try:
        other.stdout.readline()
        status, output, said = stat_vmstate(other.pid, "-d", "1")
        expect(status == 1 and "only Lua and LuaJIT" in said, said)
        expect(stat_vmstate(other.pid, "--hist")[0] == 2, "--hist is no usage error")
    finally:
        other.kill()
        other.wait()
    return ", ".join(notes)


@test("none")
def lua_collections():
    """Steps and full collections: as many as the program makes, and as long; with stacks; LuaJIT says why not."""
    notes = []
    for lua in which():
        if lua.jit:
            with LuaTarget(lua, "shares", 0) as target:
                done = subprocess.run([SCRY, "stat", "gc", "-p", str(target.pid), "-d", "1"], stderr=subprocess.PIPE)
                expect(done.returncode == 1 and b"stat vmstate" in done.stderr, done.stderr)
            continue
        begin = os.path.join(lua.targets, "begin-" + lua.label)
        with LuaTarget(lua, "gcs", 0, begin) as target:
            with Watch("trace", "gc", target.pid, "--stack") as watch:
                open(lua.root + begin, "w").close()
                truth = target.truth()
                output, said = (text.decode() for text in watch.process.communicate(timeout=PATIENCE))		# the program has ended
        seen = [json.loads(line) for line in output.splitlines()]
        full = [event for event in seen if event["work"] == "full"]
        steps = [event for event in seen if event["work"] == "step"]
        expect("0 lost" in said or "lost" not in said, said)
        expect(len(full) == truth["full"], "%s: %d full collections, not %d" % (lua.label, len(full), truth["full"]))
        # Between the program's calls of the clock there is little else than the collection. It counts CPU time, in microseconds,
        # so collections that waited for a CPU are left out. Which did, the program knows where it has /proc; else one has not, at least.
        calm = [(event["duration_ns"], true) for event, true, queued in zip(full, truth["full_ns"], truth["queued_ns"]) if not queued]
        expect(calm, "%s: each of %d full collections waited for a CPU" % (lua.label, len(full)))
        if lua.root:
            calm = [min(calm, key=lambda pair: pair[0] - pair[1])]
        took, truly = (middle(times) for times in zip(*calm))
        expect(0.75 * truly - 30e3 < took < 1.1 * truly + 2e3, "%s: full took %d, truly %d" % (lua.label, took, truly))
        behind = steps.index(next(event for event in steps if event["time"] > full[-1]["time"]))
        asked, alone = steps[behind:behind + truth["steps"]], steps[behind + truth["steps"]:]
        by = {(event["file"], event["stack"][0]["line"]) for event in asked}
        expect(len(asked) == truth["steps"] and by == {("[C]", line_of('("step", 0)'))}, "%s: %d steps asked for, in %s" % (lua.label, len(asked), by))
        # A step is as short as the look at its stack is, which the program's clock counts as well.
        took, truly = middle(event["duration_ns"] for event in asked), middle(truth["steps_ns"])
        expect(0 < took < truly + 2e3, "%s: steps took %d, truly %d" % (lua.label, took, truly))
        expect(alone and truth["cycles"] >= 3, "%s: %d steps by itself, %d cycles" % (lua.label, len(alone), truth["cycles"]))
        expect(all(event["generation"] is None and event["collected"] is None for event in seen), seen[0])
        expect(any(frame["file"].endswith("gcs.lua") and frame["line"] == line_of("function fill") for event in alone for frame in [event] + event["stack"]),
               "%s: no step in fill()" % lua.label)
        notes.append("%s %d+%d" % (lua.label, len(full), len(steps)))
    return ", ".join(notes)


@test("none")
def lua_hostile():
    """Programs that only look like Lua, and one whose memory is not what a lua_State should be: no crash, and a clear line."""
    folder = os.path.join(SCRATCH, "hostile-lua")
    os.makedirs(folder)
    results = []
    for name, text, needle in (("liblua5.4.so.0", "$LuaVersion: Lua 5.4.4  Copyright (C) 1994-2022 Lua.org, PUC-Rio $", "thread outside"),
                               ("liblua5.9.so.0", "$LuaVersion: Lua 5.9.1  Copyright $", "Lua 5.9.1 is not known"),
                               ("libluajit-5.1.so.2", "LuaJIT 2.1.0-beta3", "known with 64-bit references")):
        source = os.path.join(folder, name + ".c")
        with open(source, "w") as file:
            file.write('const char lua_ident[] = "%s";\nint luaJIT_setmode(void) { return 0; }\n' % text)
        library = os.path.join(folder, name)
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
        program = os.path.join(folder, name + ".program")
        with open(program + ".c", "w") as file:		# its stack is full of pointers to memory that has a thread's tag everywhere
            file.write('#include <string.h>\n#include <dlfcn.h>\nint main(int n, char **v) { static unsigned char m[1 << 16]; memset(m, 8, sizeof m);'
                       'for (unsigned i = 0; i < sizeof m; i += 8) if (i / 8 % 3) { void *p = m + (i * 7 & 0xfff8); memcpy(m + i, &p, 8); }'
                       'void *volatile s[512]; for (int i = 0; i < 512; i++) s[i] = m + 64 * i; dlopen(v[1], RTLD_NOW);'
                       'for (volatile long i = 0; ; i++) s[i & 511] = s[i & 511]; }')
        subprocess.run(["gcc", "-w", "-o", program, program + ".c"], check=True)
        process = subprocess.Popen([program, library])
        try:
            time.sleep(0.3)
            done = subprocess.run([SCRY, "record", "-p", str(process.pid), "-d", "0.5", "-F", "999", "-o", library + ".txt"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30)
            said = done.stdout.decode("utf-8", "replace")
            if os.path.exists(library + ".txt"):
                with open(library + ".txt") as file:
                    said += file.read()
            if "thread outside" in needle:
                expect("outside the interpreter" in said or "not readable" in said, "%s: %s" % (name, said))
            else:
                expect(needle in said, "%s: %s" % (name, said))
            expect(done.returncode in (0, 1), "%s: exit status %d" % (name, done.returncode))
            results.append("%s: %d" % (name, done.returncode))
        finally:
            process.kill()
            process.wait()
    return ", ".join(results)


def many_native(target):
    """Recordings with --native, of MANY samples together."""
    total = 0
    while total < MANY:
        recording = record("-p", target.pid, "-F", 4999, "-d", 1, "--native")
        total += sum(count for _, count in recording.stacks)
        yield recording


@test("none")
def lua_native():
    """With --native: C, Lua and C again in their order, down to where the program begins."""
    notes = []
    for lua in which():
        if lua.jit or lua.minor == (5, 1):		# these do not tell where C entered the interpreter
            continue
        # While a coroutine is resumed its calls are there, and the interpreter has not begun yet to run them; and longjmp() moves the stack
        # pointer: in this program that is so in 5 of 1,000 samples. So that chance does not decide there must be many.
        total = whole = mixed = broken = 0
        with LuaTarget(lua, "chains", 60) as target:
            for recording in many_native(target):
                broken += sum(recording.json["errors"].values())
                for frames, count in recording.stacks:
                    total += count
                    names = [frame.name for frame in frames]
                    lua_at = [i for i, frame in enumerate(frames) if written(frame) == "M"]
                    whole += count if lua_at and any("(libc" in name for name in names[:lua_at[0]]) else 0
                    c = [i for i, frame in enumerate(frames) if written(frame) == "gsub"]
                    mixed += count if c and lua_at and lua_at[0] < c[0] < len(frames) - 1 else 0
        expect(broken <= 0.01 * total, "%s: %s of %d" % (lua.label, recording.json["errors"], total))
        expect(whole > 0.97 * total and mixed > 0.02 * total, "%s: %d of %d whole, %d with gsub" % (lua.label, whole, total, mixed))
        notes.append("%s %d of %d" % (lua.label, whole, total))
    return ", ".join(notes)


@test("none")
def lua_native_in_coroutines():
    """With --native: a coroutine that was suspended in the midst of its calls, of which the interpreter then has one on the C stack."""
    notes = []
    for lua in which():
        if lua.jit or lua.minor not in (((5, 2), (5, 3), (5, 4), (5, 5)) if FULL else ((5, 3),)):
            continue
        total = broken = right = 0
        with LuaTarget(lua, "yields", 60) as target:
            for recording in many_native(target):
                broken += sum(recording.json["errors"].values())
                for frames, count in recording.stacks:
                    total += count
                    names = [frame.name for frame in frames]
                    inside = "[coroutine]" in names and "inner" in names
                    right += count if inside and names[names.index("[coroutine]") + 2:][:2] == ["outer", "inner"] and "resume ([C])" in names else 0
        expect(broken <= 0.01 * total and right > 0.3 * total, "%s: %s of %d, in inner %d" % (lua.label, recording.json["errors"], total, right))
        notes.append("%s %d, %d marked" % (lua.label, total, broken))
    return ", ".join(notes)


@test("none")
def lua_embedded():
    """A program that loads liblua and calls it unprotected; its own function by its symbol, not by Lua's name for it."""
    header = "/usr/include/lua5.4/lua.h"
    if not os.path.exists(header):
        raise Skip("no " + header)
    program = os.path.join(SCRATCH, "embed-lua")
    subprocess.run(["gcc", "-O1", "-I", os.path.dirname(header), "-o", program,
                    os.path.join(TOP, "tests", "targets", "lua", "embed.c"), "-llua5.4"], check=True)
    process = subprocess.Popen([program])
    try:
        time.sleep(0.3)
        listed = subprocess.run([SCRY, "list", str(process.pid)], stdout=subprocess.PIPE, check=True).stdout.decode()
        expect(re.search(r"^lua 5\.4\.\d+ +/.*/liblua5\.4\.so", listed, re.M), listed)
        recording = record("-p", process.pid, "-F", 999, "-d", 1)
    finally:
        process.kill()
        process.wait()
    total = recording.samples
    right = sum(count for frames, count in recording.stacks if len(frames) == 3 and written(frames[0]) == "M"
                and frames[1].name.split(" ")[0] == "f" and frames[2].name == "work_in_c ([C])")
    expect(right > 0.95 * total, "%d of %d as expected, e.g. %s" % (right, total, recording.stacks[:2]))
    return "%d of %d samples" % (right, total)


@test("none")
def lua_collections_in_a_program():
    """Lua inside a program: by its symbols where it has them, refused with the reason where it is stripped."""
    library = "/usr/lib/%s-linux-gnu/liblua5.4.a" % os.uname().machine
    if not os.path.exists(library):
        raise Skip("no " + library)
    program = os.path.join(SCRATCH, "embed-static")
    subprocess.run(["gcc", "-O1", "-I/usr/include/lua5.4", "-o", program, os.path.join(TOP, "tests", "targets", "lua", "embed.c"),
                    library, "-lm", "-ldl"], check=True)
    subprocess.run(["strip", "-o", program + "-stripped", program], check=True)
    for path, status, listed, needle in ((program, 0, True, "no gc events"), (program + "-stripped", 1, False, "does not export")):
        process = subprocess.Popen([path])
        try:
            time.sleep(0.3)
            rows = subprocess.run([SCRY, "list", str(process.pid)], stdout=subprocess.PIPE, check=True).stdout.decode()
            expect(("luaC_step" in rows) == listed, rows)
            done = subprocess.run([SCRY, "stat", "gc", "-p", str(process.pid), "-d", "0.3", "-q"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        finally:
            process.kill()
            process.wait()
        said = done.stdout.decode()
        expect(done.returncode == status and needle in said, "%s: %s" % (path, said))
