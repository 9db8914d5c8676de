# SPDX-License-Identifier: GPL-2.0-only
"""What live tests of Lua are made of: its interpreters, and targets written in it."""
import functools
import os
import shutil
import subprocess
import threading

import live
from live import SCRATCH, TOP, Skip, Target

preparing = threading.Lock()


class Lua:
    def __init__(self, line):
        self.label, self.path, version, flags = line.split()
        self.minor = tuple(int(part) for part in version.split(".")[:2])
        self.flags = set(flags.split(","))
        self.jit = "jit" in self.flags
        self.root = next((flag[5:] for flag in self.flags if flag.startswith("root=")), "")
        self.targets = os.path.join(SCRATCH, "targets-lua")
        inside = self.root + self.targets
        if not os.path.isdir(inside):
            shutil.copytree(os.path.join(TOP, "tests", "targets", "lua"), inside)
        live.roots.add(self.root)


@functools.lru_cache(None)
def all_interpreters():
    command = [os.path.join(TOP, "tests", "interpreters"), "--lua"] + (["--list"] if os.environ.get("SCRY_OFFLINE") == "1" else [])
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()
    return [Lua(line) for line in output.splitlines()]


def interpreters():
    with preparing: # tests run at once, and the targets are copied once
        return all_interpreters()


def few():
    """One of each minor version, those of the host first."""
    chosen = {}
    for lua in sorted(interpreters(), key=lambda lua: ("host" not in lua.flags, lua.label)):
        chosen.setdefault((lua.minor, lua.jit), lua)
    if not chosen:
        raise Skip("there is no Lua here")
    return [chosen[kind] for kind in sorted(chosen)]


def which():
    """Interpreters to test on."""
    return interpreters() if live.FULL else few()


class LuaTarget(Target):
    """A target in Lua that says what it knows on its first line, and the truth on its last, after its own time."""

    def __init__(self, lua, name, seconds, *arguments, before=()):
        seconds += 1		# of its CPU time; on a busy machine scry needs so long to begin
        self.name = name
        self.errors = open(os.devnull, "rb")
        self.process = subprocess.Popen([lua.path, *before, "%s/%s.lua" % (lua.targets, name), str(seconds)] + [str(a) for a in arguments],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self.known = live.json.loads(live.read_line(self.process.stdout, name, "{"))
        self.pid, self.minor = self.process.pid, lua.minor

    def truth(self):
        return live.json.loads(live.read_line(self.process.stdout, self.name, "{"))
