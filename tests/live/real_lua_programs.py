# SPDX-License-Identifier: GPL-2.0-only
"""haproxy with Lua; and all that `scry record` can do on redis-server, neovim, nginx and haproxy, each at work."""
import contextlib
import os
import subprocess
import time
import urllib.request

from live import SCRATCH, Skip, expect, record, test
from real_lua import PORT, nginx
from test_lua_programs import needs_program
from test_lua_matrix import ON_A_PROCESS, Build, walk

HAPROXY_PORT, REDIS_PORT = 8498, 6398
CONF = """
global
  nbthread 1
  lua-load %(script)s
defaults
  mode http
  timeout client 9s
  timeout server 9s
  timeout connect 9s
frontend f
  bind 127.0.0.1:%(port)d
  http-request use-service lua.page
"""
PAGE = """local function inner(n) local t = {} for i = 1, n do t[i] = tostring(i * 7) end return table.concat(t, ",") end
local function outer(n) local r = inner(n) return r end
core.register_service("page", "http", function(applet)
	local text = outer(2000)
	applet:set_status(200)
	applet:add_header("content-length", tostring(#text))
	applet:start_response()
	applet:send(text)
end)
"""
SCRIPT = """local function inner(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end
local function outer(n) local r = inner(n) return r end
for i = 1, 20 do redis.call('SET', 'k' .. i, outer(2000)) end return 1"""
PLUGIN = """local function inner(n) local s = 0 for i = 1, n do s = s + #tostring(i) end return s end
local function outer(n) local r = inner(n) return r end
while true do outer(2000) vim.wait(2) end
"""


def written(name, text):
    path = os.path.join(SCRATCH, name)
    with open(path, "w") as file:
        file.write(text)
    return path


@contextlib.contextmanager
def running(*command):
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def answers(process, port):
    for _ in range(100):
        with contextlib.suppress(OSError):
            with urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=5) as answer:
                return answer.read().startswith(b"7,14,")
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise Skip("it does not start here")


@contextlib.contextmanager
def haproxy():
    """pid, while it is asked for pages."""
    needs_program("haproxy", "ab")
    conf = written("haproxy.cfg", CONF % {"script": written("haproxy.lua", PAGE), "port": HAPROXY_PORT})
    with running("haproxy", "-db", "-f", conf) as server:
        expect(answers(server, HAPROXY_PORT), "the page is another")
        with running("ab", "-q", "-n", "100000000", "-c", "4", "http://127.0.0.1:%d/" % HAPROXY_PORT):
            time.sleep(0.5)
            yield server.pid


@contextlib.contextmanager
def redis():
    needs_program("redis-server", "redis-benchmark")
    with running("redis-server", "--port", str(REDIS_PORT), "--save", "", "--dir", SCRATCH) as server:
        time.sleep(1)
        with running("redis-benchmark", "-p", str(REDIS_PORT), "-q", "-n", "100000000", "-c", "8", "eval", SCRIPT, "0"):
            time.sleep(0.5)
            yield server.pid


@contextlib.contextmanager
def neovim():
    needs_program("nvim")
    with running("nvim", "--headless", "-u", "NONE", "-c", "luafile " + written("work.lua", PLUGIN)) as editor:
        time.sleep(1)
        yield editor.pid


@contextlib.contextmanager
def nginx_at_work():
    with nginx() as worker:
        with running("ab", "-q", "-n", "100000000", "-c", "4", "http://127.0.0.1:%d/" % PORT):
            time.sleep(0.5)
            yield worker


@test("none", alone=True)
def lua_haproxy():
    """A coroutine for each request: the functions of the page, and with --native what of haproxy calls it."""
    with haproxy() as pid:
        plain = record("-p", pid, "-F", 1999, "-d", 2)
        native = record("-p", pid, "-F", 1999, "-d", 2, "--native")
    told = []
    for recording, root in ((plain, "[coroutine]"), (native, "_start (haproxy)")):
        inside = right = 0
        for frames, count in recording.stacks:
            names = [frame.name for frame in frames]
            if "inner" in names:
                inside += count
                way = iter(names)
                right += count * (names[0] == root and all(any(name.startswith(part) for name in way) for part in ("function <", "outer", "inner")))
        expect(inside > 0.3 * recording.samples and right > 0.98 * inside, "%d of %d in inner, %d whole" % (inside, recording.samples, right))
        told.append("%d of %d" % (right, inside))
    expect(set(plain.json["errors"]) <= {"thread outside the interpreter"}, plain.json["errors"])
    return ", ".join(told)


@test("none", alone=True)
def lua_matrix_of_programs():
    """list, record and report with all that they can be asked, as lua_matrix does, on programs at work."""
    outside = ("thread outside the interpreter",)
    wrong, told = [], []
    for label, context, listed, jit, chain in (
            ("redis-server", redis, (r"5\.1(\.\d)?", r"/usr/bin/redis-\S+", "PIE"), False, ["main chunk", "outer", "inner"]),
            ("nvim", neovim, (r"LuaJIT 2\.1\S*", r"/\S*/libluajit-5\.1\.so\S*", "shared library"), True, ["main chunk", "outer", "inner"]),
            ("nginx", nginx_at_work, (r"LuaJIT 2\.1\S*", r"/\S*/libluajit-5\.1\.so\S*", "shared library"), True, ["inner"]),
            ("haproxy", haproxy, (r"5\.3\.\d", r"/\S*/liblua5\.3\.so\S*", "shared library"), False, ["outer", "inner"])):
        try:
            with context() as pid:
                build = Build(label, [], None, listed, jit, chain, share=0.1, allowed=outside)
                wrong += walk(build, pid, ON_A_PROCESS)
                told.append(label)
        except Skip as skip:
            told.append("%s not: %s" % (label, skip))
    expect(not wrong, "\n".join(wrong)[:6000])
    return ", ".join(told)
