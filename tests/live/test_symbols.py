# SPDX-License-Identifier: GPL-2.0-only
"""Collections and imports seen at functions, where a build has no markers for them, or is told not to use them."""
from live import FULL, Failure, Skip, Target, expect, test
from test_events import IMPORT_TIME, bounds, check_lengths, trace


@test("all")
def collections_by_symbol_are_those_that_callbacks_see(python):
    python.since(3, 3)
    if "pyenv" not in python.flags and not FULL:
        raise Skip("its collector is known by a marker, or not at all")
    try:
        with Target(python, "gcs") as target:
            truth, seen = trace(target, "gc", "--method", "symbol")
    except Failure as failure:
        if "no function" in str(failure):
            raise Skip("this build does not tell: " + str(failure)[-160:])
        raise
    wanted = truth["seen"]
    got = [[event["generation"], event["collected"]] for event in seen]
    plain = [one[:2] for one in wanted]
    expect(got == plain, "%d collections, not %d; %s, not %s" % (
        len(got), len(wanted), [one for one, other in zip(got, plain) if one != other][:3],
        [other for one, other in zip(got, plain) if one != other][:3]))
    return check_lengths(seen, wanted, *bounds(python, "symbol"))


def loads(told):
    """(depth, name), those within before those around, without what loads nothing itself: `from . import x` is told as its package
    within the loading of that, and what it loads takes its place."""
    rows, above = [], []
    for depth, name in reversed(told):
        while above and above[-1][0] >= depth:
            above.pop()
        again = any(name == other for _, other, _ in above)
        rows.append((depth - sum(lifted for _, _, lifted in above), name, again))
        above.append((depth, name, again))
    return [(depth, name) for depth, name, again in rows[::-1] if not again]


@test("few")
def imports_by_symbol_are_those_of_importtime(python):
    python.since(3, 7)
    with Target(python, "imports", prefix=("env", "PYTHONPROFILEIMPORTTIME=1")) as target:
        truth, seen = trace(target, "import", "--method", "symbol")
        target.errors.seek(0)
        lines = target.errors.read().decode().split("begin\n")[1].split("end\n")[0].splitlines()
    told = [(len(match.group(1)) // 2, match.group(2)) for match in map(IMPORT_TIME.match, lines) if match]
    wanted = [row for row in told if row[1] in truth["modules"]]		# others were looked for in vain
    got = loads([(event["depth"], event["module"]) for event in seen])
    expect(len(wanted) > 50 and wanted == got, "%d and %d imports; first of those that differ: %s" % (
        len(wanted), len(got), [pair for pair in zip(wanted, got) if pair[0] != pair[1]][:2]))
    return "%d imports" % len(wanted)
