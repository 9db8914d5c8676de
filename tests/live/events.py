# SPDX-License-Identifier: GPL-2.0-only
"""scry trace and scry stat in the background, for targets that begin when they are told to."""
import json
import signal
import subprocess

from live import PATIENCE, SCRY, Failure, expect, read_line


class Watch:
    """scry COMMAND EVENT -p PID --json OPTIONS (pid None: the options say whom); watching once this exists."""

    def __init__(self, command, event, pid, *options, **popen):
        whom = ["-p", str(pid)] if pid else []
        self.process = subprocess.Popen([SCRY, command, event, "--json"] + whom + [str(o) for o in options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
                                        **popen)
        try:
            read_line(self.process.stderr, "scry " + command, "Ctrl-C")
        except Failure:
            self.process.kill()
            raise

    def end(self):
        """What it wrote, and what it said, after a Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        output, said = self.process.communicate(timeout=PATIENCE)
        said = said.decode("utf-8", "replace")
        expect(self.process.returncode == 0, "exit status %d: %r" % (self.process.returncode, said[-400:]))
        return output.decode("utf-8", "replace"), said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def truth_of(target, patience=PATIENCE):
    """Tell the target to begin; what it says when it has ended."""
    target.process.send_signal(signal.SIGUSR1)
    return json.loads(read_line(target.process.stdout, target.name, "{", patience))


def stat(target, event, *options, **popen):
    """(what the target says of itself, the rows of scry stat, what scry said)"""
    with Watch("stat", event, target.pid, *options, **popen) as watch:
        truth = truth_of(target)
        output, said = watch.end()
    table = json.loads(output)
    expect(table["lost"] == 0, "%d events lost" % table["lost"])
    return truth, table["rows"], said
