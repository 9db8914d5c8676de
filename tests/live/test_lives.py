# SPDX-License-Identifier: GPL-2.0-only
"""Interpreters that live for 50 ms, seen and named under -a, which was told nothing of them."""
import json

from live import FULL, Recorder, Skip, Target, expect, read_line, test

COUNT = 200 if FULL else 60
HERTZ = 999


@test("few", alone=True)
def short_lives(python):
    if "embedded" in python.flags:
        raise Skip("an embedded interpreter does not know its own program")
    with Recorder("-a", "-F", HERTZ) as recorder:
        with Target(python, "shortlived", COUNT, 4) as target:
            lives = target_lives(target)
        recording = recorder.stop()
    by_name, homes = {}, {}
    for frames, count in recording.stacks:
        for frame in frames:
            if frame.name.startswith("life_"):
                by_name[frame.name] = by_name.get(frame.name, 0) + count
                homes.setdefault(frame.name, set()).add(frames[-1].name)
    missing = [name for name in sorted(lives) if name not in by_name]
    expect(not missing, "%d of %d were not seen by name: %s" % (len(missing), COUNT, missing[:8]))
    strangers = set(by_name) - set(lives)
    expect(not strangers, "names of no process: %s" % sorted(strangers)[:5])
    expect(recording.json["lost"] == 0, "%d samples lost" % recording.json["lost"])
    ticks = sum(seconds for _, seconds in lives.values()) * HERTZ
    return "%d of %d seen, %d samples of about %d ticks" % (len(by_name), COUNT, sum(by_name.values()), ticks)


def target_lives(target):
    """It ends by itself; its last line says who lived."""
    import json
    lives = json.loads(read_line(target.process.stdout, "shortlived", "lives", 300))["lives"]
    target.process.wait()
    return lives
