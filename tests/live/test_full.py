# SPDX-License-Identifier: GPL-2.0-only
"""More processes than scry has room for: what is not seen for that reason is told. The kernel's maps are filled from outside,
with numbers that no process can have."""
import os
import re
import sys
import tempfile

from live import SCRATCH, Recorder, Target, bpftool, expect, test
from test_lifecycle import rounds

ROOM = 16384		# MAX_PROCS in bpf/maps.h
FIRST = 1 << 30		# beyond the kernel's PID_MAX_LIMIT


def map_of(recorder, name):
    """Its id among the maps that this process holds, and the size of its values."""
    folder = "/proc/%d/fdinfo" % recorder.process.pid
    held = set()
    for entry in os.listdir(folder):
        with open(os.path.join(folder, entry)) as info:
            held |= {int(number) for number in re.findall(r"^map_id:\s*(\d+)", info.read(), re.M)}
    found = [(entry["id"], entry["bytes_value"]) for entry in bpftool("map", "show") if entry["id"] in held and entry.get("name") == name]
    expect(len(found) == 1, "%d maps %s" % (len(found), name))
    return found[0]


def fill(recorder, name):
    """Leave no room beside the one target."""
    number, value_bytes = map_of(recorder, name)
    with tempfile.NamedTemporaryFile("w", dir=SCRATCH) as batch:
        for key in range(FIRST, FIRST + ROOM - 1):
            batch.write("map update id %d key hex %s value hex %s\n" % (
                number, " ".join("%02x" % byte for byte in key.to_bytes(4, sys.byteorder)), " ".join(["00"] * value_bytes)))
        batch.flush()
        bpftool("batch", "file", batch.name)


def children_of_full(python, name):
    """(Recording, pids of all children, those of them that are in it)"""
    with Target(python, "forker") as target, Recorder("-p", target.pid, "--children", "-F", 999) as recorder:
        fill(recorder, name)
        pids = rounds(target, 2)
        recording = recorder.stop()
    everyone = {pid for numbers in pids.values() for pid in numbers}
    return recording, everyone, {row["pid"] for row in recording.json["threads"]} & everyone


@test("one")
def more_children_than_fit(python):
    recording, everyone, seen = children_of_full(python, "targets")
    told = re.search(r"scry: (\d+) processes not followed: too many at a time", recording.said)
    expect(told, "it said %r" % recording.said[-300:])
    expect(len(everyone) == int(told.group(1)) and not seen, "%d children, %d of them are in" % (len(everyone), len(seen)))
    return told.group()


@test("one")
def more_interpreters_than_fit(python):
    recording, everyone, seen = children_of_full(python, "procs")
    names = {row["function"] for row in recording.json["functions"]}
    told = recording.json["errors"].get("table of processes full", 0)
    expect(told > 0 and seen == everyone, "%s of %d children; errors %s" % (len(seen), len(everyone), recording.json["errors"]))
    expect("parent_burn" in names and not names & {"forked_burn", "execed_burn", "worker_burn"}, "names: %s" % sorted(names))
    return "%d samples: table of processes full" % told
