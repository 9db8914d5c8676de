# SPDX-License-Identifier: GPL-2.0-only
"""Stacks of C and interpreted frames: in true order, and whole."""
import os
import re
import shutil
import signal
import subprocess
import threading

from live import FULL, Failure, Recorder, Skip, Target, expect, no_bad, read_line, record, record_target, test, TOP

CHAIN = ["begin", "hop_one", "first", "hop_two", "second", "hop_three", "third"]
LEAVES = ("hop_burn", "hop_read", "hop_sleep")
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


@test("few")
def python_and_c_three_levels_deep(python):
    python.needs("ctypes")
    library = build(python)
    with Target(python, "mixed", library) as target:
        recording = record_target(target, 2999, 5 if FULL else 0.7, "--stacks", "full")
        return check(recording, True)


@test("few")
def blocked_three_levels_deep(python):
    """The stack at which a thread leaves the CPU, down to the kernel's scheduler, which nothing of ours is on."""
    python.needs("ctypes")
    with Target(python, "mixed", build(python), "block") as target:
        recording = record("-e", "offcpu", "-p", target.pid, "-d", 3 if FULL else 0.7, "--stacks", "full")
    whole = total = 0
    bad = []
    for frames, time in recording.stacks:
        names = [plain(frame) for frame in frames]
        chain = [name for name in names if name in OWN]
        total += time
        if chain != CHAIN + ["hop_sleep"]:
            continue		# preempted elsewhere, or blocked since before the recording
        kernel = [frame.name for frame in frames if is_kernel(frame)]
        if not kernel or not kernel[-1].startswith("__schedule") or any("bpf_" in name for name in kernel):
            bad.append((frames, time))
        whole += time * any("nanosleep" in name for name in kernel)	# else preempted there
    no_bad(bad, total, "kernel frames that do not end at the scheduler")
    expect(whole > 0.8 * total, "%d of %d ns in whole stacks: %s" % (whole, total, recording.json["errors"]))
    return "%.1f%% of %.1f ms in whole stacks" % (100 * whole / total, total / 1e6)


# Programs whose functions (work_*) spend their time in C. What must be below each one: of C, a function or the binary's name; of
# interpreted ones, that which C called back.
LIBRARIES = {
    "libraries": {"work_json": (r"_json|scan|json", None), "work_re": (r"_sre|sre_|SRE|pattern_|_validate|match", "replace"),
                  "work_zlib": (r"libz\.so|zlib|deflate|crc32|adler", None), "work_sqlite": (r"sqlite", "double"),
                  "work_hash": (r"libcrypto|_sha2|sha256|_hashlib|Hacl", None)},
    "ciphers": {"work_handshake": (r"libcrypto", None), "work_write": (r"libcrypto", None), "work_read": (r"libcrypto", None)},
    "arrays": {"work_sort": (r"_multiarray_umath", None), "work_sine": (r"_multiarray_umath", None),
               "work_dot": (r"libopenblas|libblas|cblas|_multiarray_umath", None), "work_apply": (r"_multiarray_umath", "double")},
}
# Functions that OpenSSL exports in all its versions (most others have no names), and the least share of the work in them.
NAMED = {"work_handshake": (r"EVP_PKEY_\w+ \(libcrypto|EVP_Digest(Sign|Verify)\w* \(libcrypto", 0.2),
         "work_write": (r"SSL_write(_ex2?)? \(libssl", 0.7), "work_read": (r"SSL_read(_ex)? \(libssl", 0.7)}
SERVED = "C frames: a probe is being served"		# another test's, in all that run this interpreter
IN_PYTHON = ("work_re", "work_json")		# their C functions may be the interpreter's own, which may have no names


def certificate(python):
    """A file with a certificate for this machine and its key, that this interpreter sees; its path there."""
    if python.minor < (3, 5):
        raise Skip("Python %d.%d has no ssl.MemoryBIO" % python.minor)
    if subprocess.run([python.path, "-c", "import ssl"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("%s has no ssl" % python.label)
    if not shutil.which("openssl"):
        raise Skip("no openssl")
    path = os.path.join(python.targets, "localhost.pem")
    if not os.path.exists(python.root + path):
        part = "%s.%d" % (python.root + path, threading.get_ident())
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-subj", "/CN=localhost",
                        "-keyout", part + ".key", "-out", part + ".certificate"], stderr=subprocess.DEVNULL, check=True)
        with open(part, "w") as both:
            for kind in ("key", "certificate"):
                with open(part + "." + kind) as one:
                    both.write(one.read())
        os.rename(part, python.root + path)
    return path


def target_arguments(python, name):
    """What the program is called with; skips where it cannot run."""
    if name == "arrays" and subprocess.run([python.path, "-c", "import numpy"], stderr=subprocess.DEVNULL).returncode:
        raise Skip("%s has no numpy" % python.label)
    return [certificate(python)] if name == "ciphers" else []


