# SPDX-License-Identifier: GPL-2.0-only
"""What live tests are made of: interpreters, targets, recordings, and the list of tests."""
import collections
import functools
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
SCRY = os.environ.get("SCRY", os.path.join(TOP, "build", "scry"))
FULL = os.environ.get("SCRY_FULL") == "1"
PATIENCE = 60		# seconds that anything may take to say what it has to say

# All that a run leaves on disk is below one folder, which has the same path inside every chroot.
SCRATCH = tempfile.mkdtemp(prefix="scry-live-")
os.chmod(SCRATCH, 0o755)
roots = set()		# of other interpreters that have a part of it


class Skip(Exception):
    """The machine lacks something; says what."""


class Failure(Exception):
    pass


def expect(truth, message):
    if not truth:
        raise Failure(message)


def expect_between(what, ns, bounds):
    """`bounds` are what a program measured inside of something and around it, by the clock that scry reads, or in 2.7 by
    one that may be slewed against it a little."""
    least, most = bounds
    expect(0.999 * least - 1000 <= ns <= 1.001 * most + 1000, "%s: %.3f ms, by the program's own clock %.3f to %.3f ms" %
           (what, ns / 1e6, least / 1e6, most / 1e6))


# --- the list of tests ---

Test = collections.namedtuple("Test", "name function which alone")
tests = []
FEW = {(2, 7), (3, 8), (3, 11), (3, 13), (3, 15)}		# where the interpreter's structures changed most


ITSELF = "itself"


def test(which="all", alone=False):
    """Register a test. `which`: "all" interpreters, "minors" (one of each minor version), "few" (of those in FEW;
    both are all if SCRY_FULL=1), "one", or "none" (the test brings its own). `alone`: nothing may run beside it, or with
    ITSELF nothing but the same test on other interpreters."""
    def register(function):
        tests.append(Test(function.__name__, function, which, alone))
        return function
    return register


# --- interpreters ---

class Interpreter:
    def __init__(self, line):
        self.label, self.path, version, flags = line.split()
        self.version = tuple(int(part) for part in version.split("."))
        self.minor = self.version[:2]
        self.flags = set(flags.split(","))
        self.root = next((flag[5:] for flag in self.flags if flag.startswith("root=")), "")
        self.targets = os.path.join(SCRATCH, "targets")

    def stage(self):
        """Put the targets where this interpreter sees them at the same path."""
        inside = self.root + self.targets
        if not os.path.isdir(inside):
            shutil.copytree(os.path.join(TOP, "tests", "targets"), inside)

    def needs(self, flag):
        if flag not in self.flags:
            raise Skip("%s has no %s" % (self.label, flag))

    def since(self, *minor):
        if self.minor < minor:
            raise Skip("Python %d.%d has no such thing" % self.minor)


@functools.lru_cache()
def interpreters():
    script = os.path.join(TOP, "tests", "interpreters")
    mode = [] if os.environ.get("SCRY_OFFLINE") != "1" else ["--list"]
    output = subprocess.run([script] + mode, stdout=subprocess.PIPE, check=True).stdout.decode()
    found = [Interpreter(line) for line in output.splitlines()]
    for python in found:
        python.stage()
    return found


def one_of_each_minor(pythons):
    """The one that is likest to what people run: a release's own package before a build from source."""
    chosen = {}
    for python in sorted(pythons, key=lambda p: ("debug" in p.flags, "freethreaded" in p.flags, "embedded" in p.flags,
                                                 "pyenv" in p.flags, p.label)):
        chosen.setdefault(python.minor, python)
    return [chosen[minor] for minor in sorted(chosen)]


def cleanup(pythons):
    for root in {python.root for python in pythons} | roots | {""}:
        shutil.rmtree(root + SCRATCH, ignore_errors=True)


# --- processes ---

def read_line(stream, what, matching="", patience=PATIENCE):
    """The next line of an unbuffered pipe that contains `matching`; fails when it ends, or does not come in time."""
    lines = []
    while True:
        if not select.select([stream], [], [], patience)[0]:
            raise Failure("%s: no line with %r in %d s; it said %r" % (what, matching, patience, lines[-3:]))
        line = stream.readline().decode("utf-8", "replace")
        if not line:
            raise Failure("%s: ended without a line with %r; it said %r" % (what, matching, lines[-3:]))
        if matching in line:
            return line
        lines.append(line)


