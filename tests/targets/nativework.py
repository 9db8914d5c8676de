# SPDX-License-Identifier: GPL-2.0-only
"""Work in C, each kind below a line of its own: compressing, sorting by the C library, the interpreter's own work, system calls."""
import ctypes
import operator
import os
import zlib

from target import ready, stop

libc = ctypes.CDLL(None)
COMPARE = ctypes.cast(libc.strcmp, ctypes.c_void_p)
text = b"".join(b"%d %d;" % (i, i * i) if str is not bytes else ("%d %d;" % (i, i * i)).encode() for i in range(10000))
zeros = os.open("/dev/zero", os.O_RDONLY)
number = 7 ** 20000


def packs():
    return zlib.compress(text, 9)  # in zlib


def sorts():
    cells = ctypes.create_string_buffer(text[:80000], 80000)
    for i in range(20):
        libc.qsort(cells, ctypes.c_size_t(10000), ctypes.c_size_t(8), COMPARE)  # in libc


def multiplies():
    for i in range(5):
        operator.mul(number, number)  # in the interpreter


def reads():
    for i in range(100):
        os.read(zeros, 1 << 20)  # in the kernel


ready()
while not stop:
    packs()
    sorts()
    multiplies()
    reads()
