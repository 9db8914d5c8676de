# SPDX-License-Identifier: GPL-2.0-only
"""At SIGUSR1 it runs itself again and again in the same process, by exec, until it has had ARGUMENT lives. ARGUMENT 2: from the
"main" thread, or from "another"; ARGUMENT 3: with the interpreters of a list with ":" in turns (default: its own). In each life
it makes a hundred calls at once, and a hundred when it has slept for ARGUMENT 4 seconds."""
import os
import sys
import threading
import time

from target import argument, finish_and_stay, wait_for_go

LIVES = argument(1, 10)
LIFE = int(os.environ.get("LIVES_LIFE", "0"))
interpreters = argument(3, "").split(":") if argument(3, "") else [sys.executable]


def early():
    pass


def late():
    pass


def replace():
    os.environ["LIVES_LIFE"] = str(LIFE + 1)
    program = interpreters[LIFE % len(interpreters)]
    os.execv(program, [program] + sys.argv)


def main():
    if LIFE == 0:
        wait_for_go()
    for _ in range(100):
        early()
    if argument(4, 0.0):
        time.sleep(argument(4, 0.0))
    for _ in range(100):
        late()
    if LIFE + 1 == LIVES:
        finish_and_stay(calls=100 * LIVES)
    if argument(2, "main") == "main":
        replace()
    thread = threading.Thread(target=replace)		# this one goes on as the process's first
    thread.start()
    thread.join()


main()
