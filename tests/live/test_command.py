# SPDX-License-Identifier: GPL-2.0-only
"""Commands that run an interpreter by way of other programs, and what they must not notice of it."""
import json
import os
import signal
import subprocess
import tempfile
import time

from live import FULL, PATIENCE, SCRATCH, SCRY, Skip, expect, record, test

KILLS = 40 if FULL else 4


def stat(*command, status=0, event="call"):
    """(the rows, what the command printed before)"""
    done = subprocess.run([SCRY, "stat", event, "--json", "--"] + list(command), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
    output = done.stdout.decode("utf-8", "replace")
    expect(b"not seen" not in done.stderr, "it was not held: %r" % done.stderr[-400:])
    expect(done.returncode == status, "exit status %d: %r" % (done.returncode, done.stderr[-400:]))
    printed, brace, table = output.rpartition('{\n  "event":')
    expect(brace, "no table in %r" % output[-300:])
    return json.loads(brace + table)["rows"], printed


def first_calls(python, *prefix):
    rows, said = stat(*prefix + (python.path, python.targets + "/first.py"))
    calls = [row["calls"] for row in rows if row["function"] == "first"]
    expect(calls == [1000], "%s: %s calls of 1000" % (" ".join(prefix), calls))
    # A chroot may have no /proc.
    expect(said == ("no proc\n" if python.root and "no proc" in said else "TracerPid:\t0\n"), "still traced: %r" % said[-300:])


@test("few")
def a_program_behind_others_is_seen_from_its_first_call(python):
    if "embedded" in python.flags:
        raise Skip("an embedded interpreter runs only what it was built for")
    first_calls(python, "sh", "-c", '"$@"; true', "sh")
    first_calls(python, "unshare", "-m", "--propagation", "unchanged", "env", "-u", "LANG")		# works in a chroot, too
    if not python.root:		# those with one are run by a script that changes to it
        first_calls(python)


@test("none")
def a_command_that_is_held_does_as_it_would():
    cases = [
        ("exit 7", 7, ""),
        ("no-such-program", 127, ""),
        ("kill -9 $$", 137, ""),
        ("trap 'echo got' USR1; kill -USR1 $$; echo on", 0, "got\non\n"),
        ("(sleep 0.2; kill -CONT $$) & kill -STOP $$; echo on; exit 3", 3, "on\n"),
        ("sleep 0.1 & wait $!; echo $?; (exit 5); echo $?", 0, "0\n5\n"),
        ("for i in 1 2 3; do /bin/echo $i | cat; done", 0, "1\n2\n3\n"),
    ]
    for script, status, wanted in cases:
        _, said = stat("sh", "-c", script, status=status, event="gc")
        expect(wanted in said, "%s: printed %r" % (script, said))
    # With -d, scry leaves before the command ends.
    began = time.monotonic()
    _, said = stat("sh", "-c", "/bin/true; sleep 0.7; grep TracerPid /proc/self/status", event="gc")
    expect("TracerPid" in said and time.monotonic() - began > 0.7, "it did not go on: %r" % said)


def wait_for(path):
    deadline = time.monotonic() + PATIENCE
    while not os.path.exists(path) or os.path.getsize(path) == 0:
        expect(time.monotonic() < deadline, "%s did not come" % os.path.basename(path))
        time.sleep(0.02)


@test("none")
def a_command_outlives_whoever_holds_it():
    done = tempfile.mktemp(prefix="done-", dir=SCRATCH)
    for number in range(KILLS):
        script = "echo > %s.%d.begun; i=0; while [ $i -lt 150 ]; do /bin/true; i=$((i + 1)); done; echo $i > %s.%d" % (done, number, done, number)
        scry = subprocess.Popen([SCRY, "stat", "gc", "-q", "--", "sh", "-c", script], stdout=subprocess.DEVNULL)
        wait_for("%s.%d.begun" % (done, number))
        time.sleep(0.3 * number / KILLS)
        scry.send_signal(signal.SIGKILL)
        scry.wait()
    for number in range(KILLS):
        wait_for("%s.%d" % (done, number))
    return "%d times" % KILLS


@test("one")
def a_command_that_is_looked_at_before_it_begins(python):
    """Its memory is known when its first instruction is sampled, and nobody holds it any more."""
    code = "import time\nend = time.time() + 0.3\nwhile time.time() < end: pass"
    recording = record("--native", "-F", 4999, "--", python.path, "-c", code)
    errors = recording.json["errors"]
    expect(recording.samples > 100 and errors.get("C frames: memory map not read yet", 0) <= 3, "%s of %d" % (errors, recording.samples))
    status = record("--native", "--", python.path, "-c",
                    "print(open('/proc/self/status').read())", kinds=("folded",)).output.decode()
    expect("TracerPid:\t0" in status, "traced: %s" % status[:300])
    return "%d samples, without C frames: %s" % (recording.samples, errors)
