# SPDX-License-Identifier: GPL-2.0-only
"""scry on programs that have Lua in them, as Debian has them."""
import os
import shutil
import subprocess
import time

from live import FULL, SCRATCH, Skip, expect, record, test
from lua import which
from test_lua import BETWEEN


def shares_of(recording, *names):
    """Of all samples those whose stack has this sequence of functions at its leaf or above it."""
    total = recording.samples
    found = sum(count for frames, count in recording.stacks
                if ";".join(names) in ";".join(frame.name.split(" (")[0] for frame in frames))
    return found / total


def needs_program(*programs):
    if not FULL:
        raise Skip("only with SCRY_FULL=1")
    for program in programs:
        if not shutil.which(program):
            raise Skip("there is no " + program)


@test("none")
def lua_redis():
    """redis-server, which has Lua 5.1 linked in and exports nothing of it, running EVAL."""
    needs_program("redis-server", "redis-benchmark")
    script = ("local function inner(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end "
              "local function outer(n) local r = inner(n) return r end "
              "for i = 1, 20 do redis.call('SET', 'k' .. i, outer(200)) end return 1")
    server = subprocess.Popen(["redis-server", "--port", "6397", "--save", "", "--dir", SCRATCH], stdout=subprocess.DEVNULL)
    try:
        time.sleep(1)
        client = subprocess.Popen(["redis-benchmark", "-p", "6397", "-q", "-n", "100000000", "-c", "8", "eval", script, "0"],
                                  stdout=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            recording = record("-p", server.pid, "-F", 999, "-d", 3)
        finally:
            client.kill()
            client.wait()
    finally:
        server.kill()
        server.wait()
    inner, call = shares_of(recording, "main chunk", "outer", "inner"), shares_of(recording, "main chunk", "call")
    expect(inner > 0.2 and call > 0.1, "%.2f in inner, %.2f in redis.call" % (inner, call))
    expect(set(recording.json["errors"]) <= {"thread outside the interpreter", BETWEEN}, recording.json["errors"])
    return "%.0f%% in inner, %.0f%% in redis.call" % (100 * inner, 100 * call)


@test("none")
def lua_neovim():
    """neovim, which loads LuaJIT, running a plugin."""
    needs_program("nvim")
    plugin = os.path.join(SCRATCH, "plugin.lua")
    with open(plugin, "w") as file:
        file.write("local M = {}\nlocal function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end\n"
                   "function M.work() local s = 0 for i = 1, 20 do s = s + fib(18) end return s end\n"
                   "local stop = os.clock() + 5\nwhile os.clock() < stop do M.work() vim.fn.strlen('x') end\n")
    editor = subprocess.Popen(["nvim", "--headless", "-u", "NONE", "-c", "luafile " + plugin, "-c", "qa!"],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        recording = record("-p", editor.pid, "-F", 999, "-d", 2)
    finally:
        editor.kill()
        editor.wait()
    share = shares_of(recording, "main chunk", "work", "fib")
    expect(share > 0.8, "%.2f in fib" % share)
    return "%.0f%% in fib" % (100 * share)
