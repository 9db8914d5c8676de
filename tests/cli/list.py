#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""scry list: what it says of running interpreters must be what they say of themselves.

list.py [SCRY]
"""
import json
import os
import re
import signal
import subprocess
import sys

os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
SCRY = sys.argv[1] if len(sys.argv) > 1 else "build/scry"
NAME = "w\x1b[31m;\u00e9<b>"  # escape sequences, markup, beyond ASCII: all must come through safely

TARGET = r"""
import sys, threading
ready = threading.Event()
def work():
    if hasattr(threading, "get_native_id"):
        sys.stdout.write(str(threading.get_native_id()) + "\n")
    else:
        sys.stdout.write("0\n")
    ready.set()
    threading.Event().wait(600)
t = threading.Thread(target=work, name="w\x1b[31m;\xe9<b>")
t.daemon = True
t.start()
ready.wait()
try:
    import sysconfig
    free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
except Exception:
    free = False
sys.stdout.write("%d.%d.%d %d %d\n" % (sys.version_info[:3] + (free, hasattr(sys, "gettotalrefcount"))))
sys.stdout.flush()
sys.stdin.read()
"""

passed = failed = 0


def check(what, good, detail=""):
    global passed, failed
    passed += bool(good)
    failed += not good
    if not good:
        print("not ok - %s%s" % (what, ": %s" % (detail,) if detail != "" else ""))


def scry(*args):
    p = subprocess.run([SCRY] + [str(a) for a in args], capture_output=True, text=True)
    return p.returncode, p.stdout, p.stderr


class Target:
    def __init__(self, path):
        env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
        self.process = subprocess.Popen([path, "-c", TARGET], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=env)
        self.tid = self.process.stdout.readline().strip()
        self.said = self.process.stdout.readline().split()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.wait()


def interpreters():
    out = subprocess.run(["tests/interpreters", "--list"], capture_output=True, text=True).stdout
    rows = [line.split()[:2] for line in out.splitlines()]
    return rows or [["python3", sys.executable]]


def check_interpreter(label, path):
    with Target(path) as target:
        if not target.said:
            print("# skip %s: does not run here" % label)
            return
        pid = target.process.pid
        version, free, debug = target.said[0], target.said[1] == "1", target.said[2] == "1"
        status, out, err = scry("list", "--json", pid)
        check("%s is listed" % label, status == 0 and not err, err)
        if status:
            return
        (entry,) = json.loads(out)
        check("%s version" % label, version.startswith(entry["version"]), entry["version"])
        check("%s free threading" % label, entry["free_threaded"] == free, entry)
        check("%s debug build" % label, entry["debug_build"] == debug, entry)
        check("%s layout is named" % label, entry["layout"], entry)
        check("%s threads" % label, entry["thread_count"] == 2, entry["threads"])
        # A 2.7 name is bytes: one that is not UTF-8 is shown by its value.
        name = NAME.replace("\u00e9", r"\xe9") if version.startswith("2.") else NAME
        named = [t for t in entry["threads"] if t["name"] == name]
        check("%s thread name" % label, len(named) == 1, entry["threads"])
        if target.tid != "0" and named:
            check("%s thread id" % label, str(named[0]["tid"]) == target.tid, named)
        check("%s events" % label, "cpu" in [e["event"] for e in entry["events"]], entry["events"])
        status, out, err = scry("list", pid)
        check("%s in text" % label, "python %s " % entry["version"] in out and status == 0, out)
        check("%s text is safe" % label, not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out), repr(out))
        check("%s is found" % label,
              re.search(r"^ *%d +python %s +2 " % (pid, re.escape(entry["version"])), scry("list")[1], re.M))


def check_refusals():
    gone = subprocess.Popen(["true"])
    gone.wait()
    status, out, err = scry("list", gone.pid)
    check("a process that is gone", (status, out, err) == (1, "", "scry: there is no process %d\n" % gone.pid), err)
    with subprocess.Popen(["sleep", "600"]) as sleep:
        status, out, err = scry("list", sleep.pid)
        check("no interpreter", status == 1 and err == "scry: pid %d (sleep) runs no interpreter that scry knows"
              " (python, lua); see 'scry list'\n" % sleep.pid, err)
        sleep.send_signal(signal.SIGKILL)
    with Target(sys.executable) as target:
        status, out, err = scry("list", target.tid)
        check("a thread", status == 1 and
              err == "scry: %s is a thread of process %d\n" % (target.tid, target.process.pid), err)
        status, out, err = scry("list", gone.pid, target.process.pid, "--json")
        check("the other pid is listed all the same", status == 1 and len(json.loads(out)) == 1, out)
    for bad in "python3", "0", "-1x", "4711x", "":
        status, out, err = scry("list", "--", bad)
        check("'%s' is a usage error" % bad, (status, out) == (2, "") and "is not a pid" in err, err)


for label, path in interpreters():
    check_interpreter(label, path)
check_refusals()
print("%d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
