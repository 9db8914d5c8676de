# SPDX-License-Identifier: GPL-2.0-only
"""Programs with Lua inside that are always busy, each on a CPU of its own, and who keeps them busy on another."""
import contextlib
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "tests", "live"))
PIECES = os.path.join(HERE, "pieces.lua")
SCRIPT = ("local function inner(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end "
          "local function outer(n) local r = inner(n) return r end "
          "for i = 1, 20 do redis.call('SET', 'k' .. i, outer(200)) end return 1")
REDIS_PORT = 6398
LOAD_CPU = 0
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def start(command, cpu):
    return subprocess.Popen(["nice", "-n", "-20", "taskset", "-c", str(cpu)] + command, **QUIET)


def end(*processes):
    for process in processes:
        process.kill()
        process.wait()


@contextlib.contextmanager
def pieces(command, cpu):
    process = start(command, cpu)
    try:
        yield process.pid
    finally:
        end(process)


@contextlib.contextmanager
def redis(cpu):
    server = start(["redis-server", "--port", str(REDIS_PORT), "--save", "", "--dir", "/tmp"], cpu)
    time.sleep(1)
    client = start(["redis-benchmark", "-p", str(REDIS_PORT), "-q", "-n", "1000000000", "-c", "8", "eval", SCRIPT, "0"], LOAD_CPU)
    try:
        yield server.pid
    finally:
        end(client, server)


@contextlib.contextmanager
def nginx(cpu):
    import live
    import real_lua
    live.FULL = real_lua.needs_program.__globals__["FULL"] = True
    try:
        with real_lua.nginx() as pid:
            subprocess.run(["taskset", "-p", "-c", str(cpu), str(pid)], stdout=subprocess.DEVNULL, check=True)
            subprocess.run(["renice", "-n", "-20", "-p", str(pid)], stdout=subprocess.DEVNULL, check=True)
            client = start(["ab", "-q", "-k", "-n", "20000000", "-c", "8", "http://127.0.0.1:%d/" % real_lua.PORT], LOAD_CPU)
            try:
                yield pid
            finally:
                end(client)
    finally:
        shutil.rmtree(live.SCRATCH, True)


PROGRAMS = {
    "lua5.4": lambda cpu: pieces(["lua5.4", PIECES], cpu),
    "luajit": lambda cpu: pieces(["luajit", PIECES], cpu),
    "neovim": lambda cpu: pieces(["nvim", "--headless", "-u", "NONE", "-c", "luafile " + PIECES], cpu),
    "redis-server, EVAL": redis,
    "nginx, Lua module": nginx,
}
