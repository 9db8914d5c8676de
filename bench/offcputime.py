# SPDX-License-Identifier: GPL-2.0-only
"""bcc's offcputime: that of Debian's and Ubuntu's package libbpf-tools, which needs neither kprobes nor kernel headers. Where it is not
installed it is unpacked into the cache."""
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import programs

PROGRAM = "sched_switch"


def works(path):
    try:
        return subprocess.run([path, "--version"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20).returncode == 0
    except OSError:
        return False


def fetch(home):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["apt-get", "download", "-q", "libbpf-tools"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=120)
        for package in glob.glob(folder + "/*.deb"):
            subprocess.run(["dpkg", "-x", package, home])


def find():
    """Its path; None: it cannot be had, which is said."""
    home = os.path.join(programs.PEERS, "libbpf-tools")
    for path in "/usr/sbin/offcputime", home + "/usr/sbin/offcputime":
        if works(path):
            return path
    if shutil.which("apt-get") and shutil.which("dpkg"):
        fetch(home)
    if works(path):
        return path
    print("scry: bench: skipped bcc's offcputime: no package libbpf-tools that runs here", file=sys.stderr)
    return None


def measure(path, pid, reach):
    """(ns a run, ns a wait) of this process, of which `reach()` tells (waits meanwhile, in how many seconds)."""
    with programs.statistics():
        process = subprocess.Popen([path, "-p", pid, "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)
        start = programs.spent(PROGRAM)
        waits, _ = reach()
        runs, ns = (now - then for now, then in zip(programs.spent(PROGRAM), start))
        process.send_signal(signal.SIGINT)
        process.wait()
    if not runs:
        raise RuntimeError("offcputime has no program of the name " + PROGRAM)
    return ns / runs, ns / waits
