# SPDX-License-Identifier: GPL-2.0-only
"""Two chains of generators, suspended and resumed in turn: a stack with functions of both cannot be."""
from target import ready, stop

DEPTH = 8
chains = {}
for letter in "ab":
    for level in range(DEPTH):
        values = "(1, 2)" if level == DEPTH - 1 else "%s%d()" % (letter, level + 1)
        source = "\n" * level + "def %s%d():\n\tfor value in %s: yield value" % (letter, level, values)
        exec(compile(source, letter + ".py", "exec"), chains)
a0, b0 = chains["a0"], chains["b0"]


def main():
    ready(depth=DEPTH)
    while not stop:
        a, b = a0(), b0()
        next(a), next(b), next(a), next(b)
        del a, b


main()
