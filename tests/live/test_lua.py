# SPDX-License-Identifier: GPL-2.0-only
"""Lua 5.1 to 5.5: stacks against what debug.getinfo tells inside."""
import re

from live import FULL, expect, is_marked, no_bad, record_target, test
from lua import LuaTarget, which

SECONDS = 20 if FULL else 0.9
HERTZ = 4999 if FULL else 1999
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
        with LuaTarget(lua, "points", SECONDS + 0.7) as target:
            recording = record_target(target, HERTZ, SECONDS, "--lines")
            known = target.truth()
        true = {label: joined([tuple(frame) for frame in frames])[::-1] for label, frames in known["truth"].items()}
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
    for lua in which() if FULL else [lua for lua in which() if lua.jit or lua.minor in ((5, 1), (5, 4))]:
        with LuaTarget(lua, "shares", 3.4) as target:
            recording = record_target(target, 999, 3)
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
