# SPDX-License-Identifier: GPL-2.0-only
"""Makes machine code while it runs, tells of it in /tmp/perf-PID.map, and runs it."""
import ctypes
import mmap
import os
import struct
import time

from target import ready, stop

# push %rbp; mov %rsp, %rbp; mov $2000000, %ecx; 1: dec %ecx; jnz 1b; pop %rbp; ret
CODE = b"\x55\x48\x89\xe5\xb9" + struct.pack("<I", 2000000) + b"\xff\xc9\x75\xfc\x5d\xc3"
arena = mmap.mmap(-1, 1 << 16, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
base = ctypes.addressof(ctypes.c_char.from_buffer(arena))
told = open("/tmp/perf-%d.map" % os.getpid(), "w")


def make(number):
    arena[number * 64:number * 64 + len(CODE)] = CODE
    told.write("%x %x made_%d\n" % (base + number * 64, len(CODE), number))
    told.flush()
    return ctypes.CFUNCTYPE(None)(base + number * 64)


def burn(function):
    function()


number, last = 0, 0
ready()
while not stop:
    if time.time() > last + 0.1 and number < 1000:
        function = make(number)
        number, last = number + 1, time.time()
    burn(function)
told.close()
os.unlink(told.name)
