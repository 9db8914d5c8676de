# SPDX-License-Identifier: GPL-2.0-only
"""Calls of every kind, each function counting itself by a C function on its first line.   python calls.py SECONDS [ROUNDS]

Works when it gets SIGUSR1, and says how often each was called."""
import functools
import itertools
import sys
import threading

from target import argument, finish_and_stay, wait_for_go

ROUNDS = argument(1, 20)
counters = {}


def counter(name):
    """A C function; each call of it adds one."""
    count = counters.setdefault(name, itertools.count())
    return functools.partial(next, count)


tick = {}
for name in (
    "leaf mid outer fall down generator deep echo prop setter <lambda> key callback __del__ "
    "__init__ __new__ __call__ __getattr__ __eq__ __iter__ __next__ wrapper wrapped boom through2 through1 catcher reraised "
    "swallow finally_ work <genexpr> dropped __enter__ __exit__ flat failing_key after "
    "failing_gen eats_gen tower burst").split():
    tick[name] = counter(name)


def leaf(x):
    tick["leaf"]()
    return x


def mid(x):
    tick["mid"]()
    return leaf(x) + leaf(x)


def outer(x):
    tick["outer"]()
    return mid(x) + mid(x)


def fall(n):
    tick["fall"]()
    return fall(n - 1) if n else 0


def down(n):
    tick["down"]()
    if n:
        down(n - 1)
    else:
        raise KeyError(n)


def generator(n):
    tick["generator"]()
    for i in range(n):
        yield i


def deep(n):
    tick["deep"]()
    if n:
        for x in deep(n - 1):
            yield x
    yield n


def tower(n):
    """Recursion through C: map() in a list() in a call."""
    tick["tower"]()
    return list(map(tower, [n - 1])) if n else []


def echo():
    tick["echo"]()
    got = None
    while True:
        try:
            got = yield got
        except ValueError:
            got = "caught"


def dropped():
    tick["dropped"]()
    yield 1
    yield 2


def failing_gen():
    tick["failing_gen"]()
    yield 1
    raise IndexError


def eats_gen():
    tick["eats_gen"]()
    try:
        for _ in failing_gen():
            leaf(1)
    except IndexError:
        leaf(2)


class Thing(object):
    def __new__(cls, value):
        tick["__new__"]()
        return object.__new__(cls)

    def __init__(self, value):
        tick["__init__"]()
        self.value = value

    @property
    def prop(self):
        tick["prop"]()
        return self.value

    def setter(self, value):
        tick["setter"]()
        self.value = value

    prop = prop.setter(setter)

    def __call__(self, x):
        tick["__call__"]()
        return leaf(x)

    def __getattr__(self, name):
        tick["__getattr__"]()
        raise AttributeError(name)

    def __eq__(self, other):
        tick["__eq__"]()
        return self.value == other.value

    __hash__ = None

    def __iter__(self):
        tick["__iter__"]()
        return Steps()

    def __enter__(self):
        tick["__enter__"]()
        return self

    def __exit__(self, *exception):
        tick["__exit__"]()
        return True

    def __del__(self):
        tick["__del__"]()


class Steps(object):
    left = 3

    def __next__(self):
        tick["__next__"]()
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return self.left

    next = __next__


def decorated(function):
    def wrapper(*args, **kwargs):
        tick["wrapper"]()
        return function(*args, **kwargs)
    return wrapper


@decorated
@decorated
def wrapped(a, b=2, *rest, **more):
    tick["wrapped"]()
    return a


def boom():
    tick["boom"]()
    raise ValueError("bad")


def through1():
    tick["through1"]()
    boom()


def through2():
    tick["through2"]()
    through1()


def catcher():
    tick["catcher"]()
    try:
        through2()
    except ValueError:
        leaf(0)
    try:
        through2()
    except ValueError:
        pass


def finally_():
    tick["finally_"]()
    try:
        boom()
    finally:
        leaf(0)


def reraised():
    tick["reraised"]()
    try:
        finally_()
    except ValueError:
        raise KeyError


def swallow():
    tick["swallow"]()
    try:
        reraised()
    except KeyError:
        leaf(0)
    try:
        down(5)
    except KeyError:
        pass


def key(x):
    tick["key"]()
    return -x


def failing_key(x):
    tick["failing_key"]()
    if x == 2:
        boom()
    return x


def callback(match):
    tick["callback"]()
    return leaf("x")


def flat(n):
    tick["flat"]()
    return [leaf(i) for i in range(n)]


def after():
    tick["after"]()
    return leaf(1)


def generators():
    list(generator(3))
    sum(generator(5))
    for _ in generator(2):
        leaf(1)
    list(deep(10))
    g = echo()
    next(g)
    g.send(1)
    g.throw(ValueError())
    g.send(2)
    g.close()
    g = dropped()
    next(g)
    del g
    dropped()		# its body never begins
    eats_gen()
    any((tick["<genexpr>"]() if not x else 0, leaf(x))[1] for x in [0, 1, 2])
    (leaf(x) for x in [])		# its body never begins


def objects():
    thing = Thing(1)
    thing.prop = thing.prop + 1
    thing(3)
    thing == Thing(2)
    hasattr(thing, "nothing")
    list(thing)
    with thing:
        through1()
    with thing:
        pass


def from_c():
    import re
    sorted([3, 1, 2], key=key)
    sorted([3, 1, 2], key=lambda x: (tick["<lambda>"](), leaf(x))[1])
    re.sub("a", callback, "banana")
    list(map(leaf, [1, 2]))
    functools.partial(mid, 1)()
    try:
        sorted([1, 2, 3], key=failing_key)
    except ValueError:
        after()
    tower(20)


def work():
    tick["work"]()
    for i in range(ROUNDS):
        outer(i)
        fall(8)
        generators()
        objects()
        from_c()
        catcher()
        swallow()
        wrapped(1)
        flat(3)
    fall(500)
    list(deep(300))
    try:
        down(400)
    except KeyError:
        pass


def burst():
    tick["burst"]()
    for i in range(200):
        leaf(i)
        try:
            through2()
        except ValueError:
            pass
        list(generator(2))


def main():
    sys.setrecursionlimit(3000)
    wait_for_go()
    work()
    if sys.version_info >= (3, 5):
        import calls3
        calls3.coroutines(counter, ROUNDS)
    threads = [threading.Thread(target=burst) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    truth = {}
    for name in counters:
        truth[name] = next(counters[name])
    finish_and_stay(**truth)


main()
