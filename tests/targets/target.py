# SPDX-License-Identifier: GPL-2.0-only
"""What all target programs share.   python NAME.py [SECONDS [ARGUMENT...]]

A target prints "ready PID {...}" (one line, with what is known of it so far as JSON), works until SIGTERM or for
SECONDS (0: for ever), and may print a last line of JSON: what it did, by its own measure. Every target runs on every
Python that has what it is about, so the syntax is that of 2.7."""
import json
import os
import signal
import sys
import time

stop = []		# not empty: told to stop

if hasattr(time, "thread_time"):
    cpu_time = time.thread_time
elif hasattr(time, "CLOCK_THREAD_CPUTIME_ID"):
    def cpu_time():
        return time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)
else:
    cpu_time = time.clock	# 2.7: of the process, so only for targets of one thread


def name_of(code):
    """The name that a profiler can know: qualified where code objects have one (3.11)."""
    return getattr(code, "co_qualname", code.co_name)


def codes_of(code):
    """[name, first line] of a code object and of all within it."""
    found = [[name_of(code), code.co_firstlineno]]
    for const in code.co_consts:
        if isinstance(const, type(code)):
            found += codes_of(const)
    return found


def argument(n, default):
    """Argument N (from 1) after SECONDS."""
    return type(default)(sys.argv[n + 1]) if len(sys.argv) > n + 1 else default


def on_stop(signum, frame):
    stop.append(signum)


def ready(**known):
    main = sys.modules["__main__"].__file__
    with open(main) as source:
        known["codes"] = codes_of(compile(source.read(), main, "exec"))
    known["version"] = list(sys.version_info[:3])
    known["pid"] = os.getpid()
    signal.signal(signal.SIGTERM, on_stop)
    signal.signal(signal.SIGALRM, on_stop)
    if len(sys.argv) > 1 and float(sys.argv[1]):
        signal.setitimer(signal.ITIMER_REAL, float(sys.argv[1]))
    sys.stdout.write("ready %d %s\n" % (os.getpid(), json.dumps(known)))
    sys.stdout.flush()


def wait_for_go():
    """Sleep until SIGUSR1."""
    go = []
    signal.signal(signal.SIGUSR1, lambda *_: go.append(1))
    ready()
    while not go:
        time.sleep(0.01)


def finish(**truth):
    sys.stdout.write(json.dumps(truth) + "\n")
    sys.stdout.flush()


def finish_and_stay(**truth):
    """What the interpreter does when it ends would be seen too, or not, as luck has it: wait to be killed."""
    finish(**truth)
    while not stop:
        time.sleep(0.01)
