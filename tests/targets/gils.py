# SPDX-License-Identifier: GPL-2.0-only
"""The interpreter's lock given back a known number of times by one thread, then fought for by four that compute."""
import threading
import time

from target import argument, cpu_time, finish, ready, stop

ROUNDS = 1000
now = getattr(time, "monotonic", time.time)


def releaser():
    for _ in range(ROUNDS):
        time.sleep(0)


def busy(end):
    while now() < end:
        for _ in range(1000):
            pass
    spent.append(cpu_time())


spent = []
ready()
releaser()
contended = float(argument(1, "1.5"))
start = now()
threads = [threading.Thread(target=busy, args=(start + contended,)) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
finish(rounds=ROUNDS, contended=now() - start, cpu=sum(spent))
