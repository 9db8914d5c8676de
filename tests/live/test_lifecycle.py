# SPDX-License-Identifier: GPL-2.0-only
"""Attaching, detaching, and everything that can end in between."""
import collections
import json
import os
import re
import resource
import signal
import subprocess
import time

from live import (PATIENCE, SCRATCH, SCRY, Failure, Recorder, Skip, Target, bpftool, expect, interpreters, one_of_each_minor, outputs,
                  read_line, record, show, test)


def held_by(recorder):
    """(kind, id) of the BPF programs and links that this scry has. (The kernel does not give an id again.)"""
    held = set()
    folder = "/proc/%d/fdinfo" % recorder.process.pid
    for entry in os.listdir(folder):
        try:
            with open(os.path.join(folder, entry)) as info:
                held |= set(re.findall(r"^(prog|link)_id:\s*(\d+)$", info.read(), re.M))
        except FileNotFoundError:		# closed meanwhile
            pass
    expect({"prog", "link"} == {kind for kind, _ in held}, "scry attached nothing: %s" % sorted(held))
    return held


def gone(held):
    """Nothing of it is left; the kernel frees programs after a grace period, so ask until it has."""
    end = time.monotonic() + PATIENCE
    while True:
        left = held & {(kind, str(entry["id"])) for kind in ("prog", "link") for entry in bpftool(kind, "show")}
        if not left:
            return
        expect(time.monotonic() < end, "left in the kernel: %s" % sorted(left))
        time.sleep(0.05)


@test("one")
def killed(python):
    """kill -9 of scry: the target runs on, no program or link remains, and the capture is readable up to its last second."""
    with Target(python, "shares") as target:
        with Recorder("-p", target.pid, "-F", 999, kinds=("scry",)) as recorder:
            held = held_by(recorder)
            told = recorder.wait_for_samples(2000)
            recorder.process.kill()
            recorder.process.wait()
        gone(held)
        expect(target.alive(), "the target died")
        base, files = outputs(("folded", "json"))
        done = subprocess.run([SCRY, "report", recorder.base + ".scry"] + files, stderr=subprocess.PIPE)
        expect(done.returncode == 0, "report of a killed recording: %r" % done.stderr[-300:])
        with open(base + ".json") as table:
            samples = json.load(table)["samples"]
        expect(samples >= told, "only %d samples of %d are readable" % (samples, told))
        target.truth()
    return "%d samples kept" % samples


def ended_by(python, signum):
    with Target(python, "shares") as target:
        with Recorder("-p", target.pid, "-F", 999) as recorder:
            held = held_by(recorder)
            told = recorder.wait_for_samples(700)
            recording = recorder.stop(signum)
        gone(held)
        expect(target.alive(), "the target died")
    table = recording.json
    expect(table["samples"] >= told, "only %d samples of %d" % (table["samples"], told))
    expect({"six", "three", "one"} <= {row["function"] for row in table["functions"]}, "functions are missing")
    return "%d samples" % table["samples"]


@test("one")
def interrupted(python):
    return ended_by(python, signal.SIGINT)


@test("one")
def terminated(python):
    return ended_by(python, signal.SIGTERM)


@test("few")
def target_ends(python):
    """Without -d a recording lasts until the target is gone."""
    with Target(python, "shares") as target, Recorder("-p", target.pid, "-F", 999) as recorder:
        told = recorder.wait_for_samples(500)
        expect(recorder.process.poll() is None, "the recording ended before the target")
        target.truth()
        recording = recorder.wait()
        expect(target.process.wait(PATIENCE) == 0, "the target died")
    table = recording.json
    expect(table["samples"] >= told, "only %d samples of %d" % (table["samples"], told))
    expect({"six", "three", "one"} <= {row["function"] for row in table["functions"]}, "functions are missing")


def rounds(target, count):
    """Have forker work so often; {function: pids of the children it ran in}."""
    target.process.send_signal(signal.SIGUSR1)
    for _ in range(count):
        read_line(target.process.stdout, "forker", "round")
    target.process.send_signal(signal.SIGTERM)
    return json.loads(read_line(target.process.stdout, "forker", "{"))["pids"]


@test("few")
def children(python):
    """--children: processes started later by fork, fork and exec, and multiprocessing are in, each under its own pid."""
    if "embedded" in python.flags:
        raise Skip("an embedded interpreter does not know its own program")
    with Target(python, "forker") as target:
        with Recorder("-p", target.pid, "--children", "-F", 999, "--root", "process") as recorder:
            pids = rounds(target, 3)
            recording = recorder.stop()
    expect("not followed" not in recording.said, "said %r" % recording.said[-300:])
    seen = {}
    for frames, _ in recording.stacks:
        for frame in frames:
            seen.setdefault(frame.name, set()).add(frames[0].name)
    for name in pids:
        expect(len(seen.get(name, ())) == len(pids[name]), "%s was seen in %s, of %s" % (
            name, sorted(seen.get(name, ())), pids[name]))
    of = {row["pid"] for row in recording.json["threads"]}
    for name, numbers in pids.items():
        expect(set(numbers) <= of, "of the processes of %s only %s are in" % (name, sorted(of & set(numbers))))


