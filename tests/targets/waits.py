# SPDX-License-Identifier: GPL-2.0-only
"""Threads that wait for one known thing each, one that works at times, and two that fight for a lock. Each measures its own life.

The argument says how many threads only compute instead, so that all but one wait for the interpreter's lock."""
import ctypes
import os
import select
import signal
import socket
import tempfile
import threading
import time

from target import argument, finish, ready, stop
from tid import gettid, libc, until_gone

now = getattr(time, "monotonic", time.time)
lock, shared = threading.Lock(), threading.Lock()
ends, quiet = socket.socketpair(), socket.socketpair()
pipe = os.pipe()
started = threading.Semaphore(0)
lives = {}


def on_cpu():
    if hasattr(time, "thread_time"):
        return time.thread_time()
    clock = (ctypes.c_long * 2)()
    libc.clock_gettime(3, clock)		# CLOCK_THREAD_CPUTIME_ID
    return clock[0] + clock[1] / 1e9


def busy():
    n = 0
    while not stop:
        n += 1


def asleep():
    while not stop:
        time.sleep(0.05)


def locked():
    with lock:
        pass


def receiving():
    ends[0].recv(1)


def reading():
    os.read(pipe[0], 1)


def polling():
    select.select([quiet[0]], [], [])


def syncing():
    with tempfile.TemporaryFile(dir=os.path.dirname(os.path.abspath(__file__))) as scratch:
        while not stop:
            scratch.write(b"x" * 4096)
            scratch.flush()
            os.fsync(scratch.fileno())


def spawning():
    os.waitpid(child, 0)


def mixed():
    while not stop:
        end = now() + 0.02
        while now() < end:
            pass
        time.sleep(0.02)


def contending():
    while not stop:
        with shared:
            time.sleep(0.02)


def live(work):
    tid = gettid()
    life = lives["%s%d" % (work.__name__, len(lives))] = {"tid": tid, "since": now(), "cpu": on_cpu()}
    started.release()
    work()
    life["cpu"] = on_cpu() - life["cpu"]
    life["wall"] = now() - life.pop("since")


def number_of(name):
    return int(name.lstrip("abcdefghijklmnopqrstuvwxyz"))


many = argument(1, 0)
kinds = [busy] * many or [asleep, locked, receiving, reading, polling, syncing, spawning, mixed, contending, contending]
lock.acquire()
child = 0 if many else os.fork()
if not child and not many:
    libc.prctl(1, signal.SIGKILL)		# PR_SET_PDEATHSIG
    while True:
        time.sleep(3600)
threads = [threading.Thread(target=live, args=(work,)) for work in kinds]
outer = []		# from before a thread is made to when it is known to have ended
for thread in threads:
    outer.append(now())
    thread.start()
    started.acquire()
tids = {number_of(name): life["tid"] for name, life in lives.items()}
ready(threads={name: life["tid"] for name, life in lives.items()})
while not stop:
    time.sleep(0.05)
lock.release()
ends[1].send(b"x")
os.write(pipe[1], b"x")
quiet[1].send(b"x")
if child:
    os.kill(child, signal.SIGKILL)
for number, thread in enumerate(threads):
    thread.join()
    until_gone(tids[number])
    outer[number] = now() - outer[number]
for name in lives:
    lives[name]["outer"] = outer[number_of(name)]
finish(threads=lives)
