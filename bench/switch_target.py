# SPDX-License-Identifier: GPL-2.0-only
"""switch_target.py DEPTH [CPU]: two processes that hand a byte to and fro through pipes on one CPU, so many functions deep: each turn is a
wait of both. Prints the pids, then every second how many turns there were."""
import os
import sys
import time

DEPTH = int(sys.argv[1])
if len(sys.argv) > 2:
    os.sched_setaffinity(0, {int(sys.argv[2])})


def turns(read, write, first, depth):
    if depth > 1:
        return turns(read, write, first, depth - 1)
    count, second = 0, time.monotonic() + 1
    if first:
        os.write(write, b"x")
    while os.read(read, 1):
        os.write(write, b"x")
        count += 1
        if first and not count % 100 and time.monotonic() >= second:
            print("turns", count, flush=True)
            count, second = 0, second + 1


there, back = os.pipe(), os.pipe()
child = os.fork()
if not child:
    os.close(there[1])
    os.close(back[0])
    try:
        turns(there[0], back[1], False, DEPTH)
    except OSError:		# the other was killed
        pass
    os._exit(0)
os.close(there[0])
os.close(back[1])
print("pids", os.getpid(), child, flush=True)
turns(back[0], there[1], True, DEPTH)
