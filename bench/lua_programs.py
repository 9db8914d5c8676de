# SPDX-License-Identifier: GPL-2.0-only
"""Programs with Lua inside that are always busy, and how much work each does in a span of time."""
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), "tests", "live"))
PIECES = os.path.join(HERE, "pieces.lua")
SCRIPT = ("local function inner(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end "
          "local function outer(n) local r = inner(n) return r end "
          "for i = 1, 20 do redis.call('SET', 'k' .. i, outer(200)) end return 1")
REDIS_PORT = 6398


class Pieces:
    """A program that says when it has done a piece of work."""

    def __init__(self, command, cpu):
        self.process = subprocess.Popen(["nice", "-n", "-20", "taskset", "-c", str(cpu)] + command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.pid, self.ends = self.process.pid, []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            if b"piece" in line:
                self.ends.append(time.monotonic())

    def work(self, seconds):
        """Pieces a second, by the median of what they take."""
        before = len(self.ends)
        time.sleep(seconds)
        ends = self.ends[before:]
        took = sorted(b - a for a, b in zip(ends, ends[1:]))
        return 1 / took[len(took) // 2]

    def close(self):
        self.process.kill()
        self.process.wait()


class Counted:
    """A server under load that counts the requests it has served."""

    def __init__(self, pid, count, close):
        self.pid, self.count, self.close = pid, count, close

    def work(self, seconds):
        start, before = time.monotonic(), self.count()
        time.sleep(seconds)
        return (self.count() - before) / (time.monotonic() - start)


def redis(cpu):
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(["taskset", "-c", str(cpu), "redis-server", "--port", str(REDIS_PORT), "--save", "", "--dir", "/tmp"], **quiet)
    time.sleep(1)
    client = subprocess.Popen(["taskset", "-c", "0", "redis-benchmark", "-p", str(REDIS_PORT), "-q", "-n", "1000000000", "-c", "8",
                               "eval", SCRIPT, "0"], **quiet)
    connection = socket.create_connection(("127.0.0.1", REDIS_PORT))

    def count():
        connection.sendall(b"INFO stats\r\n")
        answer = connection.recv(1 << 16).decode()
        return int(answer.split("total_commands_processed:")[1].split()[0])

    def close():
        for process in (client, server):
            process.kill()
            process.wait()
    return Counted(server.pid, count, close)


def nginx(cpu):
    import live
    import real_lua
    live.FULL = real_lua.needs_program.__globals__["FULL"] = True
    real_lua.CONF = real_lua.CONF.replace("  server {", "  server { location /status { stub_status; }")
    stack = contextlib.ExitStack()
    pid = stack.enter_context(real_lua.nginx())
    stack.callback(shutil.rmtree, live.SCRATCH, True)
    subprocess.run(["taskset", "-p", "-c", str(cpu), str(pid)], stdout=subprocess.DEVNULL, check=True)
    client = subprocess.Popen(["taskset", "-c", "0", "ab", "-q", "-k", "-n", "20000000", "-c", "8", "http://127.0.0.1:%d/" % real_lua.PORT],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def count():
        with urllib.request.urlopen("http://127.0.0.1:%d/status" % real_lua.PORT) as answer:
            return int(answer.read().split()[9])

    def close():
        client.kill()
        client.wait()
        stack.close()
    return Counted(pid, count, close)


PROGRAMS = {
    "lua5.4": lambda cpu: Pieces(["lua5.4", PIECES], cpu),
    "luajit": lambda cpu: Pieces(["luajit", PIECES], cpu),
    "neovim": lambda cpu: Pieces(["nvim", "--headless", "-u", "NONE", "-c", "luafile " + PIECES], cpu),
    "redis-server, EVAL": redis,
    "nginx, Lua module": nginx,
}


def slowdown(program, scry, rate, pairs, seconds):
    """Median of pairs of a span with and one without scry at this rate, in turns; rate 0: without both times."""
    found = []
    for pair in range(pairs):
        speed = {}
        for watched in (pair % 2, 1 - pair % 2):
            if watched and rate:
                scry.start(program.pid, rate)
                time.sleep(0.3)
            speed[watched] = program.work(seconds)
            if watched and rate:
                scry.stop()
        found.append(speed[0] / speed[1] - 1)
    return statistics.median(found)
