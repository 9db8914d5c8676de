# SPDX-License-Identifier: GPL-2.0-only
"""Burns CPU 6:3:1 in three functions and reports the shares by its own clock of CPU time, at SIGUSR1 and at its end."""
import signal

from target import cpu_time, finish, ready, stop


def six(n):
    start = cpu_time()
    while n:
        n -= 1
    return cpu_time() - start


def three(n):
    start = cpu_time()
    while n:
        n -= 1
    return cpu_time() - start


def one(n):
    start = cpu_time()
    while n:
        n -= 1
    return cpu_time() - start


def tell(spent, start):
    total = sum(spent.values())		# without what calling them costs, on a busy machine more than on others
    finish(shares=dict((name, spent[name] / total) for name in spent), seconds=cpu_time() - start)


def main():
    spent, asked = {"six": 0.0, "three": 0.0, "one": 0.0}, []
    signal.signal(signal.SIGUSR1, lambda *_: asked.append(1))
    ready()
    start = cpu_time()
    while not stop:
        spent["six"] += six(60000)
        spent["three"] += three(30000)
        spent["one"] += one(10000)
        if asked:
            tell(spent, start)
            del asked[:]
    tell(spent, start)


main()
