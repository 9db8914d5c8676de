# SPDX-License-Identifier: GPL-2.0-only
"""Function, file and line of every frame, compared with what the interpreter itself says of the same stack."""
import re

from live import FULL, TOP, Target, expect, is_marked, no_bad, record_target, same_file, test

with open(TOP + "/tests/targets/names.py", encoding="utf-8") as source:
    SPINS = {number for number, line in enumerate(source, 1) if re.search("while n: n -= 1", line)}


HERTZ, SECONDS = (1999, 2) if FULL else (3999, 1)


def fits(shown, noted, line):
    """A frame as shown is the noted one: [name, file, first line, current line]."""
    return shown.name == noted[0] and same_file(shown.file, noted[1]) and shown.line == noted[line]


def longest_match(frames, stacks, line):
    """How many frames, from the root, agree with the stack that agrees most; the leaf's line is not compared when it
    is the current one."""
    best, which = 0, None
    for stack in stacks:
        count = 0
        for position, (shown, noted) in enumerate(zip(frames, stack)):
            leaf = position == len(frames) - 1 and line == 3
            if not fits(shown._replace(line=noted[line]) if leaf else shown, noted, line):
                break
            count += 1
        if count > best or (count == best and which is not None and len(stack) < len(which)):
            best, which = count, stack
    return best, which


def compare(recording, stacks, line):
    bad, seen, burning, at_spin, total = [], set(), 0, 0, 0
    for frames, count in recording.stacks:
        total += count
        if is_marked(frames):
            continue
        body = [f for f in frames if not (f.name in ("note", "name_of") and f.file.endswith((".py")))] \
            if frames[-1].name in ("note", "name_of") else frames
        matched, which = longest_match(body, stacks, line)
        if matched < len(body):
            bad.append((frames, count))
        elif which and len(which) == len(body) == len(frames):
            seen.add(tuple(noted[0] for noted in body_key(which)))
            burning += count
            at_spin += count * (frames[-1].line in SPINS)
    no_bad(bad, total, "not a stack that the interpreter noted")
    return seen, burning, at_spin, total


def body_key(stack):
    return [(noted[0], noted[1]) for noted in stack]


def shapes(stacks):
    return {tuple(noted[0] for noted in stack) for stack in stacks}


@test()
def names(python):
    with Target(python, "names") as target:
        recording = record_target(target, HERTZ, SECONDS)
        stacks = target.truth()["stacks"]
    seen, _, _, total = compare(recording, stacks, 2)
    missing = shapes(stacks) - seen
    expect(not missing, "never seen: %s" % [";".join(stack) for stack in missing][:5])
    return "%d samples, %d of %d places" % (total, len(seen), len(shapes(stacks)))


@test()
def lines(python):
    with Target(python, "names") as target:
        recording = record_target(target, HERTZ, SECONDS, "--lines")
        stacks = target.truth()["stacks"]
    _, burning, at_spin, total = compare(recording, stacks, 3)
    expect(at_spin > 0.9 * burning, "only %d of %d burning samples are at the line that burns" % (at_spin, burning))
    return "%d samples, %d%% at the line that burns" % (total, 100 * at_spin // burning)
