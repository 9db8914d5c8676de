# SPDX-License-Identifier: GPL-2.0-only
"""Twenty threads that all burn, each through functions with its own number around one that all share."""
import threading

from target import ready, stop

THREADS = 20
functions = {"stop": stop}


def shared(inner):
    inner()


functions["shared"] = shared
for number in range(THREADS):
    exec(compile("""
def outer%d():
    while not stop:
        shared(inner%d)

def inner%d():
    n = 500
    while n: n -= 1
""" % (number, number, number), "threads_%d.py" % number, "exec"), functions)

threads = [threading.Thread(target=functions["outer%d" % number]) for number in range(THREADS)]
for thread in threads:
    thread.start()
ready(threads=THREADS)
for thread in threads:
    while thread.is_alive():
        thread.join(3600)
