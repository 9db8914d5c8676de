# SPDX-License-Identifier: GPL-2.0-only
"""At SIGUSR1: calls of many kinds within each other. Says which, in their order, and below how many others each is, by its own frames."""
import functools
import sys

from target import finish_and_stay, wait_for_go

nested = []


def here(name):
    frame, depth = sys._getframe(1), 0
    while frame.f_code is not work.__code__:
        frame, depth = frame.f_back, depth + 1
    nested.append([name, depth])
    nested.append(["here", depth + 1])


class Base(object):
    def __init__(self):
        here("__init__")
        leaf()


class Thing(Base):
    def __init__(self):
        here("__init__")
        super(Thing, self).__init__()
        self.kept = [Base(), leaf()]

    @property
    def prop(self):
        here("prop")
        return leaf()

    def __call__(self):
        here("__call__")
        return self.prop

    def __getitem__(self, key):
        here("__getitem__")
        return leaf()


def leaf():
    here("leaf")


def fall(n):
    here("fall")
    return fall(n - 1) if n else leaf()


def generator(n):
    here("generator")
    for i in range(n):
        leaf()
        yield i


def outer_generator(n):
    here("outer_generator")
    for i in generator(n):
        yield i
        leaf()


def fails():
    here("fails")
    raise ValueError


def catches():
    here("catches")
    try:
        through()
    except ValueError:
        leaf()
    leaf()


def through():
    here("through")
    fails()


def key(x):
    here("key")
    leaf()
    return x


def drops():
    here("drops")
    g = generator(2)
    next(g)
    del g
    leaf()


def work():
    here("work")
    for _ in range(20):
        thing = Thing()
        thing()
        thing[1]
        fall(5)
        list(outer_generator(2))
        for _ in generator(2):
            leaf()
        catches()
        sorted([2, 1], key=key)
        functools.partial(key, 1)()
        drops()
        leaf()


def main():
    wait_for_go()
    work()
    finish_and_stay(nested=nested)


main()