@test("one")
def no_children(python):
    """Without --children they are not."""
    with Target(python, "forker") as target, Recorder("-p", target.pid, "-F", 999) as recorder:
        rounds(target, 2)
        recording = recorder.wait()
    pids = {row["pid"] for row in recording.json["threads"]}
    expect(pids == {target.pid}, "asked for %d, got %s" % (target.pid, sorted(pids)))


def lives(python, count, *arguments):
    """A program that runs itself again and again in one process, from either of two threads: each life is in the recording,
    under its own name, file and line, and nothing of an earlier one. Without randomised addresses, as the code objects of
    one life then lie where those of another did."""
    with Target(python, "execer", count, *arguments, prefix=["setarch", "-R"]) as target:
        with Recorder("-p", target.pid, "-F", 999) as recorder:
            target.process.send_signal(signal.SIGUSR1)
            recording = recorder.wait()
        expect(target.process.wait(PATIENCE) == 0, "it ended with %s: %s" % (target.process.returncode, target.complaint()))
    seen = collections.Counter()
    for frames, number in recording.stacks:
        of = {frame for frame in frames if frame.name.startswith("life_")}
        expect(len(of) <= 1, "two lives in a stack: %s" % show(frames))
        for name, file, line in of:
            expect(file == "life_%d.py" % (line - 1) and name == "life_%d" % (line - 1), "%s is in %s:%d" % (name, file, line))
            expect(frames[0].name == "<module>" and frames[0].file.endswith("execer.py"), "below it: %s" % show(frames))
            seen[line - 1] += number
    expect({row["pid"] for row in recording.json["threads"]} == {target.pid}, "pids: %s" % recording.json["threads"])
    return seen


@test("few")
def replaced(python):
    if "embedded" in python.flags:
        raise Skip("an embedded interpreter does not know its own program")
    seen = lives(python, 6)
    expect(all(seen[life] > 50 for life in range(6)), "of 6 lives: %s" % dict(seen))
    return "samples of each life: %s" % [seen[life] for life in range(6)]


@test("none")
def replaced_by_others():
    """By the interpreters of other versions in turns."""
    here = one_of_each_minor([python for python in interpreters() if not python.root and "embedded" not in python.flags])
    if len(here) < 2:
        raise Skip("only one interpreter outside of a chroot")
    count = 2 * len(here)
    seen = lives(here[0], count, ":".join(python.path for python in here[1:] + here[:1]))
    expect(all(seen[life] > 50 for life in range(count)), "of %d lives: %s" % (count, dict(seen)))
    return "%d versions; samples of each life: %s" % (len(here), [seen[life] for life in range(count)])


@test("few")
def command(python):
    """-- CMD: from its first instruction, output untouched, exit status passed on."""
    code = "import sys\ndef whole_life():\n n = 6000000\n while n: n -= 1\nwhole_life()\n" \
           "sys.stdout.write('its output\\n')\nsys.exit(7)"
    recording = record("-F", 999, "--", python.path, "-c", code, status=7)
    expect(recording.output == b"its output\n", "the output became %r" % recording.output)
    names = {row["function"]: row["total"] for row in recording.json["functions"]}
    expect(names.get("whole_life", 0) > 5, "functions: %s" % sorted(names)[:10])


@test("one")
def command_killed(python):
    recording = record("-F", 99, "--", python.path, "-c", "import os, signal; os.kill(os.getpid(), 15)", status=None)
    expect(recording.status == 128 + 15, "a command ended by signal 15 gave exit status %d" % recording.status)


@test("one")
def command_missing(python):
    recording = record("--", "/no/such/program", status=None)
    expect(recording.status not in (0, None), "exit status 0")
    expect("/no/such/program" in recording.said, "said %r" % recording.said)


def refused(pid, *words):
    """A clear line that has these words, exit status 1."""
    recording = record("-p", pid, "-d", 1, status=1)
    lines = [line for line in recording.said.splitlines() if line.startswith("scry:")]
    expect(len(lines) == 1, "said %r" % recording.said)
    expect(all(word in lines[0] for word in words), "%r does not have %s" % (lines[0], words))
    return lines[0]


@test("none")
def not_an_interpreter():
    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            return refused(process.pid, str(process.pid), "sleep")
        finally:
            process.kill()


@test("none")
def no_such_process():
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return refused(process.pid, str(process.pid))


@test("one")
def thread_id(python):
    """A thread's id given for a process's is named as one, with the process it belongs to."""
    with Target(python, "threads") as target:
        tid = next(int(tid) for tid in os.listdir("/proc/%d/task" % target.pid) if int(tid) != target.pid)
        return refused(tid, str(tid), str(target.pid), "thread")


