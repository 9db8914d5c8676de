# SPDX-License-Identifier: GPL-2.0-only
"""Calls that only Python 3 has: coroutines, yield from. For calls.py."""
import asyncio


def coroutines(counter, rounds):
    tick = {name: counter(name) for name in "delegate part task step failing asleep many".split()}

    def part(n):
        tick["part"]()
        for i in range(n):
            yield i
        return n

    def delegate(n):
        tick["delegate"]()
        got = yield from part(n)
        return got

    async def step(x):
        tick["step"]()
        return x

    async def asleep(x):
        tick["asleep"]()
        await asyncio.sleep(0)
        return await step(x)

    async def failing(x):
        tick["failing"]()
        await asleep(x)
        raise ValueError

    async def task(n):
        tick["task"]()
        for i in range(n):
            await asleep(i)
        try:
            await failing(n)
        except ValueError:
            await step(n)

    async def many():
        tick["many"]()
        await asyncio.gather(*[task(3) for _ in range(rounds)])

    for i in range(rounds):
        list(delegate(4))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(many())
    loop.close()
