# SPDX-License-Identifier: GPL-2.0-only
"""Does nothing at all."""
import signal

from target import ready

ready()
signal.pause()
