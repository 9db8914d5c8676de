# SPDX-License-Identifier: GPL-2.0-only
"""Imports asyncio when it gets SIGUSR1, and marks on stderr where that begins and ends."""
import sys

from target import finish_and_stay, wait_for_go

wait_for_go()
sys.stderr.write("begin\n")
sys.stderr.flush()
import asyncio
import xml.dom.minidom
try:
    import no_such_module
except ImportError:
    pass
sys.stderr.write("end\n")
sys.stderr.flush()
finish_and_stay(modules=sorted(name for name, module in sys.modules.items() if module))
