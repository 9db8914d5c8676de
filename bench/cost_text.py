# SPDX-License-Identifier: GPL-2.0-only
"""The figures of `cost` as tables: on the terminal, in docs/cost.md and, short, in README.md."""
import os
import time

METHOD = """\
## How it is measured

- *BPF a sample*: the kernel's own run statistics of the program (BPF_STATS_RUN_TIME), divided by the samples it took,
  at 9,999 Hz on one CPU that the target has for itself by priority. `bench/sampler` is the session of `scry record` with
  the clocks of the other CPUs off. Runs that hit another process are counted against the program.
- *The floor* (`bench/floor.bpf.c`) is the least a sampler of CPython 3.11 can do: same clock, same period, from a fixed
  address to the frame, one read a frame, two addresses a frame sent. It has no names, no filters, no check whose stack that
  is. Floor and scry run alternately on the same target; the median of nine of each. scry costs less on deep stacks because
  it takes several frames in one read where they lie side by side (from 3.11 on).
- *Slowdown*: the target does equal pieces of work of 20 ms and notes how long each took. One second without and 1.1
  seconds with the profiler, three times; the low decile of the pieces of each span, the median of the three ratios. The
  noise of the method is what nothing against nothing gives.
- *Own CPU a sample*: of the profiler's threads (schedstat), in the same span, by the samples it took. For scry the BPF
  time, which the target's CPU pays, is told apart, the looks away from other processes included.
- *First sample*: from before scry's start to the time in the capture of its first sample, at 999 Hz.
- *Impossible stacks*: share of stacks with functions of both of two call chains that alternate
  (`tests/targets/alternating.py`).

The target is 20 functions deep unless said otherwise.
"""


def ns(value):
    return "-" if value is None else "%.2f µs" % (value / 1e3)


def percent(value):
    return "-" if value is None else "%.1f %%" % (100 * value)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def floor_table(result):
    rows = [(str(d), ns(f), ns(s), "-" if not f else "%.2f" % (s / f)) for d, f, s in result["floor"]]
    return table(("frames", "bare floor", "scry", "scry / floor"), rows)


def tool_rows(result):
    for name, rates in result["tools"].items():
        for rate, seen in rates.items():
            if not seen:
                yield (name, "%d" % rate, "does not run", "", "", "", "")
                continue
            bpf = " + BPF " + ns(seen["bpf"]) if seen.get("bpf") else ""
            yield (name, "{:,}".format(int(rate)), "{:,.0f}".format(seen["rate"]), percent(seen["slower"]),
                   ns(seen["cpu"]) + bpf, "%.0f MB" % seen["resident"],
                   percent(result["impossible"].get(name)))


def tool_table(result):
    head = ("profiler", "Hz asked", "Hz reached", "target slower by", "own CPU a sample", "resident", "impossible stacks")
    return table(head, tool_rows(result))


def facts(result):
    fast = result["tools"]["scry"][9999]
    return ("First sample %.0f ms after the start (most %.0f ms). At 9,999 Hz: %d samples lost, %d with an error, %.1f bytes a\n"
            "sample in the capture, %.1f MB of BPF maps. Noise of the slowdown figures: %s.\n" %
            (*result["first"], fast["lost"], fast["errors"], fast["bytes"], fast["maps"], percent(abs(result["noise"]))))


def plain(text):
    """A markdown table with its columns aligned, for a terminal."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "---" not in line]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows) + "\n"


def page(result):
    return "\n".join((
        "# What scry costs\n", "Written by `make bench`, %s, on %s (load %.1f before the start).\n" %
        (time.strftime("%Y-%m-%d", time.gmtime()), result["machine"], result["load"]),
        "## BPF a sample\n", floor_table(result), "## The program, and other profilers\n", tool_table(result),
        facts(result), METHOD))


def short(result):
    rates = result["tools"]["scry"]
    rows = [("a sample of %d frames, in BPF" % d, ns(s), "bare walker: %s" % ns(f)) for d, f, s in result["floor"]]
    rows += [("program slowed at {:,} Hz".format(r), percent(rates[r]["slower"]),
              "; ".join("%s: %s" % (name, percent(seen[r]["slower"]))
                        for name, seen in result["tools"].items() if name != "scry" and seen.get(r)))
             for r in rates if rates[r]]
    return table(("", "scry", "others"), rows) + "\n" + facts(result) + "\nMeasured by `make bench`; [docs/cost.md](docs/cost.md) says how.\n"


def replace(path, begin, end, text):
    with open(path) as f:
        old = f.read()
    at, to = old.find(begin), old.find(end)
    if at < 0 or to < at:
        return
    at = old.index("-->", at) + 4
    with open(path, "w") as f:
        f.write(old[:at] + text + old[to:])


def write(result, top):
    print("\nBPF time a sample\n" + plain(floor_table(result)))
    print("The program, and other profilers\n" + plain(tool_table(result)))
    print(facts(result))
    with open(os.path.join(top, "docs", "cost.md"), "w") as f:
        f.write(page(result))
    replace(os.path.join(top, "README.md"), "<!-- cost: begin", "<!-- cost: end", short(result))
    print("wrote docs/cost.md and the table in README.md")
