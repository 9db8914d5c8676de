# SPDX-License-Identifier: GPL-2.0-only
"""Time off CPU: against each thread's own account of its life, and known reasons to wait."""
import json
import os

from live import FULL, Target, expect, record, test
from lua import few as few_luas

# What each function of the target waits for.
WAITS_FOR = {"asleep": ["sleep"], "locked": ["lock"], "receiving": ["socket"], "reading": ["io"], "polling": ["poll"], "syncing": ["disk"],
             "spawning": ["child"], "mixed": ["sleep"], "contending": ["sleep", "lock"]}


def lives_of(python, *options, seconds=2, many=0):
    """A target that scry starts: (recording, {function and number: its own account})."""
    recording = record(*(list(options) + ["--", python.path, "%s/waits.py" % python.targets, seconds, many]),
                       env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
    lines = recording.output.decode().splitlines()
    expect(len(lines) == 2, "the target said %r" % lines)
    return recording, json.loads(lines[1])["threads"]


def rows_by_tid(recording):
    return {row["tid"]: row for row in recording.json["threads"]}


@test("few")
def wall_is_elapsed(python):
    """Time on CPU and off it are all the time there is, and that on CPU is the kernel's own account."""
    python.needs("ctypes")
    recording, lives = lives_of(python, "-e", "wall", "-F", 499)
    told = check_times(recording, lives)
    for name, life in lives.items():
        check_reasons(name.rstrip("0123456789"), rows_by_tid(recording)[life["tid"]])
    return told


def check_times(recording, lives):
    rows, worst, worst_cpu = rows_by_tid(recording), 0, 0
    expect(recording.json["lost"] == 0, "%d lost" % recording.json["lost"])
    expect(not any("GIL" in cause for cause in recording.json["errors"]), "%s" % recording.json["errors"])
    for name, life in sorted(lives.items()):
        row = rows[life["tid"]]
        expect(row["cpu_ns"] + row["off_ns"] == row["wall_ns"], "%s: %s" % (name, row))
        # A thread lives some time before and after its own account; the one that made it knows how long at most.
        wall, cpu, one = row["wall_ns"] / 1e9, row["cpu_ns"] / 1e9, 0.01 * life["wall"]
        told = "%s: wall %.4f s, cpu %.4f s, off %s; it says %s" % (name, wall, cpu, row["off"], life)
        expect(life["wall"] - one <= wall <= life["outer"] + one, told)
        most = life["cpu"] + max(0, wall - life["wall"])
        expect(life["cpu"] - one <= cpu <= most + one, told)
        worst = max(worst, max(0, life["wall"] - wall, wall - life["outer"]) / life["wall"])
        worst_cpu = max(worst_cpu, max(0, life["cpu"] - cpu, cpu - most) / life["wall"])
    return "at most %.2f %% off, time on CPU %.2f %%" % (100 * worst, 100 * worst_cpu)


def check_reasons(name, row):
    """A thread waits for what its function is about, but for the interpreter's lock and for a CPU."""
    off = row["off_ns"] - sum(row["off"].get(reason, 0) for reason in ("gil", "runqueue", "stolen"))
    expect(sum(row["off"].get(wanted, 0) for wanted in WAITS_FOR[name]) >= 0.95 * off, "%s waits for %s" % (name, row["off"]))


@test("few")
def threads_that_wait_already(python):
    """Stacks and reasons of threads that do not move while they are looked at."""
    python.needs("ctypes")
    with Target(python, "waits") as target:
        recording = record("-e", "offcpu", "-p", target.pid, "-d", 1, "--root", "thread,reason")
    rows, duration = rows_by_tid(recording), recording.json["duration_s"]
    most = max(row["off_ns"] for row in rows.values())
    for name, tid in target.known["threads"].items():
        name = name.rstrip("0123456789")
        if name in ("asleep", "syncing", "mixed", "contending"):
            continue
        row = rows[tid]
        expect(list(row["off"]) == WAITS_FOR[name], "%s waits for %s" % (name, row["off"]))
        # From when scry began to watch, which on a busy machine is some time after its own beginning: all alike.
        expect(abs(row["off_ns"] - most) < 1e6 and 0.9 * duration < row["off_ns"] / 1e9 < duration + 0.01,
               "%s: %.4f s, others %.4f s, of %.4f s" % (name, row["off_ns"] / 1e9, most / 1e9, duration))
        stacks = [frames for frames, _ in recording.stacks if "(tid %d)" % tid in frames[0].name + ":" + frames[0].file
                  or frames[0].name.endswith("(tid %d)" % tid)]
        expect(len(stacks) == 1 and name in [frame.name for frame in stacks[0]], "%s: %s" % (name, stacks))
        expect(stacks[0][1].name == "[%s]" % WAITS_FOR[name][0], "%s: root frames %s" % (name, stacks[0][:2]))


@test("few")
def waiting_for_the_gil(python):
    """Of four threads that only compute one runs at a time, and the others wait for the lock that it holds."""
    python.needs("ctypes")
    recording, lives = lives_of(python, "-e", "wall", many=4)
    exact, rows = check_times(recording, lives), rows_by_tid(recording)
    mine = [rows[life["tid"]] for life in lives.values()]
    gil, ready = [sum(row["off"].get(reason, 0) for row in mine) / sum(row["wall_ns"] for row in mine)
                  for reason in ("gil", "runqueue")]
    told = "waiting for the lock %.3f of their time, for a CPU %.3f; %s" % (gil, ready, exact)
    if "freethreaded" in python.flags:
        expect(gil == 0, "there is no such lock; " + told)
    else:
        # One of them has the lock at any time, on a CPU or wanting one. The others wait for it, or wake up to see that it is taken.
        # That of 2.7 is handed to nobody: it wakes who waits, who finds it taken again, which takes a CPU's time too.
        off = sum(row["off_ns"] for row in mine) / sum(row["wall_ns"] for row in mine)
        expect(gil <= 0.77 and gil + ready >= 0.98 * off, told)
        expect(gil >= 0.5 and gil + ready >= 0.72 if python.minor > (2, 7) else gil >= 0.2, told)
    return told


@test("one")
def limits_of_waits(python):
    with Target(python, "waits") as target:
        short = record("-e", "offcpu", "-p", target.pid, "-d", 1, "--max-block", "10ms")
        long = record("-e", "offcpu", "-p", target.pid, "-d", 1, "--min-block", "15ms")
    def sleeps(recording):
        return recording.json["reasons"] and {row["reason"]: row for row in recording.json["reasons"]}.get("sleep")
    expect(not sleeps(short), "sleeps of 20 ms and more: %s" % sleeps(short))
    row = sleeps(long)
    expect(row and row["ns"] / row["samples"] >= 15e6, "sleeps: %s" % row)
    disk = [row for row in long.json["reasons"] if row["reason"] in ("gil", "disk") and row["ns"] / row["samples"] < 15e6]
    expect(not disk, "short ones: %s" % disk)


@test("few")
def wakers(python):
    """Who lets a thread go on: the function that released its lock, or nobody where time has passed."""
    recording, _ = lives_of(python, "-e", "offcpu", "--waker")
    woken = {}
    for frames, _ in recording.stacks:
        names = [frame.name for frame in frames]
        mark = next((i for i, frame in enumerate(frames) if frame.name.startswith("[woken by")), None)
        for name in ("locked", "asleep", "receiving"):
            if mark and name in names[:mark]:
                woken.setdefault(name, []).append((names[:mark], frames[mark].name, names[mark + 1:]))
    expect(any(by == ["<module>"] for _, mark, by in woken["receiving"]), "receiving: %s" % woken["receiving"])
    released = [by for stack, mark, by in woken["locked"] if stack[-1] in ("locked", "__enter__", "acquire")]
    expect(["<module>"] in released, "locked: %s" % released)
    slept = [mark for stack, mark, by in woken["asleep"] if stack[-1] == "asleep"]
    expect("[woken by an interrupt]" in slept, "asleep: %s" % slept)


@test("one")
def interrupts_that_wake(python):
    """What wakes a thread that sleeps is a timer, not who is in a system call on that CPU when it expires."""
    script = ("import os, threading, time\n"
              "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
              "end = time.monotonic() + 1\n"
              "def asleep():\n    while time.monotonic() < end:\n        time.sleep(0.004)\n"
              "sleeper = threading.Thread(target=asleep)\n"
              "sleeper.start()\n"
              "zeros = os.open('/dev/zero', os.O_RDONLY)\n"
              "while time.monotonic() < end:\n    os.read(zeros, 1 << 24)\n"
              "sleeper.join()")
    recording = record("-e", "offcpu", "--waker", "--root", "reason", "--", python.path, "-c", script)
    woken = {}
    for frames, value in recording.stacks:
        names = [frame.name for frame in frames]
        if names[0] == "[sleep]" and "asleep" in names:
            by = next((name for name in names if name.startswith("[woken by")), "nobody")
            woken[by] = woken.get(by, 0) + value
    expect(sum(woken.values()) >= 0.3e9, "%s" % woken)
    expect(not any("python" in by for by in woken), "%s" % woken)
    expect(woken["[woken by an interrupt]"] >= 0.9 * sum(woken.values()), "%s" % woken)
    return "%s" % woken


@test("one")
def idle_threads_of_the_machine(python):
    with Target(python, "waits") as target:
        recording = record("-a", "-e", "offcpu", "-d", 1)
    rows = {(row["pid"], row["tid"]): row for row in recording.json["threads"]}
    for name, tid in target.known["threads"].items():
        name = name.rstrip("0123456789")
        if name in ("locked", "receiving", "reading", "polling", "spawning"):
            row = rows.get((target.pid, tid), {"off": {}, "off_ns": 0})
            expect(list(row["off"]) == WAITS_FOR[name] and row["off_ns"] > 0.98e9 * recording.json["duration_s"],
                   "%s: %s of %.3f s" % (name, row, recording.json["duration_s"]))


@test("few")
def lives_of_processes(python):
    """A process that forks, and then becomes another program: all its time, and its child's, is there."""
    script = ("import os, sys, time\n"
              "start = time.time()\n"
              "child = os.fork()\n"
              "if not child:\n    time.sleep(0.3)\n    os._exit(0)\n"
              "os.waitpid(child, 0)\nsys.stdout.write('%d %d\\n' % (os.getpid(), child))\nsys.stdout.flush()\n"
              "code = 'import sys, time; time.sleep(0.3); sys.stdout.write(repr(time.time() - float(sys.argv[1])))'\n"
              "os.execv(sys.executable, [sys.executable, '-c', code, repr(start)])")
    recording = record("-e", "wall", "-F", 999, "--", python.path, "-c", script)
    # Interpreters in a folder of their own are started by a program that becomes them.
    words = recording.output.split()
    main, child, own = int(words[0]), int(words[1]), float(words[2])
    table = recording.json
    spent = {tid: sum(row["wall_ns"] for row in table["threads"] if row["tid"] == tid) / 1e9 for tid in (main, child)}
    slept = {tid: sum(row["off"].get("sleep", 0) for row in table["threads"] if row["tid"] == tid) / 1e9 for tid in (main, child)}
    expect(table["lost"] == 0, "%d lost" % table["lost"])
    expect(slept[main] >= 0.299 and slept[child] >= 0.299, "asleep %s" % slept)
    # It lives from some time before its first line until some time after its last.
    expect(0.6 <= 0.999 * own <= spent[main] <= table["duration_s"],
           "%.3f s of %.3f s, by its own clock %.3f s" % (spent[main], table["duration_s"], own))
    expect(0.3 <= spent[child] <= spent[main], "the child: %.3f s, its parent %.3f s" % (spent[child], spent[main]))
    # What a process is told of after its end is no life of its own.
    expect(sum(row["tid"] == child for row in table["threads"]) == 1, "%s" % table["threads"])
    return "%.3f s of %.3f s" % (spent[main], table["duration_s"])


@test("few")
def deep_waits(python):
    """The stack of a wait is whole, however deep, though what is told of each wait has one size."""
    script = ("import sys, time\n"
              "sys.setrecursionlimit(7000)\n"
              "def deep(n):\n    if n > 1:\n        deep(n - 1)\n    else:\n        for _ in range(20):\n            time.sleep(0.01)\n"
              "time.sleep(0.2)\n"		# a program that has just been started is examined when it has been seen to run
              "deep(4000)")
    recording = record("-e", "offcpu", "--max-stack", 8192, "--root", "reason", "--", python.path, "-c", script)
    slept = [(frames, value) for frames, value in recording.stacks
             if frames[0].name == "[sleep]" and frames[-1].name == "deep"]
    expect(sum(value for _, value in slept) >= 0.199e9, "%d ns asleep in deep()" % sum(value for _, value in slept))
    depths = {sum(frame.name == "deep" for frame in frames) for frames, _ in slept}
    expect(depths == {4000}, "depths %s" % depths)


@test("none")
def waits_of_lua():
    """Where Lua waits and where it computes, and that it is all of its time."""
    told = []
    for lua in few_luas():
        if lua.root or not (FULL or lua.jit or lua.minor in ((5, 1), (5, 4))):		# where there is no shell
            continue
        recording = record("-e", "wall", "-F", 999, "--root", "reason", "--", lua.path, "%s/waits.lua" % lua.targets)
        cpu = json.loads(recording.output.decode())["cpu"]
        spent = {}
        for frames, value in recording.stacks:
            for name in ("reads", "spawns", "burns"):
                if name in [frame.name for frame in frames]:
                    spent[name, frames[0].name] = spent.get((name, frames[0].name), 0) + value / 1e9
        for key in (("reads", "[io]"), ("spawns", "[child]")):
            expect(spent.get(key, 0) >= 0.24, "%s: %s" % (lua.label, spent))
        mine = max(recording.json["threads"], key=lambda row: row["wall_ns"])
        wall, ran = mine["wall_ns"] / 1e9, mine["cpu_ns"] / 1e9
        expect(wall >= 0.75 and cpu - 0.01 * wall <= ran, "%s: %s, it says %.6f" % (lua.label, mine, cpu))
        # With the loops of its function goes what is called there, the clock.
        expect(0.2 <= spent.get(("burns", "[running]"), 0) <= ran, "%s: %s of %s" % (lua.label, spent, mine))
        told.append("%s %.3f of %.3f s" % (lua.label, ran, wall))
    return ", ".join(told)
