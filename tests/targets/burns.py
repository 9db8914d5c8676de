# SPDX-License-Identifier: GPL-2.0-only
"""At SIGUSR1: a function burns 20 ms, called by one that burns 10 ms of its own; it says what it measured, in ns."""
import time

from target import finish, wait_for_go

clock = getattr(time, "perf_counter", time.time)
inners, owns = [], []


def burn(seconds):
    start = now = clock()
    while now - start < seconds:
        now = clock()
    return now - start


def inner():
    start = clock()
    burn(0.02)
    inners.append(clock() - start)


def outer():
    start = clock()
    inner()
    between = now = clock()
    while now - between < 0.01:
        now = clock()
    owns.append(clock() - start - inners[-1])


def main():
    wait_for_go()
    for _ in range(20):
        outer()
    finish(inner=int(sum(inners) * 1e9), own=int(sum(owns) * 1e9))


main()
