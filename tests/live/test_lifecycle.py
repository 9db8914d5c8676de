# SPDX-License-Identifier: GPL-2.0-only
"""Attaching, detaching, and everything that can end in between."""
import json
import os
import signal
import subprocess
import threading
import time

from live import SCRATCH, SCRY, Failure, Recorder, Skip, Target, expect, outputs, record, test


def bpf_objects():
    """Identifiers of all BPF programs and links in the kernel."""
    objects = set()
    for kind in ("prog", "link"):
        done = subprocess.run(["bpftool", "-j", kind, "show"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"))
        if done.returncode:
            raise Skip("bpftool %s show: %s" % (kind, done.stderr.decode()[:100]))
        objects |= {(kind, entry["id"]) for entry in json.loads(done.stdout.decode() or "[]")}
    return objects


def gone(objects_before):
    """Nothing is left; the kernel frees programs after a grace period, so ask until it has."""
    end = time.monotonic() + 10
    while True:
        left = bpf_objects() - objects_before
        if not left:
            return
        expect(time.monotonic() < end, "left in the kernel: %s" % sorted(left))
        time.sleep(0.05)


@test("one", alone=True)
def killed(python):
    """kill -9 of scry: the target runs on, no program or link remains, and the capture is readable up to its last second."""
    with Target(python, "shares") as target:
        before = bpf_objects()
        with Recorder("-p", target.pid, "-F", 999, kinds=("scry",)) as recorder:
            expect(bpf_objects() - before, "scry attached nothing")
            threading.Event().wait(2.5)
            recorder.process.kill()
            recorder.process.wait()
        gone(before)
        expect(target.alive(), "the target died")
        base, files = outputs(("folded", "json"))
        done = subprocess.run([SCRY, "report", recorder.base + ".scry"] + files, stderr=subprocess.PIPE)
        expect(done.returncode == 0, "report of a killed recording: %r" % done.stderr[-300:])
        with open(base + ".json") as table:
            samples = json.load(table)["samples"]
        expect(samples > 999, "only %d samples of 2.5 s at 999 Hz are readable" % samples)
        target.truth()
    return "%d samples kept" % samples


def ended_by(python, signum):
    with Target(python, "shares") as target:
        before = bpf_objects()
        with Recorder("-p", target.pid, "-F", 999) as recorder:
            threading.Event().wait(1)
            recording = recorder.stop(signum)
        gone(before)
        expect(target.alive(), "the target died")
    table = recording.json
    expect(table["samples"] > 700, "only %d samples of 1 s at 999 Hz" % table["samples"])
    expect({"six", "three", "one"} <= {row["function"] for row in table["functions"]}, "functions are missing")
    return "%d samples" % table["samples"]


@test("one", alone=True)
def interrupted(python):
    return ended_by(python, signal.SIGINT)


@test("one", alone=True)
def terminated(python):
    return ended_by(python, signal.SIGTERM)


@test("few")
def target_ends(python):
    """Without -d a recording lasts until the target is gone."""
    with Target(python, "shares", seconds=3) as target:
        recording = record("-p", target.pid, "-F", 999)
        expect(not target.alive() or target.process.wait(5) is not None, "the recording ended before the target")
    table = recording.json
    expect(table["samples"] > 50, "only %d samples" % table["samples"])
    expect({"six", "three", "one"} <= {row["function"] for row in table["functions"]}, "functions are missing")


@test("few")
def children(python):
    """--children: processes started later by fork, fork and exec, and multiprocessing are in, each under its own pid."""
    if "embedded" in python.flags:
        raise Skip("an embedded interpreter does not know its own program")
    with Target(python, "forker") as target:
        recording = record("-p", target.pid, "--children", "-F", 999, "-d", 3, "--root", "process")
        pids = target.truth()["pids"]
    seen = {}
    for frames, _ in recording.stacks:
        for frame in frames:
            seen.setdefault(frame.name, set()).add(frames[0].name)
    for name in pids:
        expect(len(seen.get(name, ())) >= 2, "%s was seen in %s" % (name, sorted(seen.get(name, ()))))
    of = {row["pid"] for row in recording.json["threads"]}
    for name, numbers in pids.items():
        expect(len(of & set(numbers)) >= 2, "of the processes of %s only %s are in" % (name, sorted(of & set(numbers))))


@test("one")
def no_children(python):
    """Without --children they are not."""
    with Target(python, "forker") as target:
        recording = record("-p", target.pid, "-F", 999, "-d", 1)
    pids = {row["pid"] for row in recording.json["threads"]}
    expect(pids == {target.pid}, "asked for %d, got %s" % (target.pid, sorted(pids)))


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
