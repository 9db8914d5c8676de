# SPDX-License-Identifier: GPL-2.0-only
"""Two functions that call each other to a depth of ARGUMENT (default 300) and burn there."""
import sys
import threading

from target import argument, ready, stop

DEPTH = argument(1, 300)


def bottom():
    while not stop:
        pass


def even(n):
    return odd(n - 1) if n else bottom()


def odd(n):
    return even(n - 1) if n else bottom()


def main():
    even(DEPTH - 1)		# DEPTH frames of even and odd


sys.setrecursionlimit(DEPTH + 1000)
ready(depth=DEPTH)
if DEPTH <= 500:
    main()
else:
    threading.stack_size(512 << 20)
    thread = threading.Thread(target=main)
    thread.start()
    while not stop:		# the signal arrives in this thread
        thread.join(3600)
