# SPDX-License-Identifier: GPL-2.0-only
"""Calls that fail because the recursion is too deep already: the last one never begins. Counts by itself how many did."""
import sys

from target import finish_and_stay, wait_for_go

begun = {"endless": 0, "again": 0, "work": 0}


def endless():
    begun["endless"] += 1
    endless()


def again():
    begun["again"] += 1


def work():
    begun["work"] += 1
    try:
        endless()
    except RuntimeError:	# RecursionError, where there is one
        again()
    again()


sys.setrecursionlimit(400)
wait_for_go()
for _ in range(5):
    work()
finish_and_stay(**begun)
