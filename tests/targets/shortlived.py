# SPDX-License-Identifier: GPL-2.0-only
"""Starts ARGUMENT interpreters (default 200), ARGUMENT 2 at a time (default 4), that burn CPU for 50 ms each in a function
with a name of its own, and reports how long each was in it by its own clock. Ends when all have ended."""
import subprocess
import sys

from target import argument, finish, ready

CHILD = """
import os, sys, time
sys.path.insert(0, %r)
from target import cpu_time
def life_%03d():
    start = cpu_time()
    while cpu_time() - start < 0.05:
        pass
    return cpu_time() - start
sys.stdout.write("%%d %%f" %% (os.getpid(), life_%03d()))
"""


def main():
    count, width = argument(1, 200), argument(2, 4)
    lives, running = {}, []
    ready(count=count)
    for number in range(count + width):
        if number < count:
            source = CHILD % (sys.path[0], number, number)
            running.append((number, subprocess.Popen([sys.executable, "-S", "-E", "-c", source],
                                                     stdout=subprocess.PIPE)))
        if len(running) >= width or (number >= count and running):
            ended, child = running.pop(0)
            pid, seconds = child.communicate()[0].split()
            lives["life_%03d" % ended] = [int(pid), float(seconds)]
    finish(lives=lives)


main()
