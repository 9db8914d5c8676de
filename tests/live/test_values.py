# SPDX-License-Identifier: GPL-2.0-only
"""Arguments and values returned, as scry trace shows them, against the repr() of the target itself."""
import collections
import json
import subprocess

from live import PATIENCE, SCRY, Target, expect, test

FUNCTIONS = ("same", "kept", "several", "yielding", "defaulted")
EVENTS = 12000


def calls_of(lines):
    """(entry, what ended it) of each call; a generator's first yield ends it here."""
    open_calls = []
    for line in lines:
        event = json.loads(line)
        if event["type"] == "entry":
            open_calls.append(event)
        elif event["type"] in ("return", "yield") and open_calls and open_calls[-1]["function"] == event["function"]:
            yield open_calls.pop(), event


@test()
def values_are_shown_as_repr_writes_them(python):
    with Target(python, "values") as target:
        done = subprocess.run([SCRY, "trace", "call", "-p", str(target.pid), "--args", "--ret", "--json", "-q", "-d", "20",
                               "--file", "values.py", "--max-events", str(EVENTS)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
        expect(done.returncode == 0, "exit status %d: %r" % (done.returncode, done.stderr[-300:]))
        expect(target.alive(), "the target died: " + target.complaint())
        shown = target.known["shown"]
    seen, wrong = collections.defaultdict(set), []
    for entry, end in calls_of(done.stdout.decode().splitlines()):
        name = entry["function"].split(".")[-1]
        if name not in FUNCTIONS:
            continue
        args = entry.get("args", {})
        number = int(args.get("number", -1))
        wanted = {"number": str(number), "value": shown[number]}
        if name == "several":
            one, key = shown[number], "{'key': %s}" % shown[number]
            wanted.update(rest="(%s,)" % one, more=key)
            if shown[number][0] in "[({fs" and args.get("rest", "").count("items"):		# one level deeper, more is cut
                wanted.update(rest=args["rest"], more=args["more"])
        if name == "defaulted":
            wanted["last"] = "()"
        if args != wanted:
            wrong.append("%s(%s) has %r" % (name, wanted, args))
        if end.get("ret") != shown[number]:
            wrong.append("%s returns %s, shown is %r" % (name, shown[number], end.get("ret")))
        seen[name].add(number)
    expect(not wrong, "%d differ, as %s" % (len(wrong), "; ".join(wrong[:3])))
    for name in FUNCTIONS:
        expect(seen[name] == set(range(len(shown))), "%s was seen with %d of %d values" % (name, len(seen[name]), len(shown)))
    return "%d values, %d functions" % (len(shown), len(FUNCTIONS))
