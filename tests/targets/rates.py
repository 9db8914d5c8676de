# SPDX-License-Identifier: GPL-2.0-only
"""Calls, raises, imports, collects and lets generators run until SIGTERM, and sees that all of it comes out right; says at SIGUSR1 how much of that it does in a second of CPU time:
the best of WINDOWS, for there are other programs on the machine."""
import gc
import signal

from target import cpu_time, finish, ready, stop

WINDOWS = 8
asked = []


def leaf(x):
    return x


def failing():
    raise ValueError


def generator():
    yield 1
    yield 2


def step():
    raised = False
    assert leaf(1) == 1
    assert list(generator()) == [1, 2]
    try:
        failing()
    except ValueError:
        raised = True
    assert raised
    import sys
    assert sys.modules
    assert gc.collect(0) >= 0


def window():
    start = now = cpu_time()
    done = 0
    while now - start < 0.05:
        step()
        done += 1
        now = cpu_time()
    return done / (now - start)


signal.signal(signal.SIGUSR1, lambda *_: asked.append(1))
ready()
while not stop:
    step()
    if asked:
        del asked[:]
        finish(rate=max(window() for _ in range(WINDOWS)))
