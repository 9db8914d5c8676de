# SPDX-License-Identifier: GPL-2.0-only
"""At SIGUSR1: more functions of another file are called than statistics have room for, slowly enough to be told from those that are
wanted; then one of this file."""
import time

from target import finish_and_stay, wait_for_go

PARTS, FUNCTIONS = 5, 4000
SOURCE = "\n".join("def f%d(): pass" % i for i in range(FUNCTIONS))
CALLS = "def call():\n" + "\n".join(" f%d()" % i for i in range(FUNCTIONS))


def wanted():
    pass


wait_for_go()
for part in range(PARTS):
    scope = {}
    exec(compile(SOURCE + "\n" + CALLS, "/other/part%d.py" % part, "exec"), scope)
    scope["call"]()
    time.sleep(1)
for _ in range(1000):
    wanted()
finish_and_stay(wanted=1000)
