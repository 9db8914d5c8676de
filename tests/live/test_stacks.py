# SPDX-License-Identifier: GPL-2.0-only
"""Programs whose possible stacks are known exactly: every sample must be one of them. A grammar is a regular expression
over the names of a stack joined by ";", where frames of the standard library are written "~"."""
import os
import re

from live import CUT, FULL, TOP, Target, expect, is_marked, no_bad, record_target, same_file, test

SECONDS = 21 if FULL else 1.2
HERTZ = 9999
# Of stacks of a thousand frames and more, which take scry 60 us each to take out of the kernel, such a rate wants most of a CPU.
HERTZ_DEEP = HERTZ if FULL else 1999
SAMPLES = 200000 if FULL else 50


def prefixes(names):
    """Any beginning of a chain of names."""
    return names[0] + "".join("(?:;" + name for name in names[1:]) + ")?" * (len(names) - 1)


def is_library(frame):
    return "/lib/python" in frame.file or frame.file.startswith("<frozen") or "/usr/lib" in frame.file \
        or frame.file.split("/")[0] in ("asyncio", "threading.py", "contextvars.py", "selectors.py", "site-packages")


def written(frames):
    return ";".join("~" if is_library(frame) else frame.name for frame in frames)


def known_of(target, extra=()):
    """{(name, line): file} of all code that the target has."""
    known = {(name, line): "%s.py" % target.name for name, line in target.known["codes"]}
    known.update({(name, line): file for name, file, line in extra})
    with open(os.path.join(TOP, "tests", "targets", "target.py")) as shared:	# where each of them starts
        known[("ready", 1 + next(i for i, text in enumerate(shared) if text.startswith("def ready(")))] = "target.py"
    return known


def check(recording, grammar, known, most=None):
    """Every stack fits the grammar and every frame has its own file and line; `most` fits more than 9 of 10 samples."""
    whole, usual = re.compile(grammar), most and re.compile(most)
    bad, wrong, total, fitting = [], [], 0, 0
    for frames, count in recording.stacks:
        total += count
        if is_marked(frames):
            continue
        text = written(frames)
        if not whole.fullmatch(text):
            bad.append((frames, count))
        elif any(not is_library(f) and f.file and not same_file(known.get((f.name, f.line), "?"), f.file)
                 and not f.file.endswith("/" + known.get((f.name, f.line), "?")) for f in frames):
            wrong.append((frames, count))
        elif usual and usual.fullmatch(text):
            fitting += count
    no_bad(bad, total, "an impossible stack")
    no_bad(wrong, total, "a name with the file or line of another")
    expect(usual is None or fitting > 0.9 * total, "only %d of %d samples fit %s" % (fitting, total, most))
    return "%d samples, 0 impossible" % total


class Several:
    """Recordings of one target, taken together."""

    def __init__(self):
        self.stacks = []

    def add(self, recording):
        self.stacks += recording.stacks

    @property
    def samples(self):
        return sum(count for _, count in self.stacks)


def sample(python, name, *arguments, hertz=HERTZ, options=(), functions=(), **checks):
    """Record until there are SAMPLES, however few of its ticks a busy machine delivers, and all these functions are in."""
    several = Several()
    with Target(python, name, *arguments) as target:
        for _ in range(40 if FULL else 10):
            several.add(record_target(target, hertz, SECONDS, *options, least=0, **checks))
            missing = set(functions) - {frame.name for frames, _ in several.stacks for frame in frames}
            if several.samples >= SAMPLES and not missing:
                break
    expect(several.samples >= SAMPLES, "only %d samples" % several.samples)
    expect(not missing, "never seen: %s" % sorted(missing))
    return target, several


def two_chains(python, name):
    target, recording = sample(python, name)
    depth = range(target.known["depth"])
    chains = [["%s%d" % (letter, level) for level in depth] for letter in "ab"]
    extra = [("%s%d" % (letter, level), letter + ".py", level + 1) for letter in "ab" for level in depth]
    return check(recording, "<module>(?:;main(?:;(?:%s))?)?" % "|".join(prefixes(chain) for chain in chains),
                 known_of(target, extra))


