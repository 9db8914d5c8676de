# SPDX-License-Identifier: GPL-2.0-only
"""busy.py DEPTH LOG: be busy at the leaf of a stack of DEPTH different functions, the module included.

The work comes in pieces of about 20 ms, always the same; LOG gets a line for each: its end (CLOCK_MONOTONIC) and how long it
took, in ns. DEPTH 0: sleep."""
import os
import sys
import time

depth, log = int(sys.argv[1]), os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)


def f0(n=20000, a=1, b=2, c=3):
    piece = 0
    while True:
        start = time.monotonic_ns()
        x = 0
        for i in range(n):
            x += i & 7
        end = time.monotonic_ns()
        if piece == 0:	# how much is 20 ms?
            n, piece = n * 20000000 // (end - start), 1
        else:
            os.write(log, b"%d %d\n" % (end, end - start))


functions = {"f0": f0}
for level in range(1, depth - 1):
    exec("def f%d(a=1, b=2, c=3, d=4):\n e = [a, b, c, d]\n return max(len(e), f%d())" % (level, level - 1), functions)
print("ready", flush=True)
if depth:
    functions["f%d" % (depth - 2)]()
time.sleep(600)
