# SPDX-License-Identifier: GPL-2.0-only
"""Stacks of C through code of other kinds: with probes in it, compiled by the interpreter, the kernel's own, in signal handlers."""
import contextlib
import ctypes
import os
import signal
import struct
import subprocess
import time

from live import FULL, PATIENCE, TOP, Failure, Recorder, Skip, Target, expect, no_bad, record, record_target, test
from test_mixed import CHAIN, SERVED, build, plain

SECONDS = 3 if FULL else 0.8
PERF_EVENT_OPEN = 298		# x86-64


def symbol(library, name):
    """Where it is in the file; addresses and offsets are the same in one so small, or this says so."""
    listing = subprocess.run(["nm", library], stdout=subprocess.PIPE, check=True).stdout.decode()
    address = next(int(line.split()[0], 16) for line in listing.splitlines() if line.endswith(" " + name))
    headers = subprocess.run(["readelf", "-lW", library], stdout=subprocess.PIPE, check=True).stdout.decode()
    for line in headers.splitlines():
        if line.split()[:1] == ["LOAD"] and "E" in line.split()[6:8]:
            offset, start, size = (int(part, 16) for part in (line.split()[1], line.split()[2], line.split()[4]))
            if start <= address < start + size:
                return address - start + offset
    raise Failure("%s has no code at %#x" % (library, address))


@contextlib.contextmanager
def probes(pid, library, places):
    """Probes of somebody else, by perf_event_open(2): (symbol, at its return?)."""
    source = "/sys/bus/event_source/devices/uprobe/type"
    if os.uname().machine != "x86_64" or not os.path.exists(source):
        raise Skip("no probes of user code by perf_event_open")
    with open(source) as kind:
        kind = int(kind.read())
    libc = ctypes.CDLL(None, use_errno=True)
    path = ctypes.create_string_buffer(library.encode())
    opened = []
    try:
        for name, at_return in places:
            attributes = struct.pack("=IIQQQQQIIQQ", kind, 128, int(at_return), 0, 0, 0, 0, 0, 0, ctypes.addressof(path),
                                     symbol(library, name)).ljust(128, b"\0")
            fd = libc.syscall(PERF_EVENT_OPEN, attributes, pid, -1, -1, 0)
            if fd < 0:
                raise Skip("no probe at %s: %s" % (name, os.strerror(ctypes.get_errno())))
            opened.append(fd)
        yield lambda: [struct.unpack("Q", os.read(fd, 8))[0] for fd in opened]
    finally:
        for fd in opened:
            os.close(fd)


@test("few" if FULL else "one")
def code_with_probes_of_others(python):
    """A breakpoint at an instruction that saves a register, one that is executed elsewhere, and changed return addresses, one of
    them there since before: the stacks are those without."""
    python.needs("ctypes")
    library = build(python)
    places = [("hop_small", False), ("hop_probed", False), ("hop_small", True), ("hop_often", True)]
    with Target(python, "mixed", library, "often") as target:
        with probes(target.pid, python.root + library, places) as counts:
            time.sleep(0.1)
            recording = record_target(target, 2999, SECONDS, "--native", allowed=(SERVED,), rate=0.05)
            hits = counts()
            target.process.kill()		# probes that are met all the time take long to be removed
            target.process.wait()
    expect(all(hits), "probes met: %s" % hits)
    bad, total, inside, served = [], 0, 0, 0
    whole = CHAIN + ["hop_often", "hop_small"]
    for frames, count in recording.stacks:
        chain = [plain(frame) for frame in frames if plain(frame) in whole]
        total += count
        inside += count * (chain == whole)
        if frames[0].name == "[%s]" % SERVED:
            served += count
        elif chain != whole[:len(chain)] or len(chain) < len(CHAIN):
            bad.append((frames, count))
    share = sum(count for _, count in bad)
    expect(share <= max(3, 0.01 * total), "%d of %d stacks, e.g. %s: %s" % (share, total, bad[:1], recording.json["errors"]))
    expect(inside > 0.2 * total, "%d of %d stacks in the function with probes: %s" % (inside, total, recording.json["errors"]))
    return "%d of %d stacks in the function, %d with a probe in between; probes met %s times" % (inside, total, served, hits)