@test("minors")
def alternating(python):
    return two_chains(python, "alternating")


@test("few")
def generators(python):
    return two_chains(python, "generators")


def recursion_grammar(target):
    return "(?:even;odd;){%d}bottom" % (target.known["depth"] // 2)


@test("few")
def recursion_300(python):
    target, recording = sample(python, "recursion", 300)
    return check(recording, "<module>;main;" + recursion_grammar(target), known_of(target))


@test("few")
def recursion_5000(python):
    target, recording = sample(python, "recursion", 5000, hertz=HERTZ_DEEP, options=("--max-stack", 8192), rate=0)
    return check(recording, "(?:~;)+main;%s|<module>(?:;~)*" % recursion_grammar(target), known_of(target))


@test("few")
def recursion_cut(python):
    """Deeper than the default of 1,024 frames: the innermost are there, below a mark that says so."""
    target, recording = sample(python, "recursion", 5000, hertz=HERTZ_DEEP, allowed=(CUT,), rate=0)
    return check(recording, r"\[truncated\];(?:odd;)?(?:even;odd;){%d}(?:even;)?bottom|<module>(?:;~)*" % 511,
                 known_of(target))


@test("few")
def coroutines(python):
    python.since(3, 6)
    target, recording = sample(python, "coroutines")
    chains = "|".join(prefixes(["%s%d" % (letter, level) for level in range(3)]) for letter in "abc")
    return check(recording, "<module>(?:;~)*(?:;(?:%s)(?:;~)*)?" % chains, known_of(target))


@test("few")
def biglocals(python):
    target, recording = sample(python, "biglocals")
    chain = ["big%d" % level for level in range(5)]
    extra = [(name, "big.py", level + 1) for level, name in enumerate(chain)]
    return check(recording, "<module>(?:;main(?:;%s)?)?" % prefixes(chain), known_of(target, extra),
                 "<module>;main;" + ";".join(chain))


@test("few")
def twenty_threads(python):
    target, recording = sample(python, "threads", functions=["inner%d" % k for k in range(20)])
    extra = [(name % k, "threads_%d.py" % k, line) for k in range(target.known["threads"])
             for name, line in (("outer%d", 2), ("inner%d", 6))]
    expect(target.known["threads"] == 20, "it has %d threads" % target.known["threads"])
    return check(recording, r"(?:~;)*~(?:;outer(\d+)(?:;shared(?:;inner\1)?)?)?|<module>(?:;ready)?(?:;~)*", known_of(target, extra))


@test("few")
def recompiled(python):
    """A code object that took a dead one's place has its own name: f_000017_3 lies in gen_000017.py at line 3."""
    target, recording = sample(python, "recompile")
    bad, total, named = [], 0, 0
    grammar = re.compile(r"<module>(?:;main(?:;run(?:;<module>(?:;f_(\d+)_(\d+))?)?)?)?")
    for frames, count in recording.stacks:
        total += count
        if is_marked(frames):
            continue
        match = grammar.fullmatch(";".join(frame.name for frame in frames))
        generated = [frame for frame in frames[3:]]
        if not match or any(not re.fullmatch(r"gen_\d{6}\.py", frame.file) for frame in generated) \
                or len({frame.file for frame in generated}) > 1:
            bad.append((frames, count))
        elif match.group(1):
            named += count
            leaf = frames[-1]
            if leaf.file != "gen_%s.py" % match.group(1) or leaf.line != int(match.group(2)):
                bad.append((frames, count))
    no_bad(bad, total, "a name with the file or line of another")
    expect(named > 0.1 * total, "only %d of %d samples in generated code" % (named, total))
    return "%d samples in %d functions, 0 wrong" % (named, len({f[-1].name for f, _ in recording.stacks}))
