# SPDX-License-Identifier: GPL-2.0-only
"""Threads that are busy, asleep, blocked by a lock, in C code that holds the interpreter's lock, and in C code that
released it. Each has a name, which the kernel knows too (by prctl before 3.14, whose Python tells it)."""
import ctypes
import hashlib
import sys
import threading
import time

from target import ready, stop
from tid import gettid, libc

lock = threading.Lock()
block = b"x" * (4 << 20)
number = 3 ** 4000
tids = {}


def busy():
    n = 0
    while not stop:
        n += 1


def asleep():
    while not stop:
        time.sleep(0.2)


def blocked():
    with lock:
        pass


def in_c_with_lock():
    while not stop:
        pow(number, 65537, number + 2)


def in_c_without_lock():
    while not stop:
        hashlib.sha256(block)


def begin(name, work, started):
    if sys.version_info < (3, 14):
        libc.prctl(15, ctypes.c_char_p(name.encode()), 0, 0, 0)		# PR_SET_NAME
    tids[name] = gettid()
    started.release()
    work()


kinds = [("t-busy", busy), ("t-asleep", asleep), ("t-blocked", blocked), ("t-c-held", in_c_with_lock),
         ("t-c-released", in_c_without_lock)]
lock.acquire()
started = threading.Semaphore(0)
threads = []
for name, work in kinds:
    threads.append(threading.Thread(target=begin, name=name, args=(name, work, started)))
    threads[-1].start()
    started.acquire()
ready(threads=tids)
while not stop:
    time.sleep(0.5)
lock.release()
for thread in threads:
    thread.join()