def record_libraries(python, name, seconds):
    """The stacks of one of LIBRARIES, and what was unreadable."""
    wanted = {call for work, (_, back) in LIBRARIES[name].items() for call in (work, back) if call}
    stacks, called, errors = [], set(), []
    with Target(python, name, *target_arguments(python, name)) as target:
        for _ in range(10):		# until the short ones are in, too
            recording = record_target(target, 2999, seconds, "--native=all", allowed=(SERVED,))
            stacks += recording.stacks
            errors.append(recording.json["errors"])
            called |= {frame.name for frames, _ in recording.stacks for frame in frames}
            if called >= wanted:
                break
    return stacks, errors


def check_names(work, stacks):
    """Functions of libraries have their names. stacks: [(frames below a function, count)]"""
    name, least = NAMED.get(work, ("", 0))
    total = sum(count for _, count in stacks)
    right = sum(count for frames, count in stacks if any(re.match(name, frame.name) for frame in frames))
    expect(right >= least * total, "%d of %d stacks of %s are in %s, e.g. %s" %
           (right, total, work, name, [frame.name for frame in max(stacks, key=lambda s: s[1])[0]]))


def check_libraries(python, name, seconds):
    """C functions are where they were called, and every stack leads to the entry of the process or thread."""
    works = LIBRARIES[name]
    backs = {back for _, back in works.values() if back}
    stacks, errors = record_libraries(python, name, seconds)
    reached, back, total, marked, bad, inside = {}, set(), 0, 0, [], {}
    for frames, count in stacks:
        total += count
        names = [frame.name for frame in frames]
        if any(name.startswith("[C frames") or name.startswith("[caught") for name in names):
            marked += count * (names[0] != "[%s]" % SERVED)
            continue
        at = [i for i, frame in enumerate(frames) if frame.file and frame.name.startswith("work_")]
        if len(at) > 1 or (at and not any(f.name == "<module>" for f in frames[:at[0]])):
            bad.append((frames, count))
        elif at:
            work, below = frames[at[0]].name, frames[at[0] + 1:]
            reached[work] = reached.get(work, 0) + count * any(re.search(works[work][0], f.name) for f in below if not f.line)
            inside.setdefault(work, []).append((below, count))
            for callee in below:
                if callee.line and callee.name in backs:
                    if callee.name != works[work][1]:
                        bad.append((frames, count))
                    back.add(callee.name)
    no_bad(bad, total, "C where it was not called")
    expect(marked <= max(2, 0.01 * total), "%d of %d stacks are not whole: %s" % (marked, total, errors))
    stripped = "pyenv" not in python.flags
    missing = [work for work in works if not reached.get(work) and not (stripped and work in IN_PYTHON)]
    expect(not missing, "no C functions of %s in %d samples: %s" % (missing, total, reached))
    expect(back == backs, "calls back: %s" % back)
    for work, stacks in inside.items():
        check_names(work, stacks)
    return "%d stacks, %d not whole; in C: %s" % (total, marked, reached)


@test("few")
def libraries_in_c(python):
    """Of the standard library: json, re, zlib, sqlite3, hashlib."""
    return check_libraries(python, "libraries", 6 if FULL else 1.2)


@test("few")
def ssl_in_c(python):
    """Handshakes and data between two ends in one process."""
    return check_libraries(python, "ciphers", 6 if FULL else 1)


@test("all" if FULL else "one")
def numpy_in_c(python):
    """Sorting, sines, products of matrices (in threads of its own), and a function of Python for each element."""
    return check_libraries(python, "arrays", 6 if FULL else 1)


@test("one")
def a_library_that_is_opened_late(python):
    """Its code is met for the first time while it is recorded."""
    library = build(python)
    with Target(python, "late", library) as target, Recorder("-p", target.pid, "-F", 999, "--native", "-d", 30) as recorder:
        target.process.send_signal(signal.SIGUSR1)
        read_line(target.process.stdout, "late", "opened")
        target.until_it_used(1.5)		# on a busy machine it takes scry some while to hear of the library
        recording = recorder.stop()
    stacks = [(frames, count) for frames, count in recording.stacks if any("hop_burn" in f.name for f in frames)]
    good = sum(count for frames, count in stacks
               if [plain(f) for f in frames if plain(f) in ("_start", "spin", "hop_burn")] == ["_start", "spin", "hop_burn"])
    total = sum(count for _, count in stacks)
    expect(total > 50 and good > 0.9 * total, "%d of %d stacks in the library are whole: %s"
           % (good, total, recording.json["errors"]))
    return "%d of %d stacks whole" % (good, total)
