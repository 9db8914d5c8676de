# SPDX-License-Identifier: GPL-2.0-only
"""Stacks of C and interpreted frames: in true order, and whole."""
import os
import re
import shutil
import subprocess
import threading

from live import FULL, Skip, Target, expect, no_bad, record_target, test, TOP

CHAIN = ["begin", "hop_one", "first", "hop_two", "second", "hop_three", "third"]
LEAVES = ("hop_burn", "hop_read")
# What ctypes and the interpreter put between; nothing of the program, and nothing of the kernel.
OWN = set(CHAIN) | set(LEAVES)


def build(python):
    """mixed.c as a library that this interpreter sees; its path there."""
    if not shutil.which("gcc"):
        raise Skip("no gcc")
    path = os.path.join(python.targets, "libmixed.so")
    if not os.path.exists(python.root + path):
        part = "%s.%d" % (python.root + path, threading.get_ident())
        subprocess.run(["gcc", "-O2", "-fPIC", "-shared", "-nostdlib", "-fomit-frame-pointer", "-o", part,
                        os.path.join(TOP, "tests", "targets", "mixed.c")], check=True)
        os.rename(part, python.root + path)
    return path


def plain(frame):
    """The name of a frame as written: "hop_one (libmixed.so)", "run (mixed.py:30)"."""
    name = frame.name.split(" (")[0]
    return name.rpartition(".")[2]


def is_kernel(frame):
    return frame.name.endswith("_[k]") or "_[k]" in frame.name


def check_stack(names, kernel):
    """What is wrong with a stack whose names of the program are these; None: nothing. kernel: what lies in the kernel."""
    chain = [name for name in names if name in OWN]
    whole = CHAIN + chain[-1:] if chain and chain[-1] in LEAVES else CHAIN
    if chain != whole[:len(chain)]:
        return "out of order"
    if any(kernel) and kernel != sorted(kernel):
        return "kernel below user"
    return None


def check(recording, wants_kernel):
    bad, total, whole, marked, inside = [], 0, 0, 0, 0
    for frames, count in recording.stacks:
        total += count
        if any(frame.name.startswith("[C frames") or frame.name.startswith("[caught") for frame in frames):
            marked += count
            continue
        names = [plain(frame) for frame in frames]
        kernel = [is_kernel(frame) for frame in frames]
        wrong = check_stack(names, kernel)
        if wrong:
            bad.append((frames, count))
        chain = [name for name in names if name in OWN]
        if chain[:-1] == CHAIN and chain[-1] in LEAVES:
            whole += count
            inside += count * (chain[-1] == "hop_read" and any(kernel))
    no_bad(bad, total, "a stack out of order")
    expect(marked <= max(3, 0.01 * total), "%d of %d stacks are not whole: %s" % (marked, total, recording.json["errors"]))
    expect(whole > 0.8 * total, "only %d of %d stacks reach the innermost function" % (whole, total))
    expect(bool(inside) == wants_kernel, "%d stacks end in the kernel" % inside)
    return "%d stacks in order, %d whole, %d in the kernel" % (total, whole, inside)


@test("all")
def python_and_c_three_levels_deep(python):
    python.needs("ctypes")
    library = build(python)
    with Target(python, "mixed", library) as target:
        recording = record_target(target, 2999, 5 if FULL else 0.7, "--stacks", "full")
        return check(recording, True)
