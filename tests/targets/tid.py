# SPDX-License-Identifier: GPL-2.0-only
"""Threads by the numbers that the kernel knows them by (threading.get_native_id() is there from 3.8 on)."""
import ctypes
import os
import platform
import time

libc = ctypes.CDLL(None)
GETTID, TGKILL = (178, 131) if platform.machine() == "aarch64" else (186, 234)


def gettid():
    return libc.syscall(GETTID)


def until_gone(tid):
    """join() returns before the thread has left the kernel, on a crowded machine long before."""
    while not libc.syscall(TGKILL, os.getpid(), tid, 0):
        time.sleep(0.001)
