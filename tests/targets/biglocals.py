# SPDX-License-Identifier: GPL-2.0-only
"""Functions with 1,800 local variables each: frames that are far apart in memory."""
from target import ready, stop

LOCALS = 1800
functions = {}
for level in range(5):
    body = "\n".join(" v%d = %d" % (i, i) for i in range(LOCALS))
    last = "\n n = 200000\n while n: n -= 1" if level == 4 else "\n big%d()" % (level + 1)
    exec(compile("\n" * level + "def big%d():\n%s%s" % (level, body, last), "big.py", "exec"), functions)
big0 = functions["big0"]


def main():
    ready(depth=5)
    while not stop:
        big0()


main()
