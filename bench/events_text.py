# SPDX-License-Identifier: GPL-2.0-only
"""The figures of `events` as docs/cost-events.md."""
import os
import platform

HEAD = """\
<!-- Written by `make bench-events`; edits here are lost. -->
# What an event costs

The price of counting (`scry stat call`) and of tracing (`scry trace call`, written to /dev/null) to the program that is
watched, by the method with which scry sees calls and returns. Measured on Linux %s, %s, %d CPUs%s.

"""

METHOD = """\
## How it is measured

The target calls an empty Python function %(calls)s times in a loop and takes the time; the time without a tool, right before and
right after, is subtracted. So everything is in the figure that the target pays: the kernel's breakpoint, the program, and what
reading of the ring buffer takes from it. The median of %(runs)d loops, of %(rounds)d times that the tool was attached. An event is
an entry or a return; a call is both, except for `bpftrace, entry alone`, which counts a call by one event: scry needs both,
since it tells times. The target has a CPU by priority, not for itself: what
else the machine does shows as noise.

- Method eval has its probe at the eval function's `ret`, which the kernel does not emulate (arch/x86/kernel/uprobes.c) but
  single-steps out of line, with a trap of its own.
- *the breakpoints alone*: a program that does nothing at the same places. bpftrace sits at the markers, where the interpreter
  does some work for the marker; handlers have none.
- *matches nothing*: with `--func nosuch`, so that every function is filtered out.
- *bpftrace*: `usdt:...:function__entry { @ = count(); }`, and `@[str(arg1)] = count()` at entry and at return: no times, no
  pairing, no line numbers.
- *sys.setprofile*, *sys.monitoring*: the same count by code object, at entry and return, by a Python function in the target itself.
  It needs code in the target.
- *attached after* is from the tool's start until calls become slower, *gone after* from Ctrl-C until its end.
- *seen*: calls of the function that the tool counted, or events that it told, beside the number that the target made while it was
  measured; it may see more, since calls are made before to find out whether it is there. *lost* is what the tool itself tells.
"""


def row_of(row):
    seen = "-"
    if "calls" in row:
        seen = "{:,} calls of {:,}".format(row["calls"], row["sent"])
    elif "told" in row and "nothing" not in row["name"]:
        seen = "{:,} events of {:,}".format(row["told"], 2 * row["sent"])
    start, end = ("%.2f s" % row[key] if key in row else "-" for key in ("start", "end"))
    lost = "{:,}".format(row["lost"]) if "lost" in row else "-"
    return (row["name"], "%.0f" % row["event"], "%.0f" % row["call"], start, end, seen, lost)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def ratio(result):
    """What is in the price, and how it compares with the tool that comes nearest to doing the same."""
    found = {row["name"]: row for row in result["rows"]}
    mine, peer = found.get("scry stat"), found.get("bpftrace, entry and return by name")
    alone, text = found.get("the breakpoints alone"), []
    if mine and alone:
        text.append("Of scry stat's %.0f ns an event the breakpoint takes %.0f" % (mine["event"], alone["event"]))
        if result["program"]:
            text[-1] += "; its program takes %d as the kernel's run statistics see it, which take some themselves" % result["program"]
    if mine and peer:
        text.append("scry stat takes %.2f of what bpftrace's count by name takes, an event as well as a call" %
                    (mine["event"] / peer["event"]))
    if mine and peer and alone:
        text.append("without the breakpoints, which both pay, %.2f" %
                    ((mine["event"] - alone["event"]) / max(peer["event"] - alone["event"], 1)))
    return "\n" + ".\n".join(text[:2]) + ("; " + text[2] if text[2:] else "") + ".\n" if text else ""


def section(result):
    head = ("tool", "ns an event", "ns a call", "attached after", "gone after", "seen", "lost")
    return "## Python %(version)s, method %(method)s\n\nA call without a tool: %(bare).0f ns.\n\n" % result + table(
        head, [row_of(row) for row in result["rows"]]) + ratio(result) + "\n"


def write(results, path, settings):
    load = os.getloadavg()[1]
    other = "; the machine did other work meanwhile (load %.1f)" % load if load > 2 else ""
    with open(path, "w") as f:
        f.write(HEAD % (platform.release().split("-")[0], platform.machine(), os.cpu_count(), other))
        f.write("".join(map(section, results)) + METHOD % settings)
