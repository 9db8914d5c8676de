# SPDX-License-Identifier: GPL-2.0-only
"""nginx with its Lua module (LuaJIT, a coroutine for each request), under load."""
import contextlib
import os
import re
import shutil
import subprocess
import time
import urllib.request

from live import SCRATCH, SCRY, Skip, expect, record, test
from real_programs import CACHE, cache_locked, run_quietly
from test_lua_programs import needs_program

PACKAGES = ("libnginx-mod-http-lua", "lua-resty-core", "lua-resty-lrucache", "libluajit2-5.1-2")
NDK = "/usr/lib/nginx/modules/ndk_http_module.so"
PORT = 8497
CONF = """
load_module %(ndk)s;
load_module %(root)s/usr/lib/nginx/modules/ngx_http_lua_module.so;
worker_processes 1; daemon off; pid %(scratch)s/pid; error_log %(scratch)s/error.log; %(user)s
events { worker_connections 64; }
http {
  access_log off;
  lua_package_path "%(root)s/usr/share/lua/5.1/?.lua;;";
  client_body_temp_path %(scratch)s/body; proxy_temp_path %(scratch)s/proxy; fastcgi_temp_path %(scratch)s/fastcgi;
  uwsgi_temp_path %(scratch)s/uwsgi; scgi_temp_path %(scratch)s/scgi;
  server { listen 127.0.0.1:%(port)d; location / { content_by_lua_file %(scratch)s/page.lua; } }
}
"""
PAGE = """local function inner(n) local t = {} for i = 1, n do t[i] = tostring(i * 7) end return table.concat(t, ",") end
local function outer(n) local r = inner(n) return r end
local function steps(n) coroutine.yield(outer(n)) return outer(n) end
local co = coroutine.create(steps)
for _ = 1, 2 do local _, text = coroutine.resume(co, 200) ngx.say(text) end
"""


def module():
    """The module and what it needs, unpacked in the cache."""
    root = os.path.join(CACHE, "nginx-lua")
    with cache_locked():
        if not os.path.isdir(root):
            making = root + ".new"
            shutil.rmtree(making, ignore_errors=True)
            os.makedirs(making)
            run_quietly("apt-get download", "apt-get", "download", *PACKAGES, cwd=making)
            for name in os.listdir(making):
                run_quietly("dpkg-deb", "dpkg-deb", "-x", name, ".", cwd=making)
            os.rename(making, root)
    return root


@contextlib.contextmanager
def nginx():
    """pid of the process that serves requests."""
    needs_program("nginx", "ab")
    if not os.path.exists(NDK):
        raise Skip("no %s (package libnginx-mod-http-ndk)" % NDK)
    root, scratch = module(), os.path.join(SCRATCH, "nginx")
    os.makedirs(scratch)
    conf = os.path.join(scratch, "nginx.conf")
    with open(conf, "w") as file:
        file.write(CONF % {"ndk": NDK, "root": root, "scratch": scratch, "port": PORT, "user": "user root;" if os.geteuid() == 0 else ""})
    with open(os.path.join(scratch, "page.lua"), "w") as file:
        file.write(PAGE)
    libraries = os.path.join(root, "usr", "lib", os.uname().machine + "-linux-gnu")
    server = subprocess.Popen(["nginx", "-c", conf], env=dict(os.environ, LD_LIBRARY_PATH=libraries),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError):
                with urllib.request.urlopen("http://127.0.0.1:%d/" % PORT, timeout=5) as answer:
                    expect(answer.read().startswith(b"7,14,"), "the page is another")
                break
            if server.poll() is not None:
                raise Skip("nginx does not start with this module")
            time.sleep(0.1)
        with open("/proc/%d/task/%d/children" % (server.pid, server.pid)) as file:
            yield int(file.read().split()[0])
    finally:
        server.terminate()
        server.wait()


@test("none", alone=True)
def lua_nginx():
    """The functions of the page in the coroutine that it makes; and what the worker is listed as."""
    with nginx() as worker:
        listed = subprocess.run([SCRY, "list", str(worker)], stdout=subprocess.PIPE, check=True).stdout.decode()
        expect("LuaJIT 2.1" in listed and "shared library" in listed, listed)
        client = subprocess.Popen(["ab", "-q", "-n", "100000000", "-c", "4", "http://127.0.0.1:%d/" % PORT],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.5)
            recording = record("-p", worker, "-F", 1999, "-d", 4)
        finally:
            client.kill()
            client.wait()
    inside = sum(count for frames, count in recording.stacks if any(frame.name == "inner" for frame in frames))
    # Who resumes is nginx, to which the page's coroutine.resume yields. The second time outer() is a tail call, which LuaJIT forgets.
    calls = re.compile(r"\[coroutine\];(function <.*page.lua:3>;outer|function <.*page.lua:2>)(;\[compiled .*page.lua:\d+>, line \d+\])?;inner(;.*)?")
    whole = sum(count for frames, count in recording.stacks if calls.fullmatch(";".join(frame.name for frame in frames)))
    expect(inside > 0.1 * recording.samples, "%d of %d in inner" % (inside, recording.samples))
    expect(whole > 0.98 * inside, "of %d in inner %d have the calls that lead there" % (inside, whole))
    broken = sum(count for error, count in recording.json["errors"].items() if error != "thread outside the interpreter")
    expect(broken <= 0.01 * inside, recording.json["errors"])
    return "%d samples, %d%% in inner" % (recording.samples, 100 * inside // recording.samples)
