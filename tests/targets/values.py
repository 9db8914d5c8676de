# -*- coding: utf-8 -*-
# SPDX-License-Identifier: GPL-2.0-only
"""Values of every kind, passed to functions and returned by them; it says what their repr() is."""
import collections
import sys
import time

import target

OLD = sys.version_info[0] == 2


class Point(object):
    def __init__(self):
        self.x, self.y = 1, "two"


class int_like(int):
    pass


def reordered():
    point = Point()
    del point.x
    point.x = 3
    return point.__dict__


def removed(container, *gone):
    for key in gone:
        container.pop(key) if isinstance(container, dict) else container.remove(key)
    return container


# What is shown; None: as repr() has it.
TABLE = [(value, None) for value in (
    None, True, False, 0, 1, -1, 255, 2**30 - 1, 2**30, -2**30, 2**31, 2**60 - 1, 2**60, 2**63 - 1, -2**63, 2**64 - 1, 1 - 2**64,
    0.0, -0.0, 1.0, 0.1, -2.5, 1e15, 1e16, 123456789012345678.0, 1e-4, 1e-5, 1.5e300, 5e-324, 1 / 3.0, float("inf"),
    float("-inf"), float("nan"), 9007199254740993.0, 2.0 ** 53 - 1,
    "", "text", "it's", 'say "so"', 'both \' and "', "back\\slash", "\t\n\r\0\x07\x7f", "x" * 64,
    b"", b"bytes", b"it's \xff\0\n", u"na\xefve", u"\u043c\u0438\u0440", u"\U0001f40d", u"a\u2028b\xadc\xa0", u"\u043c\x07\u2029",
    u"\xe9" * 64,
    [], [1], [1, "two", 3.0, None], (), (1,), (1, 2), {}, {"a": 1}, {1: "one", 2: "two"}, {(1, 2): [3]}, [[], (), {}],
    [[1, 2], (3,)], set(), set([1]), set(["a"]), frozenset(), frozenset([7]), removed(set([1, 2, 3]), 2) if not OLD else None,
    removed({1: 2, 3: 4, 5: 6}, 1), Point().__dict__, reordered(), {"k": {"l": 1}})]
TABLE += [
    (2**64, "<int of 65 bits>"), (-2**132, "<int of 133 bits>"), (10**100, "<int of 333 bits>"),
    ("x" * 65, "'" + "x" * 64 + "'..."), (b"y" * 1000, ("" if OLD else "b") + "'" + "y" * 64 + "'..."),
    ([0] * 100, "[0, 0, 0, 0, ... 100 items]"), ((1, 2, 3, 4, 5), "(1, 2, 3, 4, ... 5 items)"),
    ([[[1]]], "[[[... 1 items]]]"), ([[[]]], "[[[]]]"),
    (Point(), "<Point>"), (int_like(3), "<int_like>"), (Point, "<type>"), (collections.OrderedDict(), "<OrderedDict>"),
    (target.ready, "<function>"), (sys, "<module>"), (1j, "<complex>"),
]


def same(number, value):
    return value


def kept(number, value):
    def inner():
        return value
    return inner()


def several(number, value, *rest, **more):
    return value


def yielding(number, value):
    yield value


def defaulted(number=-1, value=None, last=()):
    return value


def main():
    shown = [repr(value) if text is None else text for value, text in TABLE]
    target.ready(shown=shown)
    while not target.stop:
        for number, (value, _) in enumerate(TABLE):
            same(number, value)
            kept(number, value)
            several(number, value, value, key=value)
            list(yielding(number, value))
            defaulted(number, value=value)
            time.sleep(0.0005)


main()
