# SPDX-License-Identifier: GPL-2.0-only
"""Work in a C++ library.   ARGUMENT: the library made of cxxwork.cc"""
import ctypes

from target import argument, ready, stop

library = ctypes.CDLL(argument(1, ""))
library.relax.restype = ctypes.c_double


def calls_cxx():
    return library.relax(2000)


ready()
while not stop:
    calls_cxx()
