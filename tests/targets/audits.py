# SPDX-License-Identifier: GPL-2.0-only
"""At SIGUSR1: audit events of its own, and lines that are executed so often."""
import sys

from target import finish_and_stay, wait_for_go


def many(n):
    i = 0
    while i < n:
        i += 1
    return i


wait_for_go()
for number in range(40):
    sys.audit("scry.one", number)
    sys.audit("scry.two")
finish_and_stay(names=["scry.one", "scry.two"] * 40, body=many(50000))
