# SPDX-License-Identifier: GPL-2.0-only
"""Corrupts its own frame list, as ARGUMENT says, and then spins in C code, where the interpreter does not look at it but
a profiler does. Kinds: self (a frame is its own caller), cycle (two frames call each other), wild (the caller lies at an
address that cannot be read), random (the caller is a block of random bytes), code (the caller's code object is random
but for its type), name (its name claims to be 2^60 characters long)."""
import ctypes
import gc
import itertools
import os
import random
import signal
import sys

from target import argument, ready, stop

POINTER = ctypes.sizeof(ctypes.c_void_p)
HEADER = object.__basicsize__
KIND = argument(1, "self")
V = sys.version_info[:2]
# Offsets of CPython's include/internal/pycore_frame.h and frameobject.h; a frame object's f_back follows the header.
if V >= (3, 11):
    IN_OBJECT = HEADER + POINTER			# PyFrameObject.f_frame: the frame that is walked
    PREVIOUS, CODE = (48, 32) if V == (3, 11) else (8, 0)
else:
    IN_OBJECT = None
    PREVIOUS, CODE = HEADER + POINTER, HEADER + 2 * POINTER		# PyVarObject, then f_back, f_code
kept = []


def word(address):
    return ctypes.c_size_t.from_address(address)


def block_of(size, like=None):
    """Random bytes, of which each fourth word points into the block itself; the first HEADER bytes as in `like`."""
    block = ctypes.create_string_buffer(size)
    kept.append(block)
    address = ctypes.addressof(block)
    for at in range(0, size - POINTER, POINTER):
        word(address + at).value = address + random.randrange(size) if at % 32 == 0 else random.getrandbits(64)
    if like is not None:
        ctypes.memmove(address, id(like), HEADER)
    return address


def frame_address(frame):
    kept.append(frame)
    return id(frame) if IN_OBJECT is None else word(id(frame) + IN_OBJECT).value


def longest_name(code):
    size = 512
    address = block_of(size, code)
    ctypes.memmove(address, id(code), type(code).__basicsize__)
    name = block_of(256, code.co_name)
    ctypes.memmove(name, id(code.co_name), 64)
    word(name + HEADER).value = 1 << 60
    for at in range(HEADER, size - POINTER, POINTER):
        if word(address + at).value == id(code.co_name):
            word(address + at).value = name
    return address


def corrupt(leaf):
    caller = frame_address(leaf.f_back)
    here = frame_address(leaf)
    code = leaf.f_back.f_code
    if word(here + PREVIOUS).value != caller or word(caller + CODE).value & ~3 != id(code):
        sys.exit("corrupt.py does not know the frames of this version")
    if KIND == "self":
        word(here + PREVIOUS).value = here
    elif KIND == "cycle":
        word(caller + PREVIOUS).value = here
    elif KIND == "wild":
        word(here + PREVIOUS).value = 0x7fffdead0008
    elif KIND == "random":
        word(here + PREVIOUS).value = block_of(4096)
    elif KIND == "code":
        word(caller + CODE).value = block_of(512, code)
    elif KIND == "name":
        word(caller + CODE).value = longest_name(code)
    else:
        sys.exit("unknown kind " + KIND)


def victim():
    frame = sys._getframe()
    corrupt(frame)
    os.write(1, b"corrupt\n")
    for _ in forever:
        pass


def caller():
    victim()


random.seed(argument(2, 1))
gc.disable()
number = 3 ** 3000
ready(kind=KIND)
signal.signal(signal.SIGALRM, signal.SIG_DFL)		# ends without returning through what is broken
signal.signal(signal.SIGTERM, signal.SIG_DFL)
forever = getattr(itertools, "imap", map)(pow, itertools.repeat(number), itertools.repeat(65537),
                                          itertools.repeat(number + 2))
caller()
