# SPDX-License-Identifier: GPL-2.0-only
"""A Python function that calls others; to be run with -X perf."""
from target import ready, stop


def innermost(n):
    total = 0
    while n:
        total += n
        n -= 1
    return total


def between(n):
    return innermost(n) + 1


def outermost():
    while not stop:
        between(20000)


ready()
outermost()
