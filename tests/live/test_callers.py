# SPDX-License-Identifier: GPL-2.0-only
"""Callers of what is traced, where functions are left in every way that there is."""
import os

from live import TOP, Target, expect, test
from test_events import trace

# Of each program, function: who calls it, and what stands in the lines of that where it may be.
CALLERS = {
    "callers": {
        "leaf1": ("mid1", "leaf1()"), "mid1": ("top1", "mid1()"), "key2": ("mid2", "sorted("), "mid2": ("top2", "mid2()"),
        "__getattr__": ("top3", "hasattr("), "gen4": ("mid4", "in gen4()"), "mid4": ("top4", "mid4()"),
        "leaf5": ("mid5", "leaf5()"), "after5": ("mid5", "after5()"), "mid5": ("top5", "mid5()"), "after6": ("top6", "after6()"),
        "__iter__": ("top7", "in iterator7"), "__next__": ("top7", "in iterator7"),
        "gen8": ("top8", "next(generator)", "generator.close()"), "after8": ("gen8", "after8()"), "leaf9": ("top9", "leaf9()"),
        "__enter__": ("top9", "with exit9"), "__exit__": ("top9", "with exit9", "leaf9()"),
    },
    "callers3": {
        "inner1": ("outer1", "inner1()"), "after1": ("inner1", "after1()"),
        "outer1": ("top1", "next(generator)", "generator.throw"),
        "inner2": ("middle2", "inner2()"), "middle2": ("outer2", "middle2()"), "outer2": ("top2", "in outer2()"),
        "leaf3": ("middle3", "await leaf3()"), "middle3": ("outer3", "await middle3()"), "outer3": ("top3", "coroutine.send"),
        "leaf4": ("middle4", "await leaf4()"), "after4": ("leaf4", "after4()"), "middle4": ("top4", "coroutine.send", "coroutine.throw"),
        "inner5": ("outer5", "inner5()"), "after5": ("inner5", "after5()"), "outer5": ("top5", "next(generator)", "generator.close"),
    },
}
for number, known in enumerate(CALLERS.values()):
    known.update(("top%d" % n, ("work", "top%d()" % n)) for n in range(1, 6 if number else 10))
    known["work"] = ("main", "    work()")
    known["main"] = ("<module>", "main()")


def lines_of(program):
    """{function: {line number: text}}"""
    lines, function = {"<module>": {}}, "<module>"
    with open(os.path.join(TOP, "tests", "targets", program + ".py")) as source:
        for number, text in enumerate(source, 1):
            if text.lstrip().startswith(("def ", "async def ")):
                function = text.split("def ")[1].split("(")[0]
                lines[function] = {}
            elif text.strip() and not text.startswith((" ", "\t")):
                function = "<module>"
            lines.setdefault(function, {})[number] = text
    return lines


def last(name):
    """To 3.10 names have no class."""
    return name.split(".")[-1]


def wanted_caller(program, lines, name, depth):
    """(caller, lines) of a function; down6 is called by itself, the outermost by top6."""
    if name == "down6":
        caller, texts = ("down6", ("down6(n - 1)",)) if depth else ("top6", ("down6(20)",))
    else:
        caller, texts = CALLERS[program][name][0], CALLERS[program][name][1:]
    return caller, {number for number, text in lines[caller].items() if any(part in text for part in texts)}


def wrong_stack(program, lines, event):
    """Where it differs from what can only be, or None."""
    name, inner = last(event["function"]), sum(frame["function"] == "down6" for frame in event["stack"])
    for frame in event["stack"] + [None]:
        if name == "<module>":
            return frame and "<module> has a caller"
        caller, where = wanted_caller(program, lines, name, inner)
        if frame is None or last(frame["function"]) != caller or frame["line"] not in where:
            return "%s of %s, at %s: %s, not %s:%s" % (event["type"], event["function"], name, frame, caller, sorted(where))
        inner -= caller == "down6"
        name = caller


def is_told(chains, event):
    """Is it what the interpreter itself told of this function?"""
    frames = [[last(frame["function"]), frame["line"]] for frame in event["stack"]]
    return any(chain[at][0] == last(event["function"]) and chain[at + 1:] == frames
               for chain in chains.values() for at in range(len(chain)))


def check(python, program, least):
    """least: how many are left by an exception in each round."""
    with Target(python, program) as target:
        truth, seen = trace(target, "call", "--stack", "--flow", "--file", "*/%s.py" % program)
    known = set(CALLERS[program]) | {"down6"}
    seen = [event for event in seen if last(event["function"]) in known - {"main"}]		# it began before
    unwound = [event for event in seen if event["type"] == "unwind"]
    expect(len(unwound) >= least * truth["rounds"], "%d left by an exception in %d rounds" % (len(unwound), truth["rounds"]))
    lines = lines_of(program)
    doubtful = [event for event in seen if not is_told(truth.get("chains", {}), event)]
    wrong = [text for text in (wrong_stack(program, lines, event) for event in doubtful) if text]
    expect(not wrong, "%d of %d: %s" % (len(wrong), len(seen), sorted(set(wrong))[:3]))
    return "%d, %d of them by exceptions" % (len(seen), len(unwound))


@test("few")
def callers_are_those_that_called(python):
    return check(python, "callers", 30)


@test("minors")
def callers_are_those_that_run_a_generator(python):
    python.since(3, 5)
    return check(python, "callers3", 8)
