# SPDX-License-Identifier: GPL-2.0-only
"""Collectors of garbage that are not alike: without a GIL, and of several processes at once."""
import json

import events
from live import Failure, Skip, Target, expect, interpreters, one_of_each_minor, test
from test_events import collections_against_callbacks


def free_threaded():
    found = [python for python in interpreters() if "freethreaded" in python.flags]
    if not found:
        raise Skip("no free-threaded build")
    return found


@test("none")
def collections_without_the_lock():
    """A build's compiler makes several functions of the collector, which may also come to nothing."""
    said = []
    for python in free_threaded():
        for program in ("gcs", "gcthreads"):
            try:
                said.append("%s %s: %s" % (python.label, program, collections_against_callbacks(python, program)))
            except Failure as failure:
                if python.minor < (3, 15) or "event gc: " not in str(failure):
                    raise
                said.append("%s: %s" % (python.label, str(failure)[-80:]))
    return "; ".join(said)


def collector_of(python):
    if "freethreaded" in python.flags:
        return "free-threaded, stop the world"
    return "incremental" if (3, 14) <= python.version < (3, 14, 5) else "generational"


@test("none")
def several_collectors_at_once():
    """In one table, generations of different collectors are different rows."""
    chosen = {python.minor: python for python in one_of_each_minor(interpreters())}
    pythons = [chosen[minor] for minor in ((3, 9), (3, 11), (3, 14), (3, 15)) if minor in chosen] + free_threaded()[:1]
    targets = [Target(python, "gcs") for python in pythons]
    try:
        with events.Watch("stat", "gc", None, "-p", ",".join(str(target.pid) for target in targets)) as watch:
            wanted = {}
            for python, target in zip(pythons, targets):
                kind = collector_of(python)
                for generation, collected, *_ in events.truth_of(target)["seen"]:
                    row = wanted.setdefault((kind, generation), [0, 0])
                    row[0] += 1
                    row[1] += collected
            table = json.loads(watch.end()[0])
    finally:
        for target in targets:
            target.__exit__()
    kinds = {kind for kind, _ in wanted}
    expect(len(kinds) > 1, "all are %s" % kinds)
    got = {(row["collector"], row["generation"]): [row["count"], row["collected"]] for row in table["rows"]}
    expect(got == wanted and table["lost"] == 0, "%s, not %s" % (got, wanted))
    return "%d processes: %s" % (len(targets), ", ".join(sorted(kinds)))
