# SPDX-License-Identifier: GPL-2.0-only
"""Lua 5.1 to 5.5: stacks against what debug.getinfo tells inside."""
import re

from live import FULL, expect, is_marked, no_bad, record_target, test
from lua import LuaTarget, which

SECONDS = 20 if FULL else 0.9
HERTZ = 4999 if FULL else 1999
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