@test("one")
def slips_are_told_before_anything_is_recorded(python):
    """What would make a long recording worthless, and can be known at its start."""
    def slip(*options):
        done = subprocess.run([SCRY, "record", "-p", str(target.pid), "-d", "60"] + [str(option) for option in options],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30)
        said = done.stderr.decode("utf-8", "replace")
        expect(done.returncode == 1 and len(said.splitlines()) == 1, "%s: exit status %d, said %r" % (options, done.returncode, said))
        return said.strip()

    folder = os.path.join(SCRATCH, "folder.svg")
    os.makedirs(folder, exist_ok=True)
    missing = os.path.join(SCRATCH, "missing", "x.svg")
    with Target(python, "idle") as target:
        expect("create %s: No such file" % missing in slip("-o", missing), "not the file")
        expect("create %s: Is a directory" % folder in slip("-o", folder), "not the folder")
        expect("there is no thread 4194304" in slip("--tid", 1 << 22), "not the thread")		# PID_MAX_LIMIT
        said = slip("--tid", "%d,%d" % (target.pid, os.getpid()))
    expect("thread %d is one of process %d" % (os.getpid(), os.getpid()) in said, said)
    return said


@test("one")
def options_of_other_events_are_refused(python):
    """An option that says nothing of any of the events would be passed over without a word; beside one that it is for it is fine."""
    def status(*words):
        done = subprocess.run([SCRY, *words, "-d", "0.1", "-p", str(target.pid)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              timeout=30)
        said = done.stderr.decode("utf-8", "replace")
        expect(done.returncode != 2 or "only for" in said and len(said.splitlines()) == 1, said)
        return done.returncode

    refuse = ("gc --args", "import --ret", "line --flow", "gc --depth 2", "call --event x", "exception --min-duration 1ms")
    with Target(python, "idle") as target:
        for words in refuse:
            expect(status("trace", *words.split()) == 2, words)
        expect(status("stat", "call", "--event", "x") == 2, "stat call --event")
        expect(status("trace", "call,gc", "--flow", "--args") == 0, "call,gc --flow --args")
        expect(status("trace", "call,audit", "--event", "open") == 0, "call,audit --event")
    return "%d refused" % (len(refuse) + 1)


@test("one")
def a_full_disk_ends_it(python):
    """What was written until then can be read; nothing goes on for nothing."""
    path = os.path.join(SCRATCH, "full.scry")

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    with Target(python, "shares") as target:
        done = subprocess.run([SCRY, "record", "-p", str(target.pid), "-F", "9999", "-o", path], preexec_fn=limit,
                              restore_signals=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    said = done.stderr.decode("utf-8", "replace")
    expect(done.returncode == 1 and said.count("File too large") == 1 and "recording ends; %s holds" % path in said,
           "exit status %d, said %r" % (done.returncode, said))
    read = subprocess.run([SCRY, "report", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    expect(b"six" in read.stdout and b"its end is missing" in read.stderr, "read %r, said %r" % (read.stdout, read.stderr))
    return "read %s" % read.stderr.decode().strip().split("read ")[-1]


@test("few")
def other_namespaces(python):
    """In a mount and a pid namespace of its own, by the pid that it has outside."""
    prefix = ["unshare", "--fork", "--pid", "--mount", "--propagation", "unchanged", "--kill-child"]
    try:
        target = Target(python, "shares", prefix=prefix)
    except Failure as failure:
        if "unshare" in str(failure):
            raise Skip(str(failure)[-150:])
        raise
    with target:
        with open("/proc/%d/task/%d/children" % ((target.process.pid,) * 2)) as children_of:
            pid = int(children_of.read().split()[0])
        expect(target.pid == 1 and pid > 1, "not in a namespace: %d" % target.pid)
        recording = record("-p", pid, "-F", 999, "-d", 1)
        expect(target.alive(), "the target died")
    table = recording.json
    expect({"six", "three", "one"} <= {row["function"] for row in table["functions"]}, "functions are missing")
    expect({row["pid"] for row in table["threads"]} == {pid}, "pids: %s" % table["threads"])


@test("one")
def stdout_folded(python):
    """-o - prints folded stacks and nothing else."""
    with Target(python, "shares") as target:
        recording = record("-p", target.pid, "-F", 99, "-d", 1, "-o", "-", kinds=())
    lines = recording.output.decode().splitlines()
    expect(lines and all(line.rpartition(" ")[2].isdigit() for line in lines), "stdout is %r" % recording.output[:200])


@test("one")
def default_file(python):
    """Without -o a capture of its own name, which report reads."""
    folder = SCRATCH + "/default"
    os.makedirs(folder, exist_ok=True)
    with Target(python, "shares") as target:
        record("-p", target.pid, "-F", 99, "-d", 1, kinds=(), cwd=folder)
    names = os.listdir(folder)
    expect(len(names) == 1 and names[0].startswith("scry-%d-" % target.pid) and names[0].endswith(".scry"),
           "it wrote %s" % names)
    report = subprocess.run([SCRY, "report", os.path.join(folder, names[0])], stdout=subprocess.PIPE)
    expect(report.returncode == 0 and b"six" in report.stdout, "report: %r" % report.stdout[:300])
