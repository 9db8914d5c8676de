# SPDX-License-Identifier: GPL-2.0-only
"""Functions that are left by exceptions in many ways when it gets SIGUSR1. Each has one caller only."""
from target import finish_and_stay, wait_for_go

ROUNDS = 50


def leaf1():
    raise ValueError


def mid1():
    leaf1()


def top1():
    try:
        mid1()
    except ValueError:
        pass


def key2(value):
    raise ValueError(value)


def mid2():
    sorted([3, 1, 2], key=key2)


def top2():
    try:
        mid2()
    except ValueError:
        pass


class Without3(object):
    def __getattr__(self, name):
        raise AttributeError(name)


without3 = Without3()


def top3():
    hasattr(without3, "this")


def gen4():
    yield 1
    raise ValueError


def mid4():
    for _ in gen4():
        pass


def top4():
    try:
        mid4()
    except ValueError:
        pass


def leaf5():
    raise ValueError


def after5():
    pass


def mid5():
    try:
        leaf5()
    finally:
        after5()


def top5():
    try:
        mid5()
    except ValueError:
        pass


def down6(n):
    if not n:
        raise ValueError
    down6(n - 1)


def top6():
    try:
        down6(20)
    except ValueError:
        after6()


def after6():
    pass


class Iterator7(object):
    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration

    next = __next__


iterator7 = Iterator7()


def top7():
    for _ in iterator7:
        pass


def gen8():
    try:
        yield 1
    finally:
        after8()


def after8():
    pass


def top8():
    generator = gen8()
    next(generator)
    generator.close()


class Exit9(object):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return True


exit9 = Exit9()


def leaf9():
    raise ValueError


def top9():
    with exit9:
        leaf9()


def work():
    top1()
    top2()
    top3()
    top4()
    top5()
    top6()
    top7()
    top8()
    top9()


def main():
    wait_for_go()
    for _ in range(ROUNDS):
        work()
    finish_and_stay(rounds=ROUNDS)


main()
