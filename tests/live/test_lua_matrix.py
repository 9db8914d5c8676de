# SPDX-License-Identifier: GPL-2.0-only
"""scry list, record and report on Lua: every kind of target, every format, every option, on every build of Lua that there is here."""
import concurrent.futures
import contextlib
import glob
import json
import os
import re
import subprocess
import threading
import time

from live import FULL, PATIENCE, SCRATCH, SCRY, TOP, Recorder, expect, is_marked, read_line, record
from live import test
from lua import interpreters, which
from test_hostile import check_svg, check_text

MARKS = ("[compiled", "[gc]", "[trace", "[rec", "[opt", "[ass", "[coroutine]", "[tail calls]", "[finalizer]")
SECONDS = 2 if FULL else 0.3
HERTZ = 4999		# a busy machine gives a target a few ms of so short a time


class Working:
    """A build of Lua that runs work.lua: whenever it asks for a line it gets one 4 ms later."""

    def __init__(self, build, *arguments, seconds=600, ticks=True, prefix=()):
        self.build = build
        self.process = subprocess.Popen([*prefix, *build.command, build.script, str(seconds), *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        read_line(self.process.stdout, build.label, "{")
        self.pid, self.ticker = self.process.pid, threading.Thread(target=self.tick)
        if ticks:
            self.ticker.start()

    def tick(self):
        with contextlib.suppress(OSError, ValueError):
            while self.process.stdout.readline():
                time.sleep(0.004)
                self.line()

    def line(self):
        self.process.stdin.write(b"x\n")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        if self.ticker.ident:
            self.ticker.join()
        self.process.stdin.close()
        self.process.stdout.close()


class Build:
    """Which Lua, how a script is run by it, what `scry list` must say, and the frames that lead to its innermost function."""

    def __init__(self, label, command, script, listed, jit, chain, root="", share=0.5, allowed=()):
        self.label, self.command, self.script, self.listed, self.jit, self.chain = label, command, script, listed, jit, chain
        self.root = root		# of its chroot
        self.share, self.allowed = share, allowed		# of samples that have the chain; causes why others have not

    def has_chain(self, frames):
        names = [frame.name.split(" (")[0] for frame in frames if not frame.name.startswith(MARKS) and not is_native(frame)]
        return any(names[i:i + len(self.chain)] == self.chain for i in range(len(names)))


def is_native(frame):
    """Of C, as --native shows it: function (file), [file+0x1234], or code without a file, such as LuaJIT makes."""
    return not frame.name.startswith("main chunk") and bool(re.fullmatch(r".* \((?!\[C\]|\[string|/).*\)|\[.*\+0x.*\]|\[unknown\]|.*_\[k\]", frame.name)) and not frame.file


def program(lua):
    version = r"LuaJIT 2\.1\S*" if lua.jit else r"%d\.%d\.\d+" % lua.minor
    name = "/usr/bin/" + ("luajit" if lua.jit else "lua%d.%d" % lua.minor)
    return Build(lua.label, [lua.path], "%s/work.lua" % lua.targets, (version, re.escape(lua.root + name), r"PIE"), lua.jit, ["main chunk", "outer", "inner"],
                 lua.root)


def libraries():
    """The shared ones, by a program that opens them."""
    folder = "/usr/lib/%s-linux-gnu" % os.uname().machine
    host = os.path.join(SCRATCH, "library")
    lua = interpreters()[0]
    done = subprocess.run(["gcc", "-O1", "-o", host, os.path.join(TOP, "tests", "targets", "lua", "library.c"), "-ldl"])
    expect(not done.returncode, "library.c")
    for path in sorted(glob.glob(folder + "/liblua*.so.[0-9]")):
        found = re.fullmatch(r".*/liblua(5\.\d|jit-5\.1)(-c\+\+)?\.so\.\d", path)
        if found:
            jit = found.group(1).startswith("jit")
            yield Build(os.path.basename(path), [host, path], os.path.join(lua.targets, "work.lua"),
                        (r"LuaJIT 2\.1\S*" if jit else found.group(1).replace(".", r"\.") + r"(\.\d+)?", re.escape(os.path.realpath(path)), "shared library"),
                        jit, ["dofile", "main chunk", "outer", "inner"])


def builds():
    """By default one of each kind: static and shared, old and new, and LuaJIT."""
    shared = list(libraries())
    if FULL:
        return [program(lua) for lua in interpreters()] + shared
    return ([program(lua) for lua in which() if lua.jit or lua.minor in ((5, 1), (5, 5))]
            + [build for build in shared if build.label.startswith("liblua5.4.so")])


# --- what is recorded: options, and what must then be so ---

def is_broken(frames):
    return is_marked([frame for frame in frames if not frame.name.startswith(MARKS + ("[C frames",)) and not is_native(frame)])


def whole(recording, build, least=5, allowed=()):
    """Most samples lie in the innermost function, whose callers are all there; none is broken."""
    stacks = recording.stacks
    total = sum(count for _, count in stacks)
    right = sum(count for frames, count in stacks if build.has_chain(frames))
    marked = sum(count for frames, count in stacks if is_broken(frames))
    marked -= sum(recording.json["errors"].get(cause, 0) for cause in allowed + build.allowed)
    expect(total >= least and right >= build.share * total, "%d of %d samples have the chain, e.g. %s" % (right, total, stacks[:2]))
    expect(marked <= 0.01 * total + 1, "%d of %d samples are marked: %s" % (marked, total, recording.json["errors"]))
    expect(recording.json["lost"] == 0, "%d lost" % recording.json["lost"])
    return stacks


def cpu(pid, *options, **more):
    return record("-p", pid, "-F", HERTZ, "-d", SECONDS, *options, **more)


def formats(build, pid):
    """All formats at once, which agree; --lines, both --root; and the rows of a report."""
    recording = cpu(pid, "--lines", "--root", "process,thread", "-o", "-", kinds=("scry", "folded", "svg", "txt", "json"))
    stacks = whole(recording, build)
    with open(recording.base + ".folded", "rb") as file:
        expect(recording.output == file.read(), "-o - and .folded differ")
    for frames, _ in stacks:
        expect(frames[0].name.endswith("(pid %d)" % pid) and frames[1].name.endswith("(tid %d)" % pid), frames[:3])
    if build.script:
        lines = {frame.line for frames, _ in stacks for frame in frames if frame.name == "inner"}
        expect(lines and lines <= set(lines_of("local function inner", "return x")), "lines of inner: %s" % sorted(lines))
    check_svg(recording.base + ".svg")
    check_text(recording.base + ".txt")
    leaf = build.chain[-1]
    for kind in ("svg", "txt"):
        with open("%s.%s" % (recording.base, kind), encoding="utf-8") as file:
            expect(leaf in file.read(), "no %s in .%s" % (leaf, kind))
    table = recording.json
    total = sum(count for _, count in stacks)
    rows = sum(row["self"] for row in table["functions"])
    expect(table["samples"] == total and (rows == total if build.script else 0 < rows <= total), "%d samples, %d in rows" % (total, rows))
    expect(any(row["function"].split(" (")[0] == leaf for row in table["functions"]), "no %s in .json" % leaf)
    for by, row in (("function", leaf), ("file", "work.lua"), ("line", "work.lua:"), ("thread", str(pid)), ("process", str(pid)),
                    ("reason", None), ("vmstate", "compiled code" if build.jit else "interpreter")):
        if not build.script and by in ("file", "line", "vmstate"):
            row = None
        done = subprocess.run([SCRY, "report", recording.base + ".scry", "--by", by], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        expect(row is None or done.returncode == 0 and row in done.stdout.decode(), "--by %s: %s" % (by, (done.stdout + done.stderr)[:600]))


def lines_of(first, last):
    with open(os.path.join(TOP, "tests", "targets", "lua", "work.lua")) as file:
        text = file.read().split("\n")
    start = next(i for i, line in enumerate(text) if first in line)
    return range(start + 1, next(i for i in range(start, len(text)) if last in text[i]) + 2)


def native(build, pid):
    """--native, --native=all --kernel: from the program's beginning to the function of C that runs; or it is said that it is not so."""
    for options in (("--native",), ("--native=all", "--kernel")):
        stacks = whole(cpu(pid, *options), build)
        total = sum(count for _, count in stacks)
        joined = sum(count for frames, count in stacks if any("(libc" in frame.name for frame in frames[:3]))
        apart = sum(count for frames, count in stacks if frames[0].name.startswith("[C frames"))
        expect(joined + apart > 0.98 * total, "%s: %d joined, %d apart of %d" % (options, joined, apart, total))
        if not build.jit and not build.label.startswith(("redis", "host-lua5.1", "sid+lua-lua5.1", "liblua5.1")):
            expect(joined > 0.95 * total, "%s: %d of %d joined, e.g. %s" % (options, joined, total, stacks[:1]))


def cut(build, pid):
    """--max-stack: the innermost frames, and it is said that there are more."""
    stacks = cpu(pid, "--max-stack", 2).stacks
    expect(stacks and all(len([frame for frame in frames if not frame.name.startswith(MARKS)]) <= 3 for frames, _ in stacks), stacks[:3])
    expect(any(frames[0].name == "[truncated]" for frames, _ in stacks), stacks[:3])


def waits(build, pid):
    """-e offcpu, -e wall: where it waits, and both add up to the time that has passed."""
    recording = record("-e", "offcpu", "--root", "reason", "--min-block", "10us", "-p", pid, "-d", SECONDS)
    waiting = sum(value for frames, value in recording.stacks if frames[0].name in ("[io]", "[poll]") and
                  (not build.script or {"waits", "read ([C])"} <= {frame.name for frame in frames}))
    expect(waiting > 0, "no wait: %s" % recording.stacks[:3])
    recording = record("-e", "wall", "-F", 999, "--root", "reason", "-p", pid, "-d", SECONDS)
    ran = sum(value for frames, value in recording.stacks if frames[0].name == "[running]" and build.has_chain(frames))
    mine = [row for row in recording.json["threads"] if row["tid"] == pid]
    # It adds up: of one thread, to what the recording lasted.
    expect(ran > 0 and len(mine) == 1 and mine[0]["wall_ns"] >= 0.7e9 * SECONDS, "%d ns in the chain, %s" % (ran, mine))


def threads(build, pid):
    """--tid, --comm: this thread by number and name, and nothing by others."""
    with open("/proc/%d/comm" % pid) as file:
        comm = file.read().strip()
    whole(cpu(pid, "--tid", pid, "--comm", comm[:3] + "*"), build)
    expect(record("-p", pid, "-F", 999, "-d", 0.1, "--comm", "no-such-*", status=None).json["samples"] == 0, "samples of no thread")


def machine(build, pid):
    """-a"""
    recording = record("-a", "-F", 999, "-d", SECONDS + 0.5)
    expect(any(row["pid"] == pid for row in recording.json["threads"]), "not in %s" % recording.json["threads"])
    expect(any(build.has_chain(frames) for frames, _ in recording.stacks), "no stack of it")


def cgroup(build, pid):
    """--cgroup"""
    mounts = [line.split() for line in open("/proc/self/mounts")]
    top = next((fields[1] for fields in mounts if fields[2] == "cgroup2"), None)
    if top is None:
        return
    folder = os.path.join(top, "scry-lua-%d" % pid)
    with open("/proc/%d/cgroup" % pid) as file:
        before = next(line.split("::")[1].strip() for line in file if "::" in line)
    try:
        os.mkdir(folder)
    except OSError:		# not ours to make
        return
    try:
        move(pid, folder)
        recording = record("--cgroup", folder, "-F", HERTZ, "-d", SECONDS)
        expect({row["pid"] for row in recording.json["threads"]} == {pid}, recording.json["threads"])
        whole(recording, build)
    finally:
        move(pid, top + before)
        os.rmdir(folder)


def move(pid, folder):
    with contextlib.suppress(ProcessLookupError), open(os.path.join(folder, "cgroup.procs"), "w") as file:
        file.write(str(pid))


def listed(build, pid):
    done = subprocess.run([SCRY, "list", str(pid)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    version, path, kind = build.listed
    said = done.stdout.decode()
    expect(done.returncode == 0 and re.search(r"^lua +%s +%s$" % (version, path), said, re.M) and kind in said, said)
    rows = json.loads(subprocess.run([SCRY, "list", "--json"], stdout=subprocess.PIPE, check=True).stdout.decode())
    mine = [row for row in rows if row["pid"] == pid]
    expect(len(mine) == 1 and mine[0]["runtime"] == "lua" and re.fullmatch(path, mine[0]["binary"]), mine)


ON_A_PROCESS = (listed, formats, native, cut, waits, threads, machine, cgroup)


# --- targets that only a program of ours can be ---

def several(build, pid):
    with Working(build) as other, Working(build) as third:
        recording = record("-p", "%d,%d" % (pid, other.pid), "-F", HERTZ, "-d", SECONDS)
        expect({row["pid"] for row in recording.json["threads"]} == {pid, other.pid}, "%s, not %d" % (recording.json["threads"], third.pid))
    whole(recording, build)


def started(build, pid):
    """-- CMD: from its first instruction to its end, and its output."""
    recording = record("-F", 999, "--", *build.command, build.script, SECONDS)
    # Where a script leads to it, or a program opens it, it is looked at once it is there.
    late = build.root or len(build.command) > 1
    # Before its first function, and after its last one, a program is outside Lua.
    outside = ("thread outside the interpreter",)
    whole(recording, build, allowed=outside + (("process not examined yet", "program without an interpreter") if late else ()))
    expect(b'"version"' in recording.output, recording.output)


def children(build, pid):
    """-p with --children: the program that it starts later, below its own pid, and itself."""
    if build.root:
        return		# there is no shell there
    child = " ".join([*build.command, build.script, str(SECONDS / 2), "</dev/null >/dev/null"])
    with Working(build, child, seconds=0, ticks=False) as parent:
        with Recorder("-p", parent.pid, "--children", "-F", 999) as recorder:
            parent.line()
            parent.process.stdin.close()
            recording = recorder.wait()
    pids = {row["pid"] for row in recording.json["threads"]}
    expect(pids - {parent.pid}, "no child in %s" % pids)
    # There is a shell between.
    whole(recording, build, allowed=("process not examined yet", "program without an interpreter", "thread outside the interpreter"))


def walk(build, pid, cases):
    """Run the cases, some at once; what went wrong in which."""
    wrong = []
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = {case.__name__: pool.submit(case, build, pid) for case in cases}
        for name, future in running.items():
            error = future.exception(timeout=10 * PATIENCE)
            if error:
                wrong.append("%s, %s: %s" % (build.label, name, error))
    return wrong


@test("none")
def lua_matrix():
    """scry list and record, with all targets, formats and options, on builds of Lua and LuaJIT, static and shared."""
    wrong, told = [], []

    def walk_all(build):
        start = time.monotonic()
        with Working(build) as target:
            wrong.extend(walk(build, target.pid, ON_A_PROCESS + (several, started, children)))
        told.append("%s %.1f s" % (build.label, time.monotonic() - start))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(walk_all, builds()))
    expect(not wrong, "\n".join(wrong)[:6000])
    return ", ".join(told)
