# SPDX-License-Identifier: GPL-2.0-only
"""Raises exceptions when it gets SIGUSR1, and says which, where."""
import sys

from target import finish_and_stay, name_of, wait_for_go

raised = []


class Own(Exception):
    pass


def note(kind, message):
    frame = sys._getframe(1)
    raised.append([kind, message, name_of(frame.f_code), frame.f_lineno])


def note_old():
    """In 2.7 importing fails in the frame that imports, later in importlib."""
    if sys.version_info < (3,):
        frame = sys._getframe(1)
        raised.append(["ImportError", None, name_of(frame.f_code), frame.f_lineno])


def plain(n):
    note("ValueError", "number %d" % n); raise ValueError("number %d" % n)


def own():
    note("Own", "a 'quoted' one"); raise Own("a 'quoted' one")


def silent():
    note("RuntimeError", None); raise RuntimeError


def from_c(n):
    note("ValueError", None); int("no number %d" % n)


def again():
    try:
        own()
    except Own:
        raise		# is no new one


def imports():
    try:
        note_old(); import no_such_module
    except ImportError:
        pass


def imports_again():
    """The same, passing another frame."""
    try:
        imports_too()
    except ImportError:
        pass


def imports_too():
    note_old(); import no_such_module.of_this_name


class Thing(object):
    def method(self):
        note("KeyError", "key"); raise KeyError("key")


def through():
    again()


def main():
    wait_for_go()
    for n in range(20):
        imports()
        imports_again()
    for n in range(20):
        for function in (lambda: plain(n), through, silent, Thing().method, lambda: from_c(n)):
            try:
                function()
            except Exception:
                pass
    finish_and_stay(raised=raised)


main()
