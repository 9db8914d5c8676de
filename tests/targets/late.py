# SPDX-License-Identifier: GPL-2.0-only
"""At SIGUSR1 it opens the library ARGUMENT (mixed.c), says so, and works there."""
import ctypes
import signal
import sys

from target import argument, ready, stop

asked = []
signal.signal(signal.SIGUSR1, lambda signum, frame: asked.append(signum))


def spin(library):
    while not stop:
        library.hop_burn(1)


ready()
while not asked and not stop:
    signal.pause()
library = ctypes.CDLL(argument(1, ""))
sys.stdout.write("opened\n")
sys.stdout.flush()
spin(library)
