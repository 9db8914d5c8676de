# SPDX-License-Identifier: GPL-2.0-only
"""Shares of CPU time, against the target's own clock."""
import collections

from live import FULL, Target, expect, record_target, test

POINTS = 0.015
SAMPLES = 4000


@test("all" if FULL else "few", alone=True)
def shares(python):
    samples, own = 0, collections.Counter()
    with Target(python, "shares") as target:
        while samples < SAMPLES:		# five seconds of it, which is longer where others want the CPU
            table = record_target(target, 999, 5).json
            samples += table["samples"]
            own.update({row["function"]: row["self"] for row in table["functions"]})
        truth = target.truth()["shares"]
    told = ["%s %.1f%% (%.1f%%)" % (name, 100 * own[name] / samples, 100 * share) for name, share in sorted(truth.items())]
    for name, share in truth.items():
        expect(abs(own[name] / samples - share) <= POINTS, "shares (true): " + ", ".join(told))
    return ", ".join(told)
