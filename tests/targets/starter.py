# SPDX-License-Identifier: GPL-2.0-only
"""At SIGUSR1 runs first.py three times, each a program of its own."""
import os
import sys

from target import finish_and_stay, wait_for_go

wait_for_go()
script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "first.py")
statuses = [os.spawnv(os.P_WAIT, sys.executable, [sys.executable, script]) for _ in range(3)]
finish_and_stay(statuses=statuses)
