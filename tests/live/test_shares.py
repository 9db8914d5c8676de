# SPDX-License-Identifier: GPL-2.0-only
"""Shares of CPU time, against the target's own clock."""
import collections

import events
from live import FULL, Target, expect, record_target, test

FUNCTIONS = ("six", "three", "one")
POINTS = 0.015
ENOUGH = 4000		# samples: what five seconds have where nobody else wants the CPU
MOST = 3 * ENOUGH	# their own spread is 0.8 points at ENOUGH, 0.4 here


def far_from(found, truth):
    return max(abs(found[name] - share) for name, share in truth.items())


@test("all" if FULL else "few")
def shares(python):
    """Each function's share of five seconds is that of its own clock; where luck has it otherwise, that of a longer time."""
    samples, own = 0, collections.Counter()
    with Target(python, "shares") as target:
        while True:
            table = record_target(target, 999, 5).json
            samples += table["samples"]
            own.update({row["function"]: row["self"] for row in table["functions"]})
            found = {name: own[name] / sum(own[name] for name in FUNCTIONS) for name in FUNCTIONS}
            if samples >= MOST or samples >= ENOUGH and far_from(found, events.truth_of(target)["shares"]) <= POINTS:
                break
        truth = target.truth()["shares"]
    told = "%d samples: " % samples + ", ".join(
        "%s %.1f%% (%.1f%%)" % (name, 100 * found[name], 100 * share) for name, share in sorted(truth.items()))
    expect(sum(own[name] for name in FUNCTIONS) > 0.97 * samples, "in others: %s" % own)
    expect(far_from(found, truth) <= POINTS, "shares (true): " + told)
    return told
