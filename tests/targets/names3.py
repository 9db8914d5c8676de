# SPDX-License-Identifier: GPL-2.0-only
"""Of names.py: what 2.7 has no syntax for. Names that need one, two and four bytes a character."""


def größe(burn):
    burn()


def имя_функции(burn):
    burn()


def 𐌰𐌱𐌲(burn):
    burn()


class Größe:
    def 測定(self, burn):
        burn()


def keyword_only(*, burn):
    burn()


def delegating(burn):
    yield from (burn() for _ in "a")


async def coroutine(burn):
    burn()
    return 1


async def awaiting(burn):
    burn()
    await coroutine(burn)


def every(burn):
    größe(burn)
    имя_функции(burn)
    𐌰𐌱𐌲(burn)
    Größe().測定(burn)
    keyword_only(burn=burn)
    list(delegating(burn))
    try:
        awaiting(burn).send(None)
    except StopIteration:
        pass
    exec(compile("def ähnlich():\n    burn()\nähnlich()", "pfad/größe/имя/𐌰.py", "exec"), {"burn": burn})
