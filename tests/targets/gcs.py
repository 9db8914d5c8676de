# SPDX-License-Identifier: GPL-2.0-only
"""Collects garbage when it gets SIGUSR1, and says what gc.callbacks saw: generation, objects, ns, ns within it, and ns of what
led to it."""
import gc
import time

from target import finish_and_stay, wait_for_go

seen, since, within = [], [], []


class Node(object):
    pass


class Last(Node):
    """Takes its time to go, within the collection."""
    def __del__(self):
        start = time.perf_counter()
        while time.perf_counter() < start + 0.0002:
            pass
        within.append(time.perf_counter() - start)


def cycles(n):
    last = Last()
    last.self = last
    for _ in range(n):
        node = Node()
        node.self = node


def on_gc(phase, info):
    if phase == "start":
        del within[:]
        since.append(time.perf_counter())
    else:
        elapsed = time.perf_counter() - since.pop()
        seen.append([info["generation"], info["collected"], int(elapsed * 1e9), int(sum(within) * 1e9)])


def around(function, argument):
    """Each collection within it takes less time than it."""
    first, start = len(seen), time.perf_counter()
    function(argument)
    elapsed = int((time.perf_counter() - start) * 1e9)
    for one in seen[first:]:
        one.append(elapsed)


def collector(generation):
    around(gc.collect, generation)


def main():
    gc.disable()
    gc.callbacks.append(on_gc)
    wait_for_go()
    kept = [[Node()] for _ in range(50000)]
    for round in range(10):
        for generation in (0, 1, 2):
            cycles(2000 * generation + 10 * round)
            collector(generation)
    gc.enable()
    for _ in range(20):
        around(cycles, 2000)
    gc.disable()
    finish_and_stay(seen=seen, kept=len(kept))


main()
