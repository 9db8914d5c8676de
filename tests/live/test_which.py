# SPDX-License-Identifier: GPL-2.0-only
"""Which processes and threads are recorded, and with which rights."""
import json
import os
import re
import shutil
import subprocess

from live import SCRATCH, SCRY, Recorder, Skip, Target, expect, record, test


def names_of(recording):
    return {row["function"] for row in recording.json["functions"]}


def pids_of(recording):
    return {row["pid"] for row in recording.json["threads"]}


@test("one")
def several_pids(python):
    with Target(python, "shares") as first, Target(python, "names") as second, Target(python, "shares") as other:
        recording = record("-p", "%d,%d" % (first.pid, second.pid), "-F", 99, "-d", 1)
    expect(pids_of(recording) == {first.pid, second.pid}, "pids: %s, not asked for: %d" % (pids_of(recording), other.pid))


@test("one")
def everything(python):
    """-a: what ran before, and what starts later."""
    with Target(python, "shares") as before, Recorder("-a", "-F", 199) as recorder:
        with Target(python, "names") as later:
            later.until_it_used(0.5)
            later.truth()
            later.process.wait()
        recording = recorder.stop()
    expect({before.pid, later.pid} <= pids_of(recording), "pids: %s" % pids_of(recording))
    expect({"six", "burn"} <= names_of(recording), "names: %s" % sorted(names_of(recording))[:10])


@test("one")
def by_comm(python):
    """--comm GLOB: threads whose name fits, and no others."""
    python.needs("ctypes")
    with Target(python, "threadkinds") as target:
        recording = record("-p", target.pid, "-F", 199, "-d", 1, "--comm", "t-c-*")
        tids = {row["tid"] for row in recording.json["threads"]}
    expect(tids == {target.known["threads"][name] for name in ("t-c-held", "t-c-released")}, "threads: %s of %s" %
           (tids, target.known["threads"]))


@test("one")
def by_tid(python):
    python.needs("ctypes")
    with Target(python, "threadkinds") as target:
        tid = target.known["threads"]["t-busy"]
        recording = record("-p", target.pid, "-F", 199, "-d", 1, "--tid", tid)
    expect({row["tid"] for row in recording.json["threads"]} == {tid}, "threads: %s" % recording.json["threads"])
    expect("busy" in names_of(recording), "names: %s" % names_of(recording))


@test("one")
def by_cgroup(python):
    """--cgroup PATH: the processes in it, those that start there later, and no others."""
    mounts = [line.split() for line in open("/proc/self/mounts")]
    top = next((fields[1] for fields in mounts if fields[2] == "cgroup2"), None)
    if top is None:
        raise Skip("no cgroup2 is mounted")
    folder = os.path.join(top, "scry-live-%d" % os.getpid())
    try:
        os.mkdir(folder)
    except OSError as error:
        raise Skip("cannot make a cgroup: %s" % error)
    enter = ["sh", "-c", 'echo $$ > "$0/cgroup.procs" && exec "$@"', folder]
    try:
        with Target(python, "shares", prefix=enter) as inside, Target(python, "shares") as outside:
            with Recorder("--cgroup", folder, "-F", 199) as recorder:
                with Target(python, "names", prefix=enter) as later:
                    later.until_it_used(0.5)
                    later.truth()
                    later.process.wait()
                recording = recorder.stop()
        expect(pids_of(recording) == {inside.pid, later.pid}, "pids: %s; in the group %d, %d, outside %d" %
               (pids_of(recording), inside.pid, later.pid, outside.pid))
    finally:
        os.rmdir(folder)


@test("none")
def a_folder_that_is_no_cgroup():
    said = record("--cgroup", SCRATCH, "-d", 0.1, status=1).said
    expect("%s is not in a cgroup v2 hierarchy" % SCRATCH in said, "said %r" % said)


# --- rights ---

WANTED = ["bpf", "perfmon", "sys_ptrace", "dac_read_search"]


def with_only(capabilities):
    """A prefix that runs a command as nobody with these capabilities alone."""
    if not shutil.which("setpriv"):
        raise Skip("no setpriv (package util-linux)")
    listed = ",".join("+" + name for name in capabilities)
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set",
            "-all" + ("," + listed if listed else ""), "--inh-caps", "-all" + ("," + listed if listed else ""),
            "--ambient-caps", "-all" + ("," + listed if listed else "")]


def open_scratch():
    """nobody must be able to reach scry and to write the outputs."""
    folder = os.path.join(SCRATCH, "nobody")
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o777)
    scry = os.path.join(folder, "scry")
    if not os.path.exists(scry):
        shutil.copy(SCRY, scry + ".new")
        os.chmod(scry + ".new", 0o755)
        os.rename(scry + ".new", scry)
    return folder, scry


def record_as_nobody(capabilities, pid):
    folder, scry = open_scratch()
    base = os.path.join(folder, "out-%d" % pid + "".join(capabilities))
    return subprocess.run(with_only(capabilities) + [scry, "record", "-p", str(pid), "-F", "99", "-d", "1",
                                                     "-o", base + ".folded"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder), base + ".folded"


@test("one")
def capabilities_suffice(python):
    """Without root. What a kernel wants beyond WANTED must be said by name, and then be enough."""
    granted = list(WANTED)
    with Target(python, "shares") as target:
        for _ in range(3):
            done, folded = record_as_nobody(granted, target.pid)
            more = re.search(r"CAP_([A-Z_]+)", done.stderr.decode("utf-8", "replace"))
            if done.returncode == 0 or not more or more.group(1).lower() in granted:
                break
            granted.append(more.group(1).lower())
    expect(done.returncode == 0, "with %s: %r" % (granted, done.stderr[-300:]))
    with open(folded) as stacks:
        expect("six" in stacks.read(), "no names in the stacks")
    return "with " + ", ".join("CAP_" + name.upper() for name in granted)


@test("one")
def a_missing_capability_is_named(python):
    told = []
    with Target(python, "shares") as target:
        for missing in ("bpf", "perfmon"):
            done, _ = record_as_nobody([name for name in WANTED if name != missing], target.pid)
            said = done.stderr.decode("utf-8", "replace")
            expect(done.returncode == 1, "without %s: exit status %d, %r" % (missing, done.returncode, said))
            expect("CAP_" + missing.upper() in said and len(said.splitlines()) == 1, "without %s it said %r" % (missing, said))
            told.append(said.strip())
    return "; ".join(told)


@test("one")
def no_rights_at_all(python):
    with Target(python, "shares", prefix=with_only([])) as target:
        done, _ = record_as_nobody([], target.pid)
    said = done.stderr.decode("utf-8", "replace")
    expect(done.returncode == 1 and len(said.splitlines()) == 1 and "CAP_BPF" in said, "exit status %d, said %r" %
           (done.returncode, said))
    return said.strip()


# --- what list says ---

@test()
def listed(python):
    """scry list PID knows the version and the kind of build."""

    with Target(python, "idle") as target:
        done = subprocess.run([SCRY, "list", str(target.pid), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    expect(done.returncode == 0, "said %r" % done.stderr[-300:])
    text = done.stdout.decode()
    expect("%d.%d.%d" % python.version in text, "version %s is not in %s" % (python.version, text[:300]))
    json.loads(text)
