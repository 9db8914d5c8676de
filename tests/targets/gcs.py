# SPDX-License-Identifier: GPL-2.0-only
"""Collects garbage when it gets SIGUSR1, and says how often, how long, and what gc.callbacks saw."""
import gc
import time

from target import finish_and_stay, wait_for_go

seen, since = [], []


class Node(object):
    pass


def cycles(n):
    for _ in range(n):
        node = Node()
        node.self = node


def on_gc(phase, info):
    if phase == "start":
        since.append(time.perf_counter())
    else:
        seen.append([info["generation"], info["collected"], int((time.perf_counter() - since.pop()) * 1e9)])


def collector(generation):
    gc.collect(generation)


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
        cycles(2000)
    gc.disable()
    finish_and_stay(seen=seen, kept=len(kept))


main()
