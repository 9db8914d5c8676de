# SPDX-License-Identifier: GPL-2.0-only
"""At SIGUSR1 several threads collect garbage all the time, so that most find somebody else doing it. Says what gc.callbacks saw:
generation, objects, ns, 0, and ns of the call."""
import gc
import threading
import time

from target import finish_and_stay, wait_for_go

seen, since = [], []
own = threading.local()		# the last of a thread


class Node(object):
    pass


def on_gc(phase, info):
    if phase == "start":
        since.append(time.perf_counter())
        gc.collect()		# one is running: nothing happens
    else:
        own.last = [info["generation"], info["collected"], int((time.perf_counter() - since.pop()) * 1e9), 0]
        seen.append(own.last)


def collector(number):
    for round in range(30):
        for _ in range(100 * (round % 3)):
            node = Node()
            node.self = node
        own.last, start = [], time.perf_counter()
        gc.collect(round % 3)
        own.last.append(int((time.perf_counter() - start) * 1e9))


def main():
    gc.disable()
    gc.callbacks.append(on_gc)
    wait_for_go()
    threads = [threading.Thread(target=collector, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.callbacks.remove(on_gc)
    finish_and_stay(seen=seen)


main()
