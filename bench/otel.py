# SPDX-License-Identifier: GPL-2.0-only
"""The OpenTelemetry eBPF profiler, built from its Go module into the cache: the BPF time of a sample of the whole stack."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import programs

MODULE, VERSION = "go.opentelemetry.io/ebpf-profiler", "v0.0.202633"
PROGRAM = "native_tracer_entry"		# the rest of a walk are tail calls of it
# It wants that limit raised, which takes a capability and since 5.11 says nothing about BPF.
RLIMIT = "package rlimit\n\nfunc MaximizeMemlock() (func(), error) { return func() {}, nil }\n"


def skip(why):
    print("scry: bench: skipped the OpenTelemetry profiler: " + why.strip(), file=sys.stderr)


def find():
    """The path of the program, made if need be; None: it cannot be had, which is said."""
    path = os.path.join(programs.PEERS, "otel-" + VERSION)
    if os.path.exists(path):
        return path
    if not shutil.which("go"):
        return skip("no go (1.25 or later) to build it with")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            build(folder, path + ".new")
            os.rename(path + ".new", path)
        except subprocess.SubprocessError as error:
            return skip("%s: %s" % (" ".join(error.cmd[:3]), ((error.stderr or b"").decode() or str(error)).strip().split("\n")[-1]))
        finally:
            subprocess.run(["chmod", "-R", "u+w", folder])		# as the module cache is not
    return path


def build(folder, path):
    environment = dict(os.environ, GOPATH=folder + "/path", GOCACHE=folder + "/cache", GOFLAGS="-mod=mod -buildvcs=false")

    def go(*arguments):
        return subprocess.run(["go", *arguments], cwd=folder, env=environment, check=True, timeout=900, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE).stdout
    source = folder + "/source"
    shutil.copytree(json.loads(go("mod", "download", "-json", "%s@%s" % (MODULE, VERSION)))["Dir"], source)
    subprocess.run(["chmod", "-R", "u+w", source], check=True)
    with open(source + "/rlimit/rlimit.go", "w") as file:
        file.write(RLIMIT)
    with open(folder + "/go.mod", "w") as file:
        file.write("module bench\n\ngo 1.25.0\n\nrequire %s %s\n\nreplace %s => ./source\n" % (MODULE, VERSION, MODULE))
    go("build", "-o", path, MODULE)


class Collector:
    """Something to send profiles to: takes connections of HTTP/2, and whatever comes."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection = self.listener.accept()[0]
            threading.Thread(target=self.take, args=(connection,), daemon=True).start()

    def take(self, connection):
        connection.sendall(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]))		# settings, and yes to his
        try:
            while connection.recv(65536):
                pass
        except OSError:
            pass


def measure(path, cpu, hertz, seconds):
    """BPF time of a sample, ns, on a CPU that a target has for itself. Once it knows the target, which takes it a while. None: it
    does not work here, which is said."""
    collector = Collector()
    with tempfile.TemporaryFile() as log, programs.statistics():
        process = subprocess.Popen([path, "-collection-agent", collector.address, "-disable-tls", "-samples-per-second", str(hertz),
                                    "-pin-cpu-ids", str(cpu)], stdout=log, stderr=log)
        try:
            until = time.monotonic() + 60
            while programs.spent(PROGRAM)[0] < hertz * 12:		# 12 s: in the first four there are none of Python yet
                if process.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    return skip(log.read().decode().strip().split("\n")[-1])
                time.sleep(0.2)
            start = programs.spent(PROGRAM)
            time.sleep(seconds)
            runs, ns = (now - then for now, then in zip(programs.spent(PROGRAM), start))
        finally:
            process.terminate()
            process.wait()
            collector.listener.close()
    return ns / runs
