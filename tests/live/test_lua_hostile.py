# SPDX-License-Identifier: GPL-2.0-only
"""Lua whose memory is corrupt, and files that only look like Lua: scry ends in time, and says what it could not read."""
import os
import random
import re
import subprocess

from live import FULL, PATIENCE, SCRATCH, SCRY, TOP, Skip, expect, read_line, record, test
from test_hostile import check_svg, check_text

# What the samples must say; "": those frames that are there are shown.
KINDS = {"self": "frame list is cyclic", "cycle": "frame list is cyclic", "wild": "frame without a valid code object",
         "random": "frame without a valid code object", "closure": "frame without a valid code object",
         "code": "", "sizes": "frame without a valid code object", "string": "", "many": ""}
MAPPER = """
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	mmap(0, 1 << 20, PROT_READ | PROT_EXEC, MAP_PRIVATE, open(argv[1], O_RDONLY), 0);
	puts("ready");
	fflush(stdout);
	for (volatile long i = 0; ; i++)
		;
}
"""


def compiled(name, source, *options):
    program = os.path.join(SCRATCH, name)
    done = subprocess.run(["gcc", "-O1", "-w", "-o", program, *source, *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Skip("gcc: %s" % done.stdout.decode()[-200:])
    return program


@test("none")
def lua_corrupt():
    """Calls that go in circles or lead nowhere, functions of random bytes or of endless size, names of 1 GiB with control characters,
    hundreds of states that say that they run."""
    if not os.path.exists("/usr/include/lua5.4/lua.h"):
        raise Skip("no /usr/include/lua5.4/lua.h")
    program = compiled("corrupt-lua", [os.path.join(TOP, "tests", "targets", "lua", "corrupt.c")], "-I/usr/include/lua5.4", "-llua5.4")
    told = []
    for kind, cause in KINDS.items():
        with subprocess.Popen([program, kind], stdout=subprocess.PIPE, bufsize=0) as target:
            try:
                read_line(target.stdout, kind, "corrupt")
                recording = record("-p", target.pid, "-F", 4999, "-d", 3 if FULL else 0.4, patience=PATIENCE,
                                   kinds=("folded", "json", "svg", "txt"))
                expect(target.poll() is None, "%s: the target died" % kind)
            finally:
                target.kill()
        check_svg(recording.base + ".svg")
        check_text(recording.base + ".folded")
        check_text(recording.base + ".txt")
        table = recording.json
        errors = table["errors"]
        expect(table["samples"] > 20, "%s: only %d samples" % (kind, table["samples"]))
        if cause:
            expect(errors.get(cause, 0) > 0.9 * table["samples"], "%s: of %d samples: %s" % (kind, table["samples"], errors))
        else:
            names = ";".join(frame.name for frames, _ in recording.stacks for frame in frames)
            expect("spin" in names and "inner" in names, "%s: %s, %s" % (kind, names[:300], errors))
        told.append("%s: %s" % (kind, ", ".join(errors) or "shown"))
    return "; ".join(told)


def library():
    folder = "/usr/lib/%s-linux-gnu" % os.uname().machine
    names = sorted(name for name in (os.listdir(folder) if os.path.isdir(folder) else ()) if re.fullmatch(r"liblua.*5\.[1-5]\.so\.\d", name))
    if not names:
        raise Skip("no liblua5.*.so in " + folder)
    return [os.path.join(folder, name) for name in names]


def broken_files(count):
    """Files of random bytes, the beginnings of libraries, and libraries of which bytes are changed."""
    chance = random.Random(7)
    yield "random", bytes(chance.getrandbits(8) for _ in range(100000))
    yield "empty", b""
    yield "header", b"\x7fELF\x02\x01\x01" + bytes(chance.getrandbits(8) for _ in range(5000))
    for path in library():
        with open(path, "rb") as file:
            whole = file.read()
        for size in (64, 1000, 4096, len(whole) // 2, len(whole) - 100):
            yield "%d bytes of %s" % (size, os.path.basename(path)), whole[:size]
        for _ in range(count):
            changed = bytearray(whole)
            for _ in range(chance.randrange(1, 40)):
                # the header and the tables that it leads to, or anywhere
                at = chance.randrange(1024) if chance.random() < 0.5 else chance.randrange(len(changed))
                changed[at] = chance.getrandbits(8)
            yield "changed " + os.path.basename(path), bytes(changed)


@test("none")
def lua_broken_libraries():
    """Files named like Lua's library that are none, or the half of one: a clear line."""
    with open(os.path.join(SCRATCH, "mapper.c"), "w") as file:
        file.write(MAPPER)
    program, said, known = compiled("mapper", [file.name]), set(), 0
    path = os.path.join(SCRATCH, "liblua5.4.so.0")
    for number, (what, content) in enumerate(broken_files(100 if FULL else 8)):
        if os.path.exists(path):
            os.unlink(path)
        with open(path, "wb") as file:
            file.write(content)
        with subprocess.Popen([program, path], stdout=subprocess.PIPE, bufsize=0) as target:
            try:
                read_line(target.stdout, what, "ready")
                listed = subprocess.run([SCRY, "list", str(target.pid)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
                expect(listed.returncode in (0, 1) and listed.stdout, "%s: list: status %d, %r" % (what, listed.returncode, listed.stdout))
                known += listed.returncode == 0
                said.add(re.sub(r"\d+", "N", listed.stdout.decode("utf-8", "replace").split("\n")[0])[:60])
                if number % 6 == 0:
                    done = subprocess.run([SCRY, "record", "-p", str(target.pid), "-d", "0.2", "-q", "-o", path + ".folded"],
                                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
                    expect(done.returncode in (0, 1), "%s: record: status %d, %r" % (what, done.returncode, done.stdout))
                    expect(done.returncode == 0 or done.stdout.startswith(b"scry: "), "%s: %r" % (what, done.stdout))
                expect(target.poll() is None, "%s: the target died" % what)
            finally:
                target.kill()
    return "%d files, %d taken for Lua; said: %s" % (number + 1, known, " | ".join(sorted(said))[:200])
