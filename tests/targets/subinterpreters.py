# SPDX-License-Identifier: GPL-2.0-only
"""Three interpreters in one process, each burning in a thread of its own, beside the main one. Says "ready" without
"interpreters" where this Python has no module for it."""
import signal
import threading
import time

from target import argument, ready, stop

try:
    import _interpreters as interpreters
except ImportError:
    try:
        import _xxsubinterpreters as interpreters
    except ImportError:
        interpreters = None

SOURCE = """
import time
def sub%d_inner():
    n = 10000
    while n: n -= 1
def sub%d_outer(end):
    while time.time() < end:
        sub%d_inner()
        time.sleep(0.001)
sub%d_outer(%f)
"""


def begin(number, end):
    interpreter = interpreters.create()
    interpreters.run_string(interpreter, SOURCE % ((number,) * 4 + (end,)))


def main_inner():
    n = 10000
    while n: n -= 1


def main(seconds):
    end = time.time() + seconds
    threads = [threading.Thread(target=begin, args=(number, end)) for number in range(3)]
    for thread in threads:
        thread.start()
    ready(interpreters=3)
    signal.setitimer(signal.ITIMER_REAL, 0)	# the interpreters end by the clock
    while time.time() < end and not stop:
        main_inner()
        time.sleep(0.001)	# to 3.11 a thread does not notice that one of another interpreter waits for the GIL
    for thread in threads:
        thread.join()


if interpreters is None:
    ready()
else:
    main(argument(0, 10.0))
