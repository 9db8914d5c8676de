# SPDX-License-Identifier: GPL-2.0-only
"""As callers.py, with generators and coroutines that run one another. Into which frame an exception is thrown, and who calls it
then, is not the same in all versions: says what the interpreter says."""
import sys

from target import finish_and_stay, wait_for_go

ROUNDS = 50
chains = {}


def note():
    frame, chain = sys._getframe(1), []
    while frame:
        chain.append([frame.f_code.co_name, frame.f_lineno])
        frame = frame.f_back
    chains[chain[0][0]] = chain


def inner1():
    try:
        yield 1
    except ValueError:
        after1()
        raise


def after1():
    note()


def outer1():
    yield from inner1()


def top1():
    generator = outer1()
    next(generator)
    try:
        generator.throw(ValueError())
    except ValueError:
        pass


def inner2():
    yield 1
    raise ValueError


def middle2():
    yield from inner2()


def outer2():
    yield from middle2()


def top2():
    try:
        for _ in outer2():
            pass
    except ValueError:
        pass


class Waits3(object):
    def __await__(self):
        yield 1


waits3 = Waits3()


async def leaf3():
    await waits3
    raise ValueError


async def middle3():
    await leaf3()


async def outer3():
    await middle3()


def top3():
    coroutine = outer3()
    coroutine.send(None)
    try:
        coroutine.send(None)
    except ValueError:
        pass


async def leaf4():
    try:
        await waits3
    except ValueError:
        after4()
        raise


def after4():
    note()


async def middle4():
    await leaf4()


def top4():
    coroutine = middle4()
    coroutine.send(None)
    try:
        coroutine.throw(ValueError())
    except ValueError:
        pass


def inner5():
    try:
        yield 1
    finally:
        after5()


def after5():
    note()


def outer5():
    yield from inner5()


def top5():
    generator = outer5()
    next(generator)
    generator.close()


def work():
    top1()
    top2()
    top3()
    top4()
    top5()


def main():
    wait_for_go()
    for _ in range(ROUNDS):
        work()
    finish_and_stay(rounds=ROUNDS, chains=chains)


main()
