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
an entry or a return; a call is both, except for what looks at entries alone. The target has a CPU by priority, not for itself:
what else the machine does shows as noise.

- Method eval has its probes on instructions before the eval function's `ret` that the kernel emulates
  (arch/x86/kernel/uprobes.c), where it is certain that they are on all ways to it, as in these builds. The `ret` itself it
  single-steps out of line, with a trap of its own: 5 us more a call.
- *the breakpoints alone*: a program that does nothing at the same places. bpftrace sits at the markers, where the interpreter
  does some work for the marker; handlers have none.
- *matches nothing*: with `--func nosuch`, so that every function is filtered out.
- *--count*: scry looks at entries alone, and counts by code object: of each function file, name and first line are told. No times.
- *bpftrace, entry alone*: `usdt:...:function__entry { @ = count(); }`, one number for all functions. *Entry by place*:
  `@[str(arg0), str(arg1), arg2] = count()`, what `scry stat --count` counts by. *By name*: `@[str(arg1)] = count()` at entry and
  at return. *With times*: at entry `@depth[tid]++; @since[tid, @depth[tid]] = nsecs`, at return
  `@[str(arg0), str(arg1)] = stats(nsecs - @since[tid, @depth[tid]])` and both forgotten: count, mean and total of each function,
  but no own times, percentiles, errors, generators or other stacks, which `scry stat` has.
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


# What compares with what, and how it is said.
PEERS = (("scry stat", "bpftrace, entry and return with times", "what bpftrace takes for count, mean and total with times"),
         ("scry stat", "bpftrace, entry and return by name", "its count of entries and returns by name, without times"),
         ("scry stat --count", "bpftrace, entry by place", "its count of entries by file, name and line, which is the same work"),
         ("scry stat --count", "bpftrace, entry alone", "its count of entries in one number, which is less"))


def ratio(result):
    """What is in the price, and how it compares with a tool that does the same, more or less."""
    found = {row["name"]: row for row in result["rows"]}
    mine, alone, text = found.get("scry stat"), found.get("the breakpoints alone"), []
    if mine and alone:
        text.append("Of scry stat's %.0f ns an event the breakpoint takes %.0f" % (mine["event"], alone["event"]))
        if result["program"]:
            text[-1] += "; its program takes %d as the kernel's run statistics see it, which take some themselves" % result["program"]
        text[-1] += "."
    lines = ["- %s takes **%.2f** of %s." % (name, found[name]["call"] / found[peer]["call"], said)
             for name, peer, said in PEERS if name in found and peer in found]
    return "".join("\n" + part + "\n" for part in text) + ("\nA call:\n\n" + "\n".join(lines) + "\n" if lines else "")


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
