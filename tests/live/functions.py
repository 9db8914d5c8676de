# SPDX-License-Identifier: GPL-2.0-only
"""Functions of a process by their place, whatever they are called: names have aliases, and in stripped files most have none."""
import bisect
import functools
import os
import re
import subprocess


def readelf(path, *options):
    """What it says, though it complains of something."""
    return subprocess.run(["readelf", "-W"] + list(options) + [path], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout.decode("utf-8", "replace")


def debug_symbols(path):
    """Of its debug file, where one is installed."""
    told = re.search(r"Build ID: ([0-9a-f]{2})([0-9a-f]+)", readelf(path, "-n"))
    debug = "/usr/lib/debug/.build-id/%s/%s.debug" % told.groups() if told else ""
    return readelf(debug, "-s").splitlines() if os.path.exists(debug) else []


class Binary:
    """What readelf tells of an ELF file."""

    def __init__(self, path):
        self.segments = [tuple(int(part, 16) for part in (fields[1], fields[2], fields[4]))		# offset, address, size
                         for fields in (line.split() for line in readelf(path, "-l").splitlines()) if fields[:1] == ["LOAD"]]
        self.by_name, self.names, functions = {}, {}, {}
        for line in readelf(path, "-s").splitlines() + debug_symbols(path):
            match = re.match(r"\s*\d+: ([0-9a-f]{16})\s+(\d+|0x[0-9a-f]+) (?:FUNC|IFUNC)\s+\w+\s+\w+\s+[0-9]+ ([^ @]+)", line)
            if match:
                start, size = int(match.group(1), 16), int(match.group(2), 0)
                self.by_name.setdefault(match.group(3), set()).add(start)
                self.names.setdefault(start, set()).add(match.group(3))
                functions[start] = max(functions.get(start, 0), start + size)
        self.functions = sorted(functions.items())
        self.parts = sorted({tuple(int(part, 16) for part in pair)
                             for pair in re.findall(r" FDE .* pc=([0-9a-f]+)\.\.([0-9a-f]+)", readelf(path, "--debug-dump=frames"))})

    def start_of(self, address):
        """Where the function with this address begins: a symbol's, else what has unwind rules together; None: in neither."""
        for ranges in (self.functions, self.parts):
            at = bisect.bisect_right(ranges, (address, 1 << 64)) - 1
            if at >= 0 and ranges[at][0] <= address < ranges[at][1]:
                return ranges[at][0]
        return None

    def same(self, start):
        """One place for all functions that share a name with the one that begins there."""
        return min([start] + [min(self.by_name[name]) for name in self.names.get(start, ())])

    def named(self, name):
        return min((self.same(start) for start in self.by_name[name]), default=name) if name in self.by_name else name

    def address_of(self, offset):
        return next((address + offset - start for start, address, size in self.segments if start <= offset < start + size), None)


@functools.lru_cache(maxsize=None)
def binary(path):
    return Binary(path)


class Process:
    """Its executable memory, as it is now."""

    def __init__(self, pid):
        self.maps, self.paths = [], {}
        root = "/proc/%d/root" % pid
        with open("/proc/%d/maps" % pid) as maps:
            for line in maps:
                fields = line.rstrip("\n").split(None, 5)
                if "x" in fields[1] and fields[5:] and fields[5].startswith("/"):
                    start, end = (int(part, 16) for part in fields[0].split("-"))
                    path = os.path.realpath(root) + fields[5] if os.path.realpath(root) != "/" else fields[5]
                    self.maps.append((start, end, int(fields[2], 16), path))
                    self.paths[os.path.basename(path)] = path
        self.maps.sort()

    @functools.lru_cache(maxsize=None)
    def at(self, address):
        """(file, start of the function) of a run-time address; ("", 0): not in a file."""
        at = bisect.bisect_right(self.maps, (address, 1 << 64)) - 1
        if at < 0 or not self.maps[at][0] <= address < self.maps[at][1]:
            return "", 0
        start, _, offset, path = self.maps[at]
        return self.at_offset(os.path.basename(path), address - start + offset)

    @functools.lru_cache(maxsize=None)
    def at_offset(self, file, offset):
        """The same of an offset in a file."""
        path = self.paths.get(file)
        if not path:
            return "", 0
        link = binary(path).address_of(offset)
        start = binary(path).start_of(link) if link is not None else None
        return file, 0 if start is None else binary(path).same(start)

    @functools.lru_cache(maxsize=None)
    def named(self, text):
        """The same of a frame as scry shows it: "deflate (libz.so.1)", "[libz.so.1+0x1230]"."""
        bare = re.match(r"^\[(.*)\+0x([0-9a-f]+)\]$", text)
        name, _, file = text.rstrip(")").rpartition(" (")
        if bare:
            return bare.group(1), int(bare.group(2), 16)
        if file not in self.paths:
            return "", 0
        return file, binary(self.paths[file]).named(name)
