# SPDX-License-Identifier: GPL-2.0-only
"""Compiles code, runs it and drops it, so that code objects come and go at the same addresses. A function's name says
which file and which line it belongs to: f_FILE_LINE. Lines repeat, so that many begin alike."""
from target import ready, stop

SOURCE = "%sdef f_%06d_%d():\n n = 2000\n while n: n -= 1\nf_%06d_%d()"


def run(serial):
    line = 1 + serial % 7
    source = SOURCE % ("\n" * (line - 1), serial, line, serial, line)
    exec(compile(source, "gen_%06d.py" % serial, "exec"), {})


def main():
    serial = 0
    ready()
    while not stop:
        serial = (serial + 1) % 1000000
        run(serial)


main()
