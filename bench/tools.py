# SPDX-License-Identifier: GPL-2.0-only
"""The profilers that are compared: how each is started, ended and read."""
import json
import os
import re
import signal
import subprocess
import sys
import time


def own_cpu(pid):
    """ns of CPU that all threads of a process have used."""
    total = 0
    for tid in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/schedstat" % (pid, tid)) as f:
                total += int(f.read().split()[0])
        except OSError:
            pass
    return total


def resident(pid):
    """Most memory a process has had resident, MB."""
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]) / 1024


class Tool:
    """A profiler at work on a process until stop()."""

    def __init__(self, name, command, folder):
        self.name, self.command, self.folder = name, command, folder
        self.out = os.path.join(folder, "out")

    def start(self, pid, rate):
        self.clean()
        self.rate = rate
        with open(self.out + ".stdout", "wb") as out, open(self.out + ".stderr", "wb") as err:
            self.started = time.monotonic()
            self.process = subprocess.Popen(self.arguments(pid, rate), stdout=out, stderr=err)

    def clean(self):
        for name in os.listdir(self.folder):
            os.unlink(os.path.join(self.folder, name))

    def stop(self):
        """Samples a second that it took."""
        self.process.send_signal(signal.SIGINT)
        seconds = time.monotonic() - self.started
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.count = sum(n for _, n in self.stacks())
        return self.count / seconds

    def text(self, suffix):
        try:
            with open(self.out + suffix, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""


class Scry(Tool):
    def arguments(self, pid, rate):
        return [self.command, "record", "-q", "--stats", "-p", str(pid), "-F", str(rate), "-o", self.out + ".scry",
                "-o", self.out + ".json", "-o", self.out + ".folded"]

    def start(self, pid, rate):
        super().start(pid, rate)
        for _ in range(1000):	# until it samples; before that Ctrl-C ends it without a capture
            if os.path.exists(self.out + ".scry") or self.process.poll() is not None:
                return
            time.sleep(0.01)

    def stop(self):
        super().stop()
        self.told = json.loads(self.text(".json") or "{}")
        err = self.text(".stderr")
        runs = re.search(r"bpf sample_\w+\s+\d+ runs\s+\d+ ns each\s+([\d.]+) ms", err)
        maps = re.search(r"bpf maps ([\d.]+) MB", err)
        self.bpf_ns = float(runs[1]) * 1e6 if runs else 0
        self.maps_mb = float(maps[1]) if maps else 0
        self.bytes = os.path.getsize(self.out + ".scry") if os.path.exists(self.out + ".scry") else 0
        if not self.told.get("samples"):
            sys.exit("scry: bench: no samples, status %d; %s" % (self.process.returncode, err))
        return self.told["samples"] / self.told["duration_s"]

    def stacks(self):
        return folded(self.text(".folded"))


class PySpy(Tool):
    def arguments(self, pid, rate):
        extra = ["--nonblocking"] if "nonblocking" in self.name else []
        return [self.command, "record", *extra, "-r", str(rate), "-d", "60", "-f", "raw", "-o", self.out + ".raw",
                "-p", str(pid)]

    def stacks(self):
        return folded(self.text(".raw"))


class Austin(Tool):
    """Version 3 writes one line a sample: frames, a space, microseconds."""

    def arguments(self, pid, rate):
        return [self.command, "-i", str(max(1, round(1e6 / rate))), "-p", str(pid)]

    def stacks(self):
        return [(line.rsplit(" ", 1)[0], 1) for line in self.text(".stdout").splitlines() if line.startswith("P")]


def folded(text):
    """[(stack, count)] of folded stacks."""
    found = []
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        if count.isdigit():
            found.append((stack, int(count)))
    return found


def peers(folder):
    """Those that PyPI has for this machine, in an environment of their own in the cache; a line for each that it has not."""
    cache = os.environ.get("SCRY_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "scry")
    home = os.path.join(cache, "peers", "venv")
    if not os.path.exists(os.path.join(home, "bin", "pip")):
        made = subprocess.run([sys.executable, "-m", "venv", home], capture_output=True, text=True)
        if made.returncode:
            print("scry: bench: no peers: python3 -m venv failed (package python3-venv)", file=sys.stderr)
            return []
    found = []
    # austin 4 is built for glibc 2.38 and writes a binary format
    for kinds, wanted, command in ((("py-spy", "py-spy --nonblocking"), "py-spy", "py-spy"),
                                   (("austin",), "austin-dist<4", "austin")):
        path = os.path.join(home, "bin", command)
        if not works(path):
            subprocess.run([os.path.join(home, "bin", "pip"), "install", "-q", "--timeout", "10", wanted],
                           capture_output=True, timeout=120)
        if not works(path):
            print("scry: bench: skipped %s: PyPI has none that runs here" % command, file=sys.stderr)
            continue
        found += [(PySpy if command == "py-spy" else Austin)(name, path, folder) for name in kinds]
    return found


def works(path):
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=20).returncode == 0
    except OSError:
        return False