class Target:
    """A target program, running and ready. `known` is what it said of itself."""

    def __init__(self, python, name, *arguments, seconds=0, prefix=(), options=()):
        self.name, self.minor = name, python.minor
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONHASHSEED="0")
        self.errors = tempfile.TemporaryFile(dir=SCRATCH)
        self.process = subprocess.Popen(
            list(prefix) + [python.path] + list(options) + ["%s/%s.py" % (python.targets, name), str(seconds)] + [str(a) for a in arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, bufsize=0, env=environment)
        try:
            line = read_line(self.process.stdout, name, "ready ")
        except Failure as failure:
            self.process.kill()
            self.process.wait()
            raise Failure("%s; %s" % (failure, self.complaint()))
        _, pid, known = line.split(" ", 2)
        self.pid, self.known = int(pid), json.loads(known)

    def complaint(self):
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")[-300:]

    def alive(self):
        return self.process.poll() is None

    def until_it_used(self, seconds):
        """Wait until it has had so much more CPU time."""
        start, end = cpu_seconds(self.pid), time.monotonic() + PATIENCE
        while cpu_seconds(self.pid) - start < seconds:
            expect(self.alive() and time.monotonic() < end, "%s gets no CPU time: %s" % (self.name, self.complaint()))
            time.sleep(0.02)

    def truth(self):
        """Tell it to stop; what it says that it did."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        return json.loads(read_line(self.process.stdout, self.name))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.alive():
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


# --- recordings ---

Frame = collections.namedtuple("Frame", "name file line")
FRAME = re.compile(r"^(.*) \((.*):(\d+)\)$", re.S)


def frame_of(text):
    match = FRAME.match(text)
    return Frame(match.group(1), match.group(2), int(match.group(3))) if match else Frame(text, "", 0)


def read_folded(path):
    """[(frames, count)] of a folded file; frames root first."""
    stacks = []
    with open(path, encoding="utf-8") as folded:
        for line in folded.read().split("\n")[:-1]:
            stack, _, count = line.rpartition(" ")
            expect(count.isdigit() and stack, "not a folded line: %.200r" % line)
            stacks.append(([frame_of(text) for text in stack.split(";")], int(count)))
    return stacks


class Recording:
    """What scry record wrote and said."""

    def __init__(self, base, status, said):
        self.base, self.status, self.said = base, status, said

    @property
    def stacks(self):
        return read_folded(self.base + ".folded")

    @property
    def json(self):
        with open(self.base + ".json", encoding="utf-8") as table:
            return json.load(table)

    @property
    def samples(self):
        return sum(count for _, count in self.stacks)


def outputs(kinds=("folded", "json")):
    base = tempfile.mktemp(prefix="rec-", dir=SCRATCH)
    return base, [part for kind in kinds for part in ("-o", "%s.%s" % (base, kind))]


def record(*arguments, status=0, kinds=("folded", "json"), prefix=(), patience=PATIENCE, **popen):
    """Run scry record to its end. `status`: what it must exit with (None: anything)."""
    base, files = outputs(kinds)
    command = list(prefix) + [SCRY, "record"] + files + [str(argument) for argument in arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=patience, **popen)
    said = done.stderr.decode("utf-8", "replace")
    if status is not None:
        expect(done.returncode == status, "%s: exit status %d, said %r" % (" ".join(command), done.returncode, said[-600:]))
    recording = Recording(base, done.returncode, said)
    recording.output = done.stdout
    return recording


def record_target(target, hertz, seconds, *options, allowed=(), rate=0.6 if FULL else 0.2, least=50):
    """Record a target for some seconds; check that all is readable, and that ticks of its CPU time became samples,
    whatever else this machine did. (The kernel joins ticks that it could not deliver in time, so not each one does.)"""
    pid = target.pid
    before = cpu_seconds(pid)
    recording = record("-p", pid, "-F", hertz, "-d", seconds, *options)
    width = min(os.cpu_count(), len(os.listdir("/proc/%d/task" % pid)))
    spent = min(cpu_seconds(pid) - before, seconds * width)
    check_errors(recording, target.minor, allowed=allowed)
    samples = recording.json["samples"]
    # scry attaches after, and detaches before, our reading of the clock.
    expect(samples > rate * (spent - 0.2 * width) * hertz, "%d samples of %.2f s CPU time at %d Hz" % (samples, spent, hertz))
    expect(samples > least, "the target had only %.2f s of %s s; %d samples" % (spent, seconds, samples))
    return recording


class Recorder:
    """scry record in the background; it samples once this exists. Its stderr is a terminal, where it shows progress."""

    def __init__(self, *arguments, kinds=("folded", "json"), prefix=()):
        self.base, files = outputs(kinds)
        self.terminal, stderr = pty.openpty()
        self.said, self.sampling = b"", threading.Event()
        self.process = subprocess.Popen(list(prefix) + [SCRY, "record"] + files + [str(a) for a in arguments],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
        os.close(stderr)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        if not self.sampling.wait(PATIENCE) or b" lost" not in self.said:
            self.__exit__()
            raise Failure("scry record did not begin; it said %r" % self.said[-600:])

    def read(self):
        while True:
            try:
                part = os.read(self.terminal, 65536)
            except OSError:		# how a terminal ends
                part = b""
            self.said += part
            if b" lost" in self.said or not part:
                self.sampling.set()
            if not part:
                return

    def wait_for_samples(self, count):
        """Until progress tells of so many, which are then in the capture; how many."""
        end = time.monotonic() + PATIENCE
        while True:
            told = re.findall(rb" s   (\d+) \w+   \d+ lost", self.said)
            if told and int(told[-1]) >= count:
                return int(told[-1])
            if time.monotonic() > end or self.process.poll() is not None:
                raise Failure("scry record told of no %d samples; it said %r" % (count, self.said[-300:]))
            time.sleep(0.02)

    def stop(self, signum=signal.SIGINT, status=0):
        self.process.send_signal(signum)
        return self.wait(status)

    def wait(self, status=0):
        code = self.process.wait(PATIENCE)
        self.reader.join()
        said = self.said.decode("utf-8", "replace")
        expect(status is None or code == status, "scry record: exit status %d, said %r" % (code, said[-600:]))
        return Recording(self.base, code, said)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        if self.terminal >= 0:
            os.close(self.terminal)
            self.terminal = -1


def bpftool(*arguments):
    """What it answers."""
    done = subprocess.run(["bpftool", "-j"] + list(arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env=dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"))
    if done.returncode:
        raise Skip("bpftool %s: %s" % (" ".join(arguments), done.stderr.decode()[:100]))
    return json.loads(done.stdout.decode() or "[]")


# --- what every recording must satisfy ---

def same_file(shown, path):
    """`shown` is the path or its last parts."""
    return shown == path or path.endswith("/" + shown)


CUT = "deeper than --max-stack"
ENTERING = "caught between caller and callee"


def check_errors(recording, minor, share=0.005, allowed=()):
    """All samples of a running interpreter of this version are readable, but for a few that say why; none is lost."""
    table = recording.json
    expect(table["lost"] == 0, "%d samples lost" % table["lost"])
    errors = sum(count for cause, count in table["errors"].items() if cause not in allowed and cause != ENTERING)
    # Calls are so much of these programs that a few ticks fall between caller and callee, where two versions have a gap.
    entering = table["errors"].get(ENTERING, 0)
    most = 0.04 * table["samples"] if minor in ((3, 11), (3, 12)) else 0
    expect(entering <= most, "%d of %d samples: %s" % (entering, table["samples"], ENTERING))
    expect(errors <= max(3, share * table["samples"]), "unreadable: %s of %d" % (table["errors"], table["samples"]))


def is_marked(frames):
    """An explicit remark in place of what could not be read: "[frame not readable (page not present)]"."""
    return any(not frame.file and frame.name.startswith("[") and frame.name != "[truncated]" for frame in frames)


def cpu_seconds(pid, tid=None):
    """On CPU so far, of a thread or of all of a process, from the scheduler."""
    total = 0
    for task in [tid] if tid else os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/schedstat" % (pid, task)) as stat:
            total += int(stat.read().split()[0])
    return total / 1e9


def show(frames):
    return ";".join("%s (%s:%d)" % frame if frame.file else frame.name for frame in frames[-12:])


def no_bad(bad, total, what):
    """`bad` is [(frames, count)]."""
    if bad:
        count = sum(count for _, count in bad)
        raise Failure("%d of %d samples: %s, e.g. %s" % (count, total, what, " | ".join(show(f) for f, _ in bad[:3])))
