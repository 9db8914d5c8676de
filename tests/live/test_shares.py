# SPDX-License-Identifier: GPL-2.0-only
"""Shares of CPU time, against the target's own clock."""
from live import FULL, Target, expect, record_pid, test

POINTS = 0.015


@test("all" if FULL else "few", alone=True)
def shares(python):
    seconds = 5
    with Target(python, "shares") as target:
        recording = record_pid(target.pid, 999, seconds)
        truth = target.truth()["shares"]
    table = recording.json
    found = {row["function"]: row["self"] / table["samples"] for row in table["functions"]}
    told = ["%s %.1f%% (%.1f%%)" % (name, 100 * found.get(name, 0), 100 * share) for name, share in sorted(truth.items())]
    for name, share in truth.items():
        expect(abs(found.get(name, 0) - share) <= POINTS, "shares (true): " + ", ".join(told))
    return ", ".join(told)
