# SPDX-License-Identifier: GPL-2.0-only
"""Calls, raises and lets generators run until SIGTERM; notes at SIGUSR1 how much it has done in how much CPU time."""
import signal

from target import cpu_time, finish, ready, stop

done = [0]
notes = []


def leaf(x):
    return x


def failing():
    raise ValueError


def generator():
    yield 1
    yield 2


def step():
    leaf(1)
    list(generator())
    try:
        failing()
    except ValueError:
        pass
    done[0] += 1


signal.signal(signal.SIGUSR1, lambda *_: notes.append([done[0], cpu_time()]))
ready()
while not stop:
    step()
finish(notes=notes)
