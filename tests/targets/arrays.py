# SPDX-License-Identifier: GPL-2.0-only
"""Functions that spend their time in numpy's C and in the libraries below it."""
import numpy

from target import ready, stop

numbers = numpy.random.RandomState(1).rand(100000)
matrix = numbers[:90000].reshape(300, 300)


def work_sort():
    numpy.sort(numbers)


def work_sine():
    numpy.sin(numbers).sum()


def work_dot():
    matrix.dot(matrix)


def double(x):
    return x * 2


def work_apply():
    numpy.frompyfunc(double, 1, 1)(numbers[:2000])


ready()
while not stop:
    for work in (work_sort, work_sine, work_dot, work_apply):
        work()
