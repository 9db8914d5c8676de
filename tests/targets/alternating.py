# SPDX-License-Identifier: GPL-2.0-only
"""Two call chains that alternate as fast as they can: a stack with functions of both cannot be."""
from target import ready, stop

DEPTH = 12
chains = {}
for letter in "ab":
    for level in range(DEPTH):
        call = "pass" if level == DEPTH - 1 else "%s%d()" % (letter, level + 1)
        exec(compile("\n" * level + "def %s%d(): %s" % (letter, level, call), letter + ".py", "exec"), chains)
a0, b0 = chains["a0"], chains["b0"]


def main():
    ready(depth=DEPTH)
    while not stop:
        a0()
        b0()


main()
