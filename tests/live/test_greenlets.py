# SPDX-License-Identifier: GPL-2.0-only
"""Calls in programs that switch stacks."""
import subprocess

import events
from live import Skip, Target, expect, expect_between, test
from test_events import call_methods

FAIL = {"thrown": 1, "through": 1, "inner": 2, "killed": 1, "forgotten": 1}		# left by an exception, of each round


@test("few")
def calls_on_switched_stacks_are_counted_exactly(python):
    if subprocess.run([python.path, "-c", "import greenlet"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("no module greenlet")
    said = []
    for method in call_methods(python):
        with Target(python, "greenlets") as target:
            truth, rows, summary = events.stat(target, "call", "--file", "*/greenlets.py", "--method", method)
        rows = {row["function"]: row for row in rows}
        wrong = ["%s: %d, not %d" % (name, rows.get(name, {}).get("calls", 0), number) for name, number in sorted(truth["calls"].items())
                 if rows.get(name, {}).get("calls", 0) != number]
        expect(not wrong, "by %s: %s" % (method, "; ".join(wrong)))
        wrong = ["%s: %d" % (name, rows[name]["errors"]) for name in sorted(truth["calls"]) if rows[name]["errors"] != 10 * FAIL.get(name, 0)]
        expect(not wrong, "by %s, left by an exception: %s" % (method, "; ".join(wrong)))
        expect_between("burns, by %s" % method, rows["burns"]["total_ns"], truth["ns"])
        running = {name: row["running"] for name, row in rows.items() if row["running"] and name in truth["calls"]}
        expect(not running, "by %s, running still: %s" % (method, running))
        away = abs(rows["nested"]["total_ns"] - truth["nested"]) / truth["nested"]
        expect(away < 0.02, "nested, by %s: %.1f percent away" % (method, 100 * away))
        said.append("%d calls by %s" % (sum(truth["calls"].values()), method))
    return "; ".join(said)
