# SPDX-License-Identifier: GPL-2.0-only
"""Programs that people run. Their stacks are held against their source: every function shown is defined in the file and
at the line shown, and the calls that the source makes, in their order, are in the stacks."""
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import urllib.request

from live import SCRATCH, Recorder, Skip, expect, no_bad, read_line, record, test

CACHE = os.path.join(os.environ.get("SCRY_CACHE") or
                     os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "scry"), "real")
PYTHON = "/usr/bin/python3"

FLASK = """
from flask import Flask, render_template_string
app = Flask(__name__)
PAGE = '{% for n in numbers %}<li>{{ n }}: {{ n * n }}</li>{% endfor %}'
def count_primes(limit):
    return sum(1 for n in range(2, limit) if all(n % d for d in range(2, int(n ** 0.5) + 1)))
@app.route('/primes/<int:limit>')
def primes(limit):
    return str(count_primes(limit))
@app.route('/page')
def page():
    return render_template_string(PAGE, numbers=range(300))
from werkzeug.serving import make_server
server = make_server('127.0.0.1', 0, app)
print('port', server.server_port, flush=True)
server.serve_forever()
"""


def name_of(code):
    return getattr(code, "co_qualname", code.co_name)


def defined_in(path, cache={}):
    """{(function, line)} of a source file, compiled by the interpreter that the programs run on, which is ours."""
    if path not in cache:
        try:
            with open(path, "rb") as source:
                codes = [compile(source.read(), path, "exec")]
        except (OSError, SyntaxError, ValueError):
            codes = []
        for code in codes:
            codes += [const for const in code.co_consts if isinstance(const, type(code))]
        cache[path] = {(name_of(code), code.co_firstlineno) for code in codes}
    return cache[path]


def path_of(shown, folders):
    """The file that a frame shows, perhaps by its last parts alone."""
    for folder in ("",) + folders:
        path = os.path.join(folder, shown)
        if os.path.isabs(path) and os.path.isfile(path):
            return path
    return None


def confirm(recording, folders, chain, share):
    """All frames exist in the source, and `chain`, [(function, end of file)], lies in this order in at least `share` of
    the samples."""
    wrong, total, unknown, in_chain, folders = [], 0, 0, 0, tuple(folders) + tuple(sys.path)
    for frames, count in recording.stacks:
        total += count
        for frame in frames:
            path = path_of(frame.file, folders)
            if path is None:
                unknown += frame.file != "" and not frame.file.startswith("<")
            elif (frame.name, frame.line) not in defined_in(path):
                wrong.append((frames, count))
                break
        rest = iter(frames)
        in_chain += count * all(any(f.name == name and f.file.endswith(file) for f in rest) for name, file in chain)
    no_bad(wrong, total, "a function that its source does not have there")
    expect(in_chain >= share * total, "only %d of %d samples have the calls %s" % (in_chain, total, chain))
    return "%d samples, %d%% in %s" % (total, 100 * in_chain // max(1, total), chain[-1][0])


def run_quietly(what, *command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode:
        raise Skip("%s: %s" % (what, done.stdout.decode("utf-8", "replace").strip()[-200:]))


@contextlib.contextmanager
def cache_locked():
    """What is in the cache is made once, however many tests want it."""
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@test("none")
def mercurial_log():
    hg = shutil.which("hg")
    if not hg:
        raise Skip("no hg (package mercurial)")
    repository = os.path.join(CACHE, "repository")
    with cache_locked():
        if not os.path.isdir(repository):
            making = repository + ".new"
            shutil.rmtree(making, ignore_errors=True)
            run_quietly("hg init", hg, "init", making)
            run_quietly("hg debugbuilddag", hg, "-R", making, "debugbuilddag", "--mergeable-file", "+400")
            os.rename(making, repository)
    recording = record("-F", 999, "--", hg, "-R", repository, "log", "-p", "--git")
    expect(b"changeset:" in recording.output, "hg log printed %r" % recording.output[:200])
    return confirm(recording, ["/usr/lib/python3/dist-packages"],
                   [("<module>", "hg"), ("run", "dispatch.py"), ("dispatch", "dispatch.py"),
                    ("runcommand", "dispatch.py"), ("log", "commands.py"), ("displayrevs", "logcmdutil.py")], 0.6)


def environment():
    """A virtual environment with Flask, in the cache."""
    place = os.path.join(CACHE, "venv-%d.%d" % sys.version_info[:2])
    python = os.path.join(place, "bin", "python")
    with cache_locked():
        if not os.path.exists(os.path.join(place, "complete")):
            shutil.rmtree(place, ignore_errors=True)
            run_quietly("python3 -m venv (package python3-venv)", PYTHON, "-m", "venv", place)
            run_quietly("pip download flask", python, "-m", "pip", "-q", "download", "-d", place + "/wheels", "flask", "pip")
            run_quietly("pip install flask", python, "-m", "pip", "-q", "install", "--no-index", "-f", place + "/wheels", "flask")
            open(os.path.join(place, "complete"), "w").close()
    return place, python


def packages_of(place):
    return [os.path.join(place, "lib", "python%d.%d" % sys.version_info[:2], "site-packages")]


@test("none")
def flask_under_load():
    place, python = environment()
    log = open(os.path.join(SCRATCH, "flask.log"), "wb")
    with log, subprocess.Popen([python, "-c", FLASK], stdout=subprocess.PIPE, stderr=log, bufsize=0) as server:
        try:
            port = int(read_line(server.stdout, "flask", "port").split()[1])
            with Recorder("-p", server.pid, "-F", 999) as recorder:
                for _ in range(60):
                    for path in ("primes/9000", "page"):
                        with urllib.request.urlopen("http://127.0.0.1:%d/%s" % (port, path), timeout=20) as answer:
                            expect(answer.status == 200, "status %d" % answer.status)
                recording = recorder.stop()
        finally:
            server.kill()
    serving = [("BaseServer.serve_forever", "socketserver.py"), ("Flask.wsgi_app", "app.py"),
               ("Flask.full_dispatch_request", "app.py"), ("Flask.dispatch_request", "app.py")]
    if sys.version_info < (3, 11):
        serving = [(name.rpartition(".")[2], file) for name, file in serving]
    told = confirm(recording, packages_of(place), serving + [("primes", ""), ("count_primes", "")], 0.5)
    return told + "; " + confirm(recording, packages_of(place), serving + [("page", ""), ("root", "")], 0.01)


@test("none")
def pip_install():
    place, python = environment()
    recording = record("-F", 999, "--", python, "-m", "pip", "-q", "install", "--no-index", "-f", place + "/wheels",
                       "--target", os.path.join(SCRATCH, "installed"), "flask")
    resolve = "InstallCommand.run" if sys.version_info >= (3, 11) else "run"
    return confirm(recording, packages_of(place), [("main", "main.py"), (resolve, "commands/install.py")], 0.2)
