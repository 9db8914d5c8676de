# SPDX-License-Identifier: GPL-2.0-only
"""At SIGUSR1: a function burns 20 ms, called by one that burns 10 ms of its own. It says what it measured, in ns: what
each was at least, by a clock that was read inside of it, and at most, by one that was read around it."""
import time

from target import finish_and_stay, wait_for_go

clock = getattr(time, "perf_counter", time.time)
at_least = {"inner": 0, "outer": 0}
at_most = {"inner": 0, "outer": 0}
each = []		# what inner measured, ns


def burn(seconds):
    start = now = clock()
    while now - start < seconds:
        now = clock()


def inner():
    start = clock()
    burn(0.02)
    took = clock() - start
    at_least["inner"] += took
    each.append(int(took * 1e9))


def outer():
    start = clock()
    inner()
    between = now = clock()
    at_most["inner"] += between - start
    while now - between < 0.01:
        now = clock()
    at_least["outer"] += clock() - start


def main():
    wait_for_go()
    for _ in range(20):
        start = clock()
        outer()
        at_most["outer"] += clock() - start
    finish_and_stay(each=each, **dict((name, [int(at_least[name] * 1e9), int(at_most[name] * 1e9)]) for name in at_least))


main()
