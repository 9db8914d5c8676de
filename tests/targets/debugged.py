# SPDX-License-Identifier: GPL-2.0-only
"""Spends its time in functions of stripped libraries, whose names only debug files have.   python debugged.py SECONDS LIBRARY..."""
import ctypes
import sys

from target import ready, stop


def burn(functions):
    while not stop:
        for function in functions:
            function(200000)


def main():
    functions = [ctypes.CDLL(path).enter for path in sys.argv[2:]]
    ready()
    burn(functions)


main()
