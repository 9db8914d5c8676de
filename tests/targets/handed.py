# SPDX-License-Identifier: GPL-2.0-only
"""At SIGUSR1: generators that threads resume by turns, and functions that one thread calls after the other. They say how often each
began and went on. Between two turns a thread calls nothing in Python."""
import collections
import itertools
import threading

from target import finish_and_stay, wait_for_go

ROUNDS = 40
counters = collections.defaultdict(itertools.count)		# counted by one C function: threads may do so at once
resumes = collections.defaultdict(itertools.count)


def numbers():
    next(counters["numbers"])
    while True:
        yield 1
        next(resumes["numbers"])


def called():
    next(counters["called"])


def player(mine, other, ball):
    next(counters["player"])
    called()
    for _ in range(ROUNDS):
        mine.acquire()
        next(ball)
        other.release()


def watcher(mine, other, ball):
    """The same, but this thread calls nothing before that it could be known by."""
    next(counters["watcher"])
    for _ in range(ROUNDS):
        mine.acquire()
        next(ball)
        other.release()


def play(first, second):
    next(counters["play"])
    ball = numbers()
    next(ball)		# begins here
    locks = [threading.Lock(), threading.Lock()]
    for lock in locks:
        lock.acquire()
    threads = [threading.Thread(target=first, args=(locks[0], locks[1], ball)),
               threading.Thread(target=second, args=(locks[1], locks[0], ball))]
    for thread in threads:
        thread.start()
    locks[0].release()
    for thread in threads:
        thread.join()
    next(ball)


def with_main():
    """The thread that the interpreter began in takes its turns too."""
    next(counters["with_main"])
    ball = numbers()
    next(ball)
    locks = [threading.Lock(), threading.Lock()]
    locks[0].acquire()
    thread = threading.Thread(target=player, args=(locks[0], locks[1], ball))
    thread.start()
    for _ in range(ROUNDS):
        locks[1].acquire()
        next(ball)
        locks[0].release()
    thread.join()


def main():
    wait_for_go()
    for _ in range(5):
        play(player, player)
        play(watcher, player)
        with_main()
    finish_and_stay(**{name: (next(counters[name]), next(resumes[name])) for name in list(counters)})


main()
