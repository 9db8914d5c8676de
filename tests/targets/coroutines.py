# SPDX-License-Identifier: GPL-2.0-only
"""Three tasks, each a chain of coroutines with a letter of its own, that take turns."""
import asyncio

from target import ready, stop


async def a0():
    while not stop:
        await a1()


async def a1():
    await a2(200)


async def a2(n):
    while n: n -= 1
    await asyncio.sleep(0)


async def b0():
    while not stop:
        await b1()


async def b1():
    await b2(200)


async def b2(n):
    while n: n -= 1
    await asyncio.sleep(0)


async def c0():
    while not stop:
        async for _ in c1():
            pass


async def c1():
    yield await c2(200)


async def c2(n):
    while n: n -= 1
    await asyncio.sleep(0)


async def main():
    await asyncio.gather(a0(), b0(), c0())


ready()
loop = asyncio.new_event_loop()
loop.run_until_complete(main())
