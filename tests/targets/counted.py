# SPDX-License-Identifier: GPL-2.0-only
"""Calls, collections, exceptions and imports of known number and weight, in ROUNDS rounds, once it is told to stop waiting."""
import gc
import os
import sys
import tempfile
import time

from target import argument, finish, ready, stop

truth = {"calls": 0, "own_ns": {"burn": 0, "rest": 0}}
clock = getattr(time, "perf_counter", time.time)


def burn(seconds):
    start = now = clock()
    while now - start < seconds:
        now = clock()
    truth["own_ns"]["burn"] += int((now - start) * 1e9)


def rest(seconds):
    start = clock()
    time.sleep(seconds)
    truth["own_ns"]["rest"] += int((clock() - start) * 1e9)


def leaf():
    truth["calls"] += 1


def branch():
    leaf()
    leaf()


def outer():
    burn(0.02)
    rest(0.01)
    for _ in range(50):
        branch()


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
    __import__("counted_module_%d" % number)


def main():
    rounds = argument(1, 10)
    folder = tempfile.mkdtemp()
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    for i in range(rounds):
        with open(os.path.join(folder, "counted_module_%d.py" % i), "w") as module:
            module.write("import time\ntime.sleep(0.01)\n")
    gc.disable()
    ready()
    while not stop:		# the signal to stop is the one to begin
        time.sleep(0.05)
    for i in range(rounds):
        outer()
        catcher()
        collector()
        loader(i)
        os.unlink(os.path.join(folder, "counted_module_%d.py" % i))
    sys.path.remove(folder)
    os.rmdir(folder)
    finish(rounds=rounds, **truth)


main()
