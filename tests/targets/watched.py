# SPDX-License-Identifier: GPL-2.0-only
"""At SIGUSR1: functions that count their calls, and how often they go on, while sys.setprofile, sys.settrace and sys.monitoring watch them; they are switched on
and off by functions that run, whose code is instrumented while it is executed."""
import collections
import sys

from target import finish_and_stay, wait_for_go

calls = collections.Counter()
resumes = collections.Counter()
ROUNDS = 50


def called():
    calls["called"] += 1


def numbers():
    calls["numbers"] += 1
    for number in range(3):
        yield number
        resumes["numbers"] += 1


def work():
    calls["work"] += 1
    for _ in range(5):
        called()
    return sum(numbers())


def profile(frame, event, arg):
    calls["profile"] += 1


def trace(frame, event, arg):
    calls["trace"] += 1
    return trace


def started(code, offset):
    calls["started"] += 1


def switch(how, argument):
    calls["switch"] += 1
    work()
    how(argument)
    work()
    how(None)
    work()


def resumed(how, argument):
    """A generator that is instrumented while it is suspended."""
    calls["resumed"] += 1
    generator = numbers()
    next(generator)
    how(argument)
    called()
    next(generator)
    how(None)
    next(generator)


def monitor(callback):
    calls["monitor"] += 1
    sys.monitoring.register_callback(1, sys.monitoring.events.PY_START, callback)
    sys.monitoring.set_events(1, sys.monitoring.events.PY_START if callback else 0)


def main():
    ways = [(sys.setprofile, profile), (sys.settrace, trace)]
    if hasattr(sys, "monitoring"):
        sys.monitoring.use_tool_id(1, "test")
        ways.append((monitor, started))
    wait_for_go()
    for _ in range(ROUNDS):
        for how, argument in ways:
            switch(how, argument)
            resumed(how, argument)
    finish_and_stay(**{name: (calls[name], resumes[name]) for name in calls})


main()
