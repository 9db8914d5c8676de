# SPDX-License-Identifier: GPL-2.0-only
"""From SIGUSR1 to SIGTERM: burns, and starts children again and again that burn in functions of their own, by fork, by fork
and exec, by multiprocessing. Says "round" when all of them have ended."""
import errno
import multiprocessing
import os
import sys

from target import finish, stop, wait_for_go

EXECED = """
def execed_burn():
    n = 3000000
    while n: n -= 1
execed_burn()
"""


def parent_burn():
    n = 3000000
    while n: n -= 1


def forked_burn():
    n = 3000000
    while n: n -= 1


def worker_burn():
    n = 3000000
    while n: n -= 1


def fork(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid


def wait(pid):
    """Also when the signal to stop comes meanwhile, which interrupts system calls in 2.7."""
    while True:
        try:
            return os.waitpid(pid, 0)
        except OSError as error:
            if error.errno != errno.EINTR:
                raise


def execed():
    os.execv(sys.executable, [sys.executable, "-S", "-E", "-c", EXECED])


def main():
    pids = {"forked_burn": [], "execed_burn": [], "worker_burn": []}
    context = multiprocessing.get_context("fork") if hasattr(multiprocessing, "get_context") else multiprocessing
    wait_for_go()
    while not stop:
        worker = context.Process(target=worker_burn)
        worker.start()
        forked, replaced = fork(forked_burn), fork(execed)
        parent_burn()
        for name, pid in (("forked_burn", forked), ("execed_burn", replaced), ("worker_burn", worker.pid)):
            pids[name].append(pid)
        wait(forked)
        wait(replaced)
        worker.join()
        sys.stdout.write("round\n")
        sys.stdout.flush()
    finish(pids=pids)


main()
