# SPDX-License-Identifier: GPL-2.0-only
"""A target that calls an empty function as often as it is told: a line of input is `HOW CALLS`, the answer is the ns it took.
HOW is run, or setprofile or monitoring, which count entries and returns by function from inside meanwhile."""
import sys
import time


def called():
    pass


def run(times):
    before = time.perf_counter()
    for _ in range(times):
        called()
    return time.perf_counter() - before


def counters():
    begun, ended = {}, {}

    def begin(code, *_):
        begun[code] = begun.get(code, 0) + 1

    def end(code, *_):
        ended[code] = ended.get(code, 0) + 1

    return begin, end


def setprofile(times):
    begin, end = counters()

    def profile(frame, event, _):
        if event == "call":
            begin(frame.f_code)
        elif event == "return":
            end(frame.f_code)

    sys.setprofile(profile)
    took = run(times)
    sys.setprofile(None)
    return took


def monitoring(times):
    if not hasattr(sys, "monitoring"):
        return 0
    watch = sys.monitoring
    begin, end = counters()
    watch.use_tool_id(watch.PROFILER_ID, "count")
    watch.register_callback(watch.PROFILER_ID, watch.events.PY_START, begin)
    watch.register_callback(watch.PROFILER_ID, watch.events.PY_RETURN, end)
    watch.set_events(watch.PROFILER_ID, watch.events.PY_START | watch.events.PY_RETURN)
    took = run(times)
    watch.set_events(watch.PROFILER_ID, 0)
    watch.free_tool_id(watch.PROFILER_ID)
    return took


WAYS = {"run": run, "setprofile": setprofile, "monitoring": monitoring}
run(100000)
print("ready", flush=True)
for line in iter(sys.stdin.readline, ""):
    how, times = line.split()
    print(int(WAYS[how](int(times)) * 1e9), flush=True)
