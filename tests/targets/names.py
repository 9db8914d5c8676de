# SPDX-License-Identifier: GPL-2.0-only
"""Burns CPU in code of every shape. Each place notes its own stack, as the interpreter sees it, before it burns:
every sample must be one of these stacks, or the beginning of one."""
import functools
import sys

from target import finish, name_of, ready, stop

ROUND = 3000
noted = set()


def note():
    frame, stack = sys._getframe(1), []
    while frame is not None:
        code = frame.f_code
        stack.append((name_of(code), code.co_filename, code.co_firstlineno, frame.f_lineno))
        frame = frame.f_back
    noted.add(tuple(reversed(stack)))


def burn(n=ROUND):
    while n: n -= 1
    note()


def plain():
    n = ROUND
    while n: n -= 1
    note()


def outer():
    def inner():
        n = ROUND

        def innermost():
            n = ROUND
            while n: n -= 1
            note()
        innermost()
        while n: n -= 1
        note()
    inner()


def decorate(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)
    return wrapper


class Shape(object):
    def method(self):
        burn()

    @classmethod
    def of_class(cls):
        burn()

    @staticmethod
    def static():
        burn()

    @property
    def area(self):
        burn()
        return 1

    @decorate
    def decorated(self):
        burn()

    def __call__(self):
        burn()

    def __getattr__(self, name):
        burn()
        return name

    def __lt__(self, other):
        burn()
        return False

    class Nested(object):
        def method(self):
            burn()


def generator():
    burn()
    yield 1
    n = ROUND
    while n: n -= 1
    note()
    yield 2


def comprehensions():
    [burn() for _ in "a"]
    dict((burn(), 1) for _ in "b")
    {burn() for _ in "c"}
    {1: burn() for _ in "d"}


def class_body():
    class Built(object):
        burn()
    return Built


def callbacks():
    sorted([Shape(), Shape()])
    list(map(lambda _: burn(), "a"))
    functools.reduce(lambda a, b: burn(), "abc")
    (lambda: burn())()


def with_default(argument=lambda: burn()):
    argument()


def raising():
    try:
        raise ValueError(burn())
    except ValueError:
        burn()
    finally:
        burn()


def evaluated():
    eval("burn()")
    exec(compile("\n\ndef of_string():\n    burn()\nof_string()", "a folder/of string.py", "exec"), {"burn": burn})


def many_lines():
    burn(
        ROUND
    )
    (burn(),

     burn())


def main(extra):
    shape = Shape()
    ready()
    while not stop:
        plain()
        outer()
        shape.method()
        Shape.of_class()
        shape.static()
        shape.area
        shape.decorated()
        shape()
        shape.missing
        Shape.Nested().method()
        list(generator())
        comprehensions()
        class_body()
        callbacks()
        with_default()
        raising()
        evaluated()
        many_lines()
        extra()
    finish(stacks=sorted(noted))


if sys.version_info[0] == 2:
    main(plain)
else:
    import names3
    main(functools.partial(names3.every, burn))
