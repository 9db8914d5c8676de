# SPDX-License-Identifier: GPL-2.0-only
"""native_target.py LIBRARY PYTHON C MIX LIBRARIES: burns below so many frames of Python, of C (native_target.c), and of both in
turns; with so many more libraries mapped."""
import ctypes
import glob
import sys

library = ctypes.CDLL(sys.argv[1])
python, c, mix, libraries = map(int, sys.argv[2:6])
held = []
for path in sorted(glob.glob("/usr/lib/x86_64-linux-gnu/lib*.so.?") + glob.glob("/usr/lib/x86_64-linux-gnu/lib*.so.??")):
    if len(held) >= libraries:
        break
    if any(word in path for word in ("asan", "tsan", "ubsan", "lsan", "hwasan", "memusage", "pcprofile", "itm", "SegFault")):
        continue
    try:
        held.append(ctypes.CDLL(path))
    except OSError:
        pass


def burn():
    if c:
        while True:
            library.deep_c(c)
    while True:
        pass


def deep(n):
    return deep(n - 1) if n > 1 else burn()


def turns(n):
    return min([n], key=again) if n > 0 else burn()		# Python, C, Python


def again(n):
    return turns(n - 1)


sys.setrecursionlimit(5000)
print("ready", flush=True)
if mix:
    turns(mix)
else:
    deep(max(1, python - 2))
