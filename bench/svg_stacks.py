#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Folded stacks to measure flame graph writers with: svg_stacks.py KIND COUNT DEPTH, to stdout.

KIND: branching  stacks of a program: calls branch 4:2:1:1 at each level, from a fixed set of functions, unsorted
      sorted     the same, sorted as the tools that fold stacks write them
      apart      stacks that share no frame at all
The same arguments give the same bytes.
"""
import random
import sys

FUNCTIONS = 20_000
CHOICE = (0, 0, 0, 0, 1, 1, 2, 3)


def name(i):
    return f"package{i % 17}.Class{i % 401}.method_{i:05d} (package{i % 17}/module{i % 401}.py:{i % 977})"


def branching(count, depth):
    names = [name(i) for i in range(FUNCTIONS)]
    rng = random.Random(1)
    for n in range(count):
        bits, at, frames = rng.getrandbits(3 * depth), 1, []
        for _ in range(depth):
            at = (at * 2654435761 + CHOICE[bits & 7] * 40503 + 7) % 4294967291
            bits >>= 3
            frames.append(names[at % FUNCTIONS])
        yield f"{';'.join(frames)} {1 + n % 3}\n"


def apart(count, depth):
    for n in range(count):
        yield ";".join(f"package{n}.method_{n}_{d} (package{n}/m.py:{d})" for d in range(depth)) + " 1\n"


def main():
    kind, count, depth = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    lines = {"branching": branching, "apart": apart, "sorted": lambda c, d: sorted(branching(c, d))}[kind](count, depth)
    sys.stdout.writelines(lines)


if __name__ == "__main__":
    main()