@test("few")
def code_that_python_compiles(python):
    """3.15 keeps frame pointers in it; before, such stacks are not whole, and say so. It is never shown apart from what it runs."""
    python.since(3, 14)
    asked = subprocess.run([python.path, "-c", "import sys; print(sys._jit.is_available())"], stdout=subprocess.PIPE)
    if asked.stdout.strip() != b"True":
        raise Skip("this build has no compiler")
    with Target(python, "libraries", prefix=["env", "PYTHON_JIT=1"]) as target:
        target.until_it_used(0.5)
        every = record("-p", target.pid, "-F", 2999, "-d", SECONDS, "--native=all")
        folded = record("-p", target.pid, "-F", 2999, "-d", SECONDS, "--native")
    met = sum(count for frames, count in every.stacks if any(frame.name == "[unknown]" for frame in frames))
    expect(met, "it compiled nothing")
    errors, samples = folded.json["errors"], folded.samples
    bad = sum(count for cause, count in errors.items() if python.minor >= (3, 15) or not cause.startswith("C frames: "))
    expect(bad <= max(3, 0.01 * samples), "of %d not whole: %s" % (samples, errors))
    shown = [(frames, count) for frames, count in folded.stacks
             if not frames[0].name.startswith("[C frames") and any(frame.name == "[unknown]" for frame in frames)]
    no_bad(shown, samples, "compiled code is shown")
    return "%d of %d stacks through compiled code; not whole: %s" % (met, every.samples, errors)


def chains(recording, names):
    """{which of these functions a stack has, in order: samples}; and the samples whose stacks are not whole."""
    found, broken = {}, 0
    for frames, count in recording.stacks:
        chain = " ".join(plain(frame) for frame in frames if plain(frame) in names)
        broken += count * frames[0].name.startswith("[C frames")
        found[chain] = found.get(chain, 0) + count
    return found, broken


@test("few" if FULL else "one")
def code_of_the_kernel_and_of_handlers(python):
    """The page that the kernel gives all processes, and a handler in C that interrupts C."""
    python.needs("ctypes")
    python.since(3, 3)
    library = build(python)
    with Target(python, "kinds", library, "vdso") as target:
        recording = record_target(target, 2999, SECONDS, "--native")
    total = recording.samples
    inside = sum(count for frames, count in recording.stacks if "([vdso])" in frames[-1].name and any(f.name == "clock" for f in frames))
    expect(inside > 0.02 * total, "%d of %d stacks in the vdso" % (inside, total))
    with Target(python, "kinds", library, "signal") as target:
        recording = record_target(target, 2999, SECONDS, "--native")
    found, broken = chains(recording, ("_start", "spin", "hop_burn", "hop_handler"))
    right = found.get("_start spin hop_burn hop_handler", 0)
    expect(right > 0.05 * recording.samples and right > 0.9 * sum(n for chain, n in found.items() if "handler" in chain),
           "handlers: %s" % found)
    expect(broken <= max(3, 0.01 * recording.samples), "not whole: %s" % recording.json["errors"])
    return "%d of %d in the vdso; %d of %d in a handler" % (inside, total, right, recording.samples)


def met_late(python, kind, chain, *arguments):
    """What a program does after a signal, while it is recorded: stacks of the C function are whole."""
    with Target(python, "kinds", build(python), kind, *arguments) as target, \
            Recorder("-p", target.pid, "--children", "-F", 999, "--native", "-d", 30) as recorder:
        target.process.send_signal(signal.SIGUSR1)
        end = time.monotonic() + PATIENCE
        while recorder.wait_for_samples(1) < 700 and time.monotonic() < end:
            time.sleep(0.05)
        recording = recorder.stop()
        for child in children_of(target.pid):
            os.kill(child, signal.SIGKILL)
    found, _ = chains(recording, chain)
    right = found.get(" ".join(chain), 0)
    burning = sum(n for found_chain, n in found.items() if "hop_burn" in found_chain)
    expect(burning > 200 and right > 0.95 * burning, "%s: %d of %d: %s, %s" % (kind, right, burning, found, recording.json["errors"]))
    return recording, "%s %d of %d" % (kind, right, burning)


def children_of(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as children:
        return [int(child) for child in children.read().split()]


@test("few" if FULL else "one")
def code_of_children_and_successors(python):
    """In a child, in another program by exec, and in a library that is opened where another one was."""
    python.needs("ctypes")
    library = build(python)
    other = os.path.join(python.targets, "libother.so")
    if not os.path.exists(python.root + other):
        subprocess.run(["gcc", "-O1", "-falign-functions=256", "-fPIC", "-shared", "-nostdlib", "-o", python.root + other,
                        os.path.join(TOP, "tests", "targets", "mixed.c")], check=True)
    chain = ("_start", "spin", "hop_burn")
    notes = [met_late(python, kind, chain)[1] for kind in ("child", "program")]
    recording, note = met_late(python, "other", chain, other)
    files = {frame.name for frames, _ in recording.stacks for frame in frames if "hop_burn" in frame.name}
    expect("hop_burn (libother.so)" in files, "of %s" % files)
    return ", ".join(notes + [note])
