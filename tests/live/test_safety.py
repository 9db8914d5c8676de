# SPDX-License-Identifier: GPL-2.0-only
"""Probes come and go, several scry at a time, some killed at any moment: the target must come out of it as it was."""
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import events
from live import FULL, ITSELF, PATIENCE, SCRATCH, SCRY, Target, expect, test

ROUNDS = 50 if FULL else 2		# of each of so many scry at once
AT_ONCE = 4 if FULL else 2
LAST = 0.3		# seconds: those that are to be killed are no older; by then they have attached
WAYS = {		# what is told by a method, in one version or another
    "usdt": ("call", "gc", "import", "line", "audit"),
    "handlers": ("call",),
    "eval": ("call",),
    "symbol": ("gc", "import", "exception"),
}


def code_that_differs(pid):
    """Mappings of code that are not what is in their file."""
    differ = []
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for line in maps:
            part = line.split(None, 5)
            if part[1] != "r-xp" or len(part) < 6 or not part[5].startswith("/"):
                continue
            start, end = (int(number, 16) for number in part[0].split("-"))
            memory.seek(start)
            with open("/proc/%d/map_files/%x-%x" % (pid, start, end), "rb") as file:
                file.seek(int(part[2], 16))
                wanted = file.read(end - start)
            if memory.read(end - start)[:len(wanted)] != wanted:
                differ.append(part[5].strip())
    return differ


SEMAPHORE = re.compile(r"Provider: python\n.*\n\s+Location: \w+, Base: \w+, Semaphore: (0x\w+)")
CODE = re.compile(r"LOAD +(0x\w+) (0x\w+) .* R E 0x")


def semaphores_left(pid):
    """Counters of markers that are not back at 0."""
    left = set()
    seen = set()
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for line in maps:
            part = line.split(None, 5)
            if "x" not in part[1] or len(part) < 6 or "python" not in part[5] or part[5] in seen:
                continue
            seen.add(part[5])
            start, end = (int(number, 16) for number in part[0].split("-"))
            path = "/proc/%d/map_files/%x-%x" % (pid, start, end)
            headers = subprocess.run(["readelf", "-lW", path], stdout=subprocess.PIPE).stdout.decode()
            notes = subprocess.run(["readelf", "-nW", path], stdout=subprocess.PIPE).stdout.decode()
            offset, address = (int(word, 16) for word in CODE.search(headers).groups())
            bias = start - address - (int(part[2], 16) - offset)
            for semaphore in SEMAPHORE.findall(notes):
                memory.seek(int(semaphore, 16) + bias)
                if int(semaphore, 16) and memory.read(2) != b"\0\0":
                    left.add(semaphore)
    return left


def is_again(what, pid):
    """The kernel takes its probes away some time after the last one who wanted them is gone."""
    end = time.monotonic() + 10
    while what(pid):
        expect(time.monotonic() < end, "%s: %s" % (what.__name__, what(pid)))
        time.sleep(0.05)


def interpreter_of(pid):
    """The largest mapped file of code with such a name, as we see it."""
    files = {}
    with open("/proc/%d/maps" % pid) as maps:
        for line in maps:
            part = line.split(None, 5)
            if "x" in part[1] and len(part) == 6 and "python" in part[5]:
                start, end = (int(number, 16) for number in part[0].split("-"))
                files[part[5].strip()] = end - start
    return max(files, key=files.get)


def private(python):
    """What to run a target behind so that it has the interpreter's file to itself: scry elsewhere on this machine, told to watch
    all that runs a file, puts its probes into this one too. Nothing where that cannot be: the root of a chroot has no mount of its
    own, from which others could be kept away."""
    if subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL).returncode:
        return ()
    with Target(python, "rates") as target:
        path = interpreter_of(target.pid)
    copy = tempfile.mktemp(prefix="python-", dir=SCRATCH)
    shutil.copy(path, copy)
    return ("unshare", "-m", "sh", "-c", 'mount --bind "$0" "$1" && shift && exec "$@"', copy, path)


def offers(target, event, method):
    """Does the build tell this event so?"""
    with subprocess.Popen([SCRY, "trace", event, "--method", method, "-p", str(target.pid), "-d", "0.01"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as scry:
        said = scry.communicate(timeout=PATIENCE)[1].decode("utf-8", "replace")
    expect(scry.returncode == 0 or ": event %s: " % event in said, "trace %s by %s: %s" % (event, method, said[-300:]))
    return scry.returncode == 0


def come_and_go(target, method, names, seed, wrong):
    """One of those that do it at the same time."""
    dice = random.Random(seed)
    try:
        for number in range(ROUNDS):
            event, verb = dice.choice(names), dice.choice(("trace", "stat"))
            if number % 2:
                scry = subprocess.Popen([SCRY, verb, event, "--method", method, "-p", str(target.pid)],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(dice.uniform(0, LAST))
                scry.kill()
                scry.wait()
            else:
                with events.Watch(verb, event, target.pid, "--method", method) as watch:
                    watch.process.send_signal(dice.choice((signal.SIGINT, signal.SIGTERM, signal.SIGKILL)))
                    watch.process.communicate(timeout=PATIENCE)
            expect(target.alive(), "died after %d times by %s: %s" % (number + 1, method, target.complaint()))
    except Exception as error:
        wrong.append(error)


def rate(target):
    return events.truth_of(target)["rate"]


def speeds(target, python, prefix, before):
    """(that of the target now, that to compare it with). Others use this machine too, of which even CPU time tells, where two CPUs
    share a core: where the target has become slower, one that nobody ever watched says what is to be had now, on the same CPU."""
    enough = (0.95 if FULL else 0.85) * before
    after = rate(target)
    if after > enough:
        return after, before
    with Target(python, "rates", prefix=prefix) as untouched:
        cpu, now = max(os.sched_getaffinity(0)), 0
        for pid in (target.pid, untouched.pid):
            os.sched_setaffinity(pid, {cpu})
        for _ in range(5):
            after, now = max(after, rate(target)), max(now, rate(untouched))
            if after > enough:
                break
    return after, min(before, now)


def by_method(python, method, prefix):
    """How fast it is afterwards, compared with before."""
    with Target(python, "rates", prefix=prefix) as target:
        names = [event for event in WAYS[method] if offers(target, event, method)]
        if not names:
            return None
        is_again(code_that_differs, target.pid)
        before, wrong = rate(target), []
        workers = [threading.Thread(target=come_and_go, args=(target, method, names, seed, wrong)) for seed in range(AT_ONCE)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if wrong:
            raise wrong[0]
        is_again(code_that_differs, target.pid)
        is_again(semaphores_left, target.pid)
        after, other = speeds(target, python, prefix, before)
        expect(after > 0.8 * other, "by %s: %.0f rounds a second after it, %.0f before, %.0f of what was to be had" % (
            method, after, before, other))
    return "%s (%s) %.2f" % (method, ", ".join(names), after / other)


@test("few", alone=ITSELF)
def probes_leave_nothing_behind(python):
    prefix = private(python)
    done = [said for said in (by_method(python, method, prefix) for method in WAYS) if said]
    expect(done, "no method at all")
    return "%d times each, then of the speed before: %s" % (ROUNDS * AT_ONCE, "; ".join(done))
