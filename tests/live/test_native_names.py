# SPDX-License-Identifier: GPL-2.0-only
"""Names of C, C++, code made at run time and the kernel, below the right line of Python."""
import os
import re
import shutil
import subprocess
import tempfile

from live import FULL, Failure, SCRATCH, Skip, TOP, Target, expect, record, record_target, test

SECONDS = 3 if FULL else 0.8
PLACE = re.compile(r"^(.*) \(([^()]*)\)$", re.S)


def split(frame):
    """(function, file) of a native frame as written; of "[libfoo.so+0x12]" the file is in its name."""
    text = "%s (%s:%d)" % frame if frame.file else frame.name
    unnamed = re.match(r"^\[(.*)\+0x[0-9a-f]+\]$", text)
    match = PLACE.match(text)
    return ("", unnamed.group(1)) if unnamed else match.groups() if match else (text, "")


def lines_of(name):
    """{what is remarked: (function, line)} of a target: "  # in zlib"."""
    found, function = {}, ""
    with open(os.path.join(TOP, "tests", "targets", name), encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            function = line[4:line.index("(")] if line.startswith("def ") else function
            if "  # in " in line:
                found[line.split("  # in ")[1].strip()] = (function, number)
    return found


def below(stacks, function, line):
    """[([(function, file)], count)]: what lies below a line of Python, where anything does."""
    found = []
    for frames, count in stacks:
        at = [i for i, frame in enumerate(frames) if frame.name.rpartition(".")[2] == function and frame.file.endswith(".py")]
        if at and frames[at[-1]].line == line and at[-1] + 1 < len(frames):
            found.append(([split(frame) for frame in frames[at[-1] + 1:]], count))
    return found


def share(found, fits):
    total = sum(count for _, count in found)
    expect(total > 5, "only %d samples" % total)
    return sum(count for frames, count in found if fits(frames)) / float(total)


@test("few")
def native_names(python):
    python.needs("ctypes")
    lines = lines_of("nativework.py")
    with Target(python, "nativework") as target:
        recording = record_target(target, 1999, SECONDS, "--native", "--kernel", "--lines")
    stacks = recording.stacks
    # Debian's zlib has names for what it exports alone: deflate, and what it calls within is told by its place.
    zlib = share(below(stacks, *lines["zlib"]), lambda frames: any(
        name == "deflate" and re.match(r"libz\.|zlib|python|libpython", file) for name, file in frames))
    expect(zlib > 0.9, "only %d%% of compressing is in deflate()" % (100 * zlib))
    libc = share(below(stacks, *lines["libc"]), lambda frames: any(
        name.startswith("qsort") and file.startswith("libc") for name, file in frames))
    expect(libc > 0.9, "only %d%% of sorting is in qsort()" % (100 * libc))
    inner = share(below(stacks, *lines["the interpreter"]), lambda frames: any(
        name == "PyNumber_Multiply" and "python" in file for name, file in frames))
    expect(inner > 0.9, "only %d%% of multiplying is in PyNumber_Multiply()" % (100 * inner))
    kernel = share(below(stacks, *lines["the kernel"]), lambda frames: any(
        name.endswith("_[k]") and "read" in name for name, _ in frames))
    expect(kernel > 0.5, "only %d%% of reading is in the kernel's read" % (100 * kernel))
    kinds = {function["kind"] for function in recording.json["functions"]}
    expect(kinds == {"interpreted", "native", "kernel"}, "kinds %s" % sorted(kinds))
    return "%d%% in deflate, %d%% in qsort, %d%% in read" % (100 * zlib, 100 * libc, 100 * kernel)


def build_cxx():
    if not shutil.which("g++"):
        raise Skip("no g++")
    path = os.path.join(SCRATCH, "libcxxwork.so")
    subprocess.run(["g++", "-O2", "-g", "-fPIC", "-shared", "-o", path, os.path.join(TOP, "tests", "targets", "cxxwork.cc")],
                   check=True)
    return path


@test("one")
def cxx_is_demangled_and_inlined(python):
    library = build_cxx()
    with Target(python, "cxxwork", library) as target:
        plain = record_target(target, 1999, SECONDS, "--native", "--stats")
        inlined = record_target(target, 1999, SECONDS, "--native", "--inline", "--lines")
    read = re.search(r"symbols of (\d+) binaries read: ([\d.]+) MB", plain.said)
    expect(read and 2 <= int(read.group(1)) < 100 and 0 < float(read.group(2)) < 100, "symbols: %r" % plain.said[-300:])
    found = below(plain.stacks, "calls_cxx", next(f.line for frames, _ in plain.stacks for f in frames if f.name == "calls_cxx"))
    leaf = share(found, lambda frames: frames[-1] == ("grids::Grid<double>::relax", "libcxxwork.so"))
    expect(leaf > 0.9, "only %d%% of %s end in the template" % (100 * leaf, found[:2]))
    with open(os.path.join(TOP, "tests", "targets", "cxxwork.cc")) as source:
        text = source.read().split("\n")
    body = {number for number, line in enumerate(text, 1) if "cells[(i + 1)" in line}
    call = {number for number, line in enumerate(text, 1) if "= around(i)" in line}
    pairs = total = 0
    for frames, count in inlined.stacks:
        names = [frame.name for frame in frames]
        if "grids::Grid<double>::relax" not in names:
            continue
        total += count
        if frames[-1].name == "grids::Grid<double>::around":
            expect(frames[-1].file == "cxxwork.cc" and frames[-1].line in body, "around() at %s" % (frames[-1],))
            expect(frames[-2].name == "grids::Grid<double>::relax" and frames[-2].line in call, "relax() at %s" % (frames[-2],))
            pairs += count
    expect(pairs > 0.2 * total > 5, "the inlined function is in %d of %d samples" % (pairs, total))
    return "%d%% in the template, %d of %d in what is inlined there" % (100 * leaf, pairs, total)


@test("few")
def code_made_at_run_time(python):
    python.since(3, 12)
    chain = ["outermost", "between", "innermost"]
    with Target(python, "perfmap", options=["-X", "perf"]) as target:
        told = python.root + "/tmp/perf-%d.map" % target.pid
        if not os.path.exists(told):
            raise Skip("this build has no -X perf")
        try:
            every = record_target(target, 1999, SECONDS, "--native=all")
            folded = record_target(target, 1999, SECONDS, "--native")
        finally:
            os.unlink(told)
    named = share([([split(f) for f in frames], count) for frames, count in every.stacks if frames[-1].name == "innermost"],
                  lambda frames: [f[0].split(":")[2] for f in frames if f[0].startswith("py::")][-3:] == chain)
    expect(named > 0.9, "only %d%% of stacks have all trampolines" % (100 * named))
    whole = share([([f.name for f in frames], count) for frames, count in folded.stacks if "innermost" in frames[-1].name],
                  lambda names: names[-3:] == chain and not any(name.startswith("py::") for name in names))
    expect(whole > 0.9, "only %d%% of stacks are without them" % (100 * whole))
    return "%d%% named, %d%% folded away" % (100 * named, 100 * whole)


@test("one")
def code_made_in_a_namespace(python):
    """Its map is found below its own root, by its own number, and read on while it grows."""
    if os.uname().machine != "x86_64":
        raise Skip("the program makes code of x86-64")
    setup = 'mount --bind "$0" /mnt && mount -t tmpfs none /tmp && mkdir -p "$0" && mount --bind /mnt "$0" && exec "$@"'
    prefix = ["unshare", "--fork", "--pid", "--mount", "--kill-child", "sh", "-c", setup, SCRATCH]
    try:
        target = Target(python, "jit", prefix=prefix)
    except Failure as failure:
        raise Skip(str(failure)[-150:]) if "unshare" in str(failure) or "mount" in str(failure) else failure
    with target:
        with open("/proc/%d/task/%d/children" % ((target.process.pid,) * 2)) as children_of:
            pid = int(children_of.read().split()[0])
        expect(target.pid == 1 and not os.path.exists("/tmp/perf-1.map"), "not in a namespace: %d" % target.pid)
        target.pid = pid
        recording = record_target(target, 1999, SECONDS, "--native")
    stacks = [([split(f) for f in frames], count) for frames, count in recording.stacks if any(f.name == "burn" for f in frames)]
    named = share(stacks, lambda frames: frames[-1][0].startswith("made_") and frames[-1][1] == "[jit]")
    seen = {frames[-1][0] for frames, _ in stacks if frames[-1][0].startswith("made_")}
    expect(named > 0.9, "only %d%% are named, e.g. %s" % (100 * named, stacks[:1]))
    expect(len(seen) > 2, "of what was made later nothing is named: %s" % sorted(seen))
    return "%d%% named, %d functions" % (100 * named, len(seen))


# Functions that no other file names: static, and not inlined.
DEBUGGED = """static __attribute__((noinline)) long %s(volatile long n) { long s = 0; while (n-- > 0) s += n; return s; }
long enter(long n) { return %s(n) + 1; }"""


def split_library(folder, name, function, *flags):
    """(stripped library, its debug file, its build id or None)"""
    library, debug = os.path.join(folder, name + ".so"), os.path.join(folder, name + ".debug")
    source = os.path.join(folder, name + ".c")
    with open(source, "w") as text:
        text.write(DEBUGGED % (function, function))
    for command in (["gcc", "-O1", "-g", "-shared", "-fPIC"] + list(flags) + ["-o", library, source],
                    ["objcopy", "--only-keep-debug", library, debug],
                    ["objcopy", "--strip-all", "--add-gnu-debuglink=" + debug, library]):
        subprocess.run(command, check=True)
    notes = subprocess.run(["readelf", "-n", library], stdout=subprocess.PIPE, check=True).stdout.decode()
    return library, debug, (re.findall(r"Build ID: ([0-9a-f]+)", notes) or [None])[0]


@test("one")
def debug_files_in_a_container(python):
    """They lie below /usr/lib/debug of its own root: one by build id, one by link. Ours has neither."""
    python.needs("ctypes")
    if not shutil.which("objcopy"):
        raise Skip("no objcopy")
    folder = tempfile.mkdtemp(dir=SCRATCH)
    one, one_debug, build_id = split_library(folder, "one", "named_by_build_id", "-Wl,--build-id=sha1")
    two, two_debug, none = split_library(folder, "two", "named_by_link", "-Wl,--build-id=none")
    expect(build_id and not none, "build ids %s, %s" % (build_id, none))
    by_id = "/usr/lib/debug/.build-id/%s/%s.debug" % (build_id[:2], build_id[2:])
    by_link = "/usr/lib/debug" + two_debug
    setup = """set -e; mkdir -p /usr/lib/debug; mount -t tmpfs none /usr/lib/debug; mkdir -p "${1%/*}" "${3%/*}"
        mv "$0" "$1"; mv "$2" "$3"; shift 3; exec "$@" """
    prefix = ["unshare", "--mount", "sh", "-c", setup, one_debug, by_id, two_debug, by_link]
    try:
        target = Target(python, "debugged", one, two, prefix=prefix)
    except Failure as failure:
        raise Skip(str(failure)[-150:]) if "unshare" in str(failure) or "mount" in str(failure) else failure
    with target:
        outside = [path for path in (by_id, by_link, one_debug, two_debug) if os.path.exists(path)]
        expect(not outside, "not in a namespace: %s" % outside)
        recording = record_target(target, 1999, SECONDS, "--native")
    stacks = [([split(f) for f in frames], count) for frames, count in recording.stacks if any(f.name == "burn" for f in frames)]
    found = {name for frames, _ in stacks for name, _ in frames}
    expect({"named_by_build_id", "named_by_link"} <= found, "names found: %s" % sorted(found)[:20])
    leaf = share(stacks, lambda frames: frames[-1][0] in ("named_by_build_id", "named_by_link"))
    expect(leaf > 0.9, "only %d%% are named, e.g. %s" % (100 * leaf, stacks[:1]))
    return "%d%% named" % (100 * leaf)


@test("one")
def kernel_names_may_be_hidden(python):
    """Without CAP_SYSLOG, unless the machine shows them to all: said once, and the addresses stand for themselves."""
    python.needs("ctypes")
    prefix = ["setpriv", "--bounding-set=-syslog", "--inh-caps=-syslog"]
    if not shutil.which("setpriv"):
        raise Skip("no setpriv")
    shown = subprocess.run(prefix + ["grep", "-m1", "-wv", "0000000000000000", "/proc/kallsyms"], stdout=subprocess.DEVNULL)
    if not shown.returncode:
        raise Skip("this machine shows them to all")
    with Target(python, "nativework") as target:
        recording = record("-p", target.pid, "-F", 1999, "-d", SECONDS, "--kernel", prefix=prefix)
    kernel = [frame.name for frames, _ in recording.stacks for frame in frames if frame.name.endswith("_[k]")]
    expect(recording.said.count("the kernel hides its symbols") == 1, "it said %r" % recording.said[-300:])
    expect(kernel, "no frame of the kernel")
    named = [name for name in kernel if not re.match(r"^\[0xffff[0-9a-f]{12}\]_\[k\]$", name)]
    expect(not named, "names from nowhere: %s" % named[:3])
    return "%d frames without a name" % len(kernel)
