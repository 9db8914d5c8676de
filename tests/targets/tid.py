# SPDX-License-Identifier: GPL-2.0-only
"""The number by which the kernel knows the calling thread: threading.get_native_id(), which is there from 3.8 on."""
import ctypes
import platform

libc = ctypes.CDLL(None)
GETTID = 178 if platform.machine() == "aarch64" else 186


def gettid():
    return libc.syscall(GETTID)
