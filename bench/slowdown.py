# SPDX-License-Identifier: GPL-2.0-only
"""
How much a clock of samples slows a process: CPU time that a write of the process takes, in many short spans with the clock and
without. The process makes one write for each piece of its work, so that nothing has to be asked of it; and all that is compared
lies a few milliseconds apart.
"""
import contextlib
import ctypes
import fcntl
import os
import random
import statistics
import struct
import subprocess
import time

LIBC = ctypes.CDLL(None, use_errno=True)
SYS_PERF_EVENT_OPEN, SYS_PIDFD_OPEN, SYS_PIDFD_GETFD = {"x86_64": 298}.get(os.uname().machine, 241), 434, 438
PERF_EVENT_IOC_ENABLE, PERF_EVENT_IOC_DISABLE = 0x2400, 0x2401
SETTLE = 0.005


def syscall(*arguments):
    result = LIBC.syscall(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def bare_clocks(rate):
    """Clocks as scry has them, at which nothing is done; they stand still."""
    software, cpu_clock, disabled, exclude_idle = 1, 0, 1 << 0, 1 << 7
    attr = ctypes.create_string_buffer(struct.pack("<IIQQQQQ", software, 64, cpu_clock, 10**9 // rate, 0, 0, disabled | exclude_idle), 64)
    return [syscall(SYS_PERF_EVENT_OPEN, attr, -1, cpu, -1, 0) for cpu in sorted(os.sched_getaffinity(0))]


def clocks_of(pid):
    """Those of another process."""
    process, found = syscall(SYS_PIDFD_OPEN, pid, 0), []
    folder = "/proc/%d/fd" % pid
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            if "perf_event" in os.readlink(os.path.join(folder, name)):
                found.append(syscall(SYS_PIDFD_GETFD, process, int(name), 0))
    os.close(process)
    return found


def switch(clocks, on):
    for clock in clocks:
        fcntl.ioctl(clock, PERF_EVENT_IOC_ENABLE if on else PERF_EVENT_IOC_DISABLE)


@contextlib.contextmanager
def recording(scry, pid, rate, cpu, folder):
    """The clocks of a `scry record` that has been at work for a while; they stand still."""
    path = os.path.join(folder, "%d.scry" % rate)
    process = subprocess.Popen(["taskset", "-c", str(cpu), scry, "record", "-q", "-p", str(pid), "-F", str(rate), "-o", path],
                               stdout=subprocess.DEVNULL)
    try:
        for _ in range(1000):
            if os.path.exists(path) or process.poll() is not None:
                break
            time.sleep(0.01)
        time.sleep(1)
        clocks = clocks_of(process.pid)
        if not clocks:
            raise RuntimeError("scry has no clock")
        switch(clocks, False)
        yield clocks
        for clock in clocks:
            os.close(clock)
    finally:
        process.send_signal(2)
        process.wait()


def used(pid):
    """ns of CPU of all its threads, as of now."""
    return time.clock_gettime_ns(~pid << 3 | 2)		# CPUCLOCK_SCHED, include/linux/posix-timers.h


def writes(pid):
    with open("/proc/%d/io" % pid) as file:
        return int(file.read().split("syscw:")[1].split()[0])


def span(pid, clocks, seconds):
    """ns of CPU for a write; None: there was none."""
    switch(clocks, True)
    time.sleep(SETTLE)
    cpu, done = used(pid), writes(pid)
    time.sleep(seconds)
    cpu, done = used(pid) - cpu, writes(pid) - done
    switch(clocks, False)
    return cpu / done if done else None


def middle(values):
    """Median, and the bounds between which that of endlessly many would lie in 95 of 100 cases: by their order alone."""
    values, reach = sorted(values), 0.98 * len(values) ** 0.5
    return (statistics.median(values), values[max(0, int(len(values) / 2 - reach))], values[min(len(values) - 1, int(len(values) / 2 + reach))])


def slowdowns(pid, kinds, rounds, seconds):
    """For each kind, a list of clocks, the middle of how much slower it is than no clock at all."""
    found = [[] for _ in kinds]
    for _ in range(rounds):
        order = [*range(len(kinds)), "bare", "bare too"]
        random.shuffle(order)
        cost = {kind: span(pid, kinds[kind] if kind in range(len(kinds)) else [], seconds) for kind in order}
        if None in cost.values():	# it had nothing to do, or no CPU
            continue
        for kind, values in enumerate(found):
            values.append(2 * cost[kind] / (cost["bare"] + cost["bare too"]) - 1)
    return [middle(values) for values in found]
