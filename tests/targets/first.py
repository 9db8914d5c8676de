# SPDX-License-Identifier: GPL-2.0-only
"""Calls from the first moment on: a thousand, and it is over. Says who traces it."""
import sys


def first():
    pass


for _ in range(1000):
    first()
try:
    with open("/proc/self/status") as status:
        sys.stdout.write([line for line in status if line.startswith("TracerPid")][0])
except IOError:
    sys.stdout.write("no proc\n")
