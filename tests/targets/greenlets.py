# SPDX-License-Identifier: GPL-2.0-only
"""At SIGUSR1: stacks that are switched in the middle of calls, by greenlets: each function counts itself on its first line, and
measures how long it takes."""
import collections
import functools
import itertools
import time

from target import finish_and_stay, wait_for_go

try:
    from greenlet import GreenletExit, getcurrent, greenlet
except ImportError:
    greenlet = object

clock = time.perf_counter
counters = {}
at_least, at_most = collections.Counter(), collections.Counter()


def counter(name):
    count = counters.setdefault(name, itertools.count())
    return functools.partial(next, count)


tick = {}
for name in "nested leaf burns worker rounds thrown through caught killed forgotten inner numbers".split():
    tick[name] = counter(name)
hub = None
order = []


def leaf():
    tick["leaf"]()


def burns():
    """Does not switch."""
    tick["burns"]()
    start = now = clock()
    while now - start < 0.002:
        now = clock()
    at_least["burns"] += now - start


def nested(depth):
    """Its callers are switched away with it."""
    tick["nested"]()
    start = clock()
    if depth:
        nested(depth - 1)
        leaf()
    else:
        hub.switch()
    at_least["nested"] += clock() - start


def numbers(count):
    """A generator that is resumed on one stack, and switches to another."""
    tick["numbers"]()
    for number in range(count):
        hub.switch()
        yield number


def worker():
    tick["worker"]()
    for _ in range(3):
        start = clock()
        burns()
        at_most["burns"] += clock() - start
        nested(4)
        leaf()
    for _ in numbers(2):
        leaf()


def rounds(count):
    tick["rounds"]()
    group = [greenlet(worker) for _ in range(count)]
    while any(not one.dead for one in group):
        for one in group:
            if not one.dead:
                one.switch()
                leaf()


def thrown():
    tick["thrown"]()
    hub.switch()


def through():
    tick["through"]()
    thrown()


def caught():
    tick["caught"]()
    try:
        through()
    except ValueError:
        leaf()
    hub.switch()
    leaf()


def inner():
    tick["inner"]()
    hub.switch()


def killed():
    tick["killed"]()
    try:
        inner()
    finally:
        leaf()


def forgotten():
    tick["forgotten"]()
    inner()


def ends():
    one = greenlet(caught)
    one.switch()
    one.throw(ValueError("from another stack"))
    one.switch()
    one = greenlet(killed)
    one.switch()
    one.throw(GreenletExit)
    one = greenlet(forgotten)
    one.switch()
    del one		# an exception is thrown into it
    leaf()


def main():
    global hub
    wait_for_go()
    hub = getcurrent()
    for _ in range(10):
        rounds(5)
        ends()
    truth = dict((name, next(counters[name])) for name in counters)
    finish_and_stay(calls=truth, ns=[int(at_least["burns"] * 1e9), int(at_most["burns"] * 1e9)],
                    nested=int(at_least["nested"] * 1e9))


if greenlet is not object:
    main()
