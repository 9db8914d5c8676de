# SPDX-License-Identifier: GPL-2.0-only
"""From SIGUSR1 on it runs itself again and again in the same process, by exec from the main thread and from a second one
in turns, with the interpreters of ARGUMENT 2 in turns (a list with ":"; default: its own), until it has had ARGUMENT lives
(default 6). It burns in each, in a function with a name, file and line of that life."""
import os
import sys
import threading

from target import argument, cpu_time, wait_for_go

LIVES = argument(1, 6)
LIFE = int(os.environ.get("EXECER_LIFE", "0"))
interpreters = argument(2, "").split(":") if argument(2, "") else [sys.executable]
functions = {"cpu_time": cpu_time}
exec(compile("\n" * LIFE + """def life_%d():
    start = cpu_time()
    while cpu_time() - start < 0.3:
        pass
""" % LIFE, "life_%d.py" % LIFE, "exec"), functions)


def replace():
    os.environ["EXECER_LIFE"] = str(LIFE + 1)
    program = interpreters[LIFE % len(interpreters)]
    os.execv(program, [program] + sys.argv)


def main():
    if LIFE == 0:
        wait_for_go()
    functions["life_%d" % LIFE]()
    if LIFE + 1 == LIVES:
        return
    if LIFE % 2 == 0:
        replace()
    thread = threading.Thread(target=replace)		# this one goes on as the process's first
    thread.start()
    thread.join()


main()
