# SPDX-License-Identifier: GPL-2.0-only
"""Calls, collections, exceptions and imports of known number and weight, in ROUNDS rounds, once it is told to stop waiting."""
import gc
import os
import sys
import tempfile
import time

from target import argument, finish, ready, stop

clock = getattr(time, "perf_counter", time.time)
calls = [0]
# What each took at least, by a clock that was read inside of it, and at most, by one that was read around it.
at_least = {"burn": 0, "rest": 0, "outer": 0}
at_most = {"burn": 0, "rest": 0, "outer": 0}
modules = {}		# likewise
MODULE = """
import time
clock = getattr(time, "perf_counter", time.time)
start = clock()
time.sleep(0.01)
took = clock() - start
"""


def burn(seconds):
    start = now = clock()
    while now - start < seconds:
        now = clock()
    at_least["burn"] += now - start


def rest(seconds):
    start = clock()
    time.sleep(seconds)
    at_least["rest"] += clock() - start


def leaf():
    calls[0] += 1


def branch():
    leaf()
    leaf()


def outer():
    start = clock()
    burn(0.02)
    between = clock()
    rest(0.01)
    at_most["rest"] += clock() - between
    at_most["burn"] += between - start
    for _ in range(50):
        branch()
    at_least["outer"] += clock() - start


def raiser():
    raise KeyError("x")


def catcher():
    try:
        raiser()
    except KeyError:
        pass


def collector():
    gc.collect(1)


def loader(number):
    name = "counted_module_%d" % number
    start = clock()
    module = __import__(name)
    modules[name] = [int(module.took * 1e9), int((clock() - start) * 1e9)]


def main():
    rounds = argument(1, 10)
    folder = tempfile.mkdtemp()
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    for i in range(rounds):
        with open(os.path.join(folder, "counted_module_%d.py" % i), "w") as module:
            module.write(MODULE)
    gc.disable()
    ready()
    while not stop:		# the signal to stop is the one to begin
        time.sleep(0.05)
    for i in range(rounds):
        start = clock()
        outer()
        at_most["outer"] += clock() - start
        catcher()
        collector()
        loader(i)
        os.unlink(os.path.join(folder, "counted_module_%d.py" % i))
    sys.path.remove(folder)
    os.rmdir(folder)
    finish(rounds=rounds, calls=calls[0], modules=modules,
           ns=dict((name, [int(at_least[name] * 1e9), int(at_most[name] * 1e9)]) for name in at_least))


main()
