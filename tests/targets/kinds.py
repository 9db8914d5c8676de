# SPDX-License-Identifier: GPL-2.0-only
"""Works in code of another KIND: kinds.py SECONDS LIBRARY KIND [LIBRARY]   (of mixed.c)

vdso: the kernel's own page; signal: C handlers that interrupt C; child, program, other: at SIGUSR1 a child, another program by exec,
or LIBRARY closed and the other opened, works in LIBRARY."""
import _ctypes
import ctypes
import os
import signal
import sys
import time

from target import argument, ready, stop

path, kind = argument(1, ""), argument(2, "")


def spin(library):
    while not stop:
        library.hop_burn(1)


def clock():
    while not stop:
        time.clock_gettime(time.CLOCK_MONOTONIC)


def interrupt(library):
    handler = ctypes.cast(library.hop_handler, ctypes.c_void_p)
    ctypes.CDLL(None).signal(signal.SIGVTALRM, handler)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.004, 0.004)
    spin(library)


def wait_for_signal():
    asked = []
    signal.signal(signal.SIGUSR1, lambda signum, frame: asked.append(signum))
    ready()
    while not asked and not stop:
        signal.pause()


def begin():
    if kind == "child" and os.fork():
        os.wait()
    elif kind == "program":
        os.execv(sys.executable, [sys.executable, __file__, "0", path, "now"])
    elif kind == "other":
        _ctypes.dlclose(library._handle)
        spin(ctypes.CDLL(argument(3, "")))
    else:
        spin(library)


library = ctypes.CDLL(path)
if kind in ("child", "program", "other"):
    library.hop_burn(1)
    wait_for_signal()
    begin()
else:
    ready()
    if kind == "vdso":
        clock()
    elif kind == "signal":
        interrupt(library)
    else:
        spin(library)
