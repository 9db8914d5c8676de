# SPDX-License-Identifier: GPL-2.0-only
"""Python calls C calls Python, three levels deep, and works there in C and in the kernel, or with ARGUMENT 2 "block" blocks there, or
with "often" calls a small function there: in the first thread and in another. ARGUMENT 1: the library made of mixed.c."""
import ctypes
import os
import threading

from target import argument, ready, stop

library = ctypes.CDLL(argument(1, ""))
how = argument(2, "")
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
zeros = os.open("/dev/zero", os.O_RDONLY)


def third(n):
    while how == "block" and not stop:
        library.hop_sleep(5)
    while how == "often" and not stop:
        library.hop_often(n)
    while not stop:
        library.hop_burn(n)
        library.hop_read(zeros)
    return n


def second(n):
    return library.hop_three(third_callback, n)


def first(n):
    return library.hop_two(second_callback, n)


def begin():
    library.hop_one(first_callback, 0)


third_callback, second_callback, first_callback = CALLBACK(third), CALLBACK(second), CALLBACK(first)
ready()
thread = threading.Thread(target=begin)
thread.start()
begin()
thread.join()
