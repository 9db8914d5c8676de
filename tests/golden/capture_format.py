# SPDX-License-Identifier: GPL-2.0-only
"""A reader of captures that is written from docs/capture-format.md alone.   capture_format.py FILE.scry

Prints how often each stack of the first event was met, most often first, then what was lost and the causes of errors."""
import collections
import ctypes
import sys


class Bytes:
    def __init__(self, content):
        self.content, self.at = content, 0

    def more(self):
        return self.at < len(self.content)

    def number(self):
        value = shift = 0
        while True:
            byte = self.content[self.at]
            self.at += 1
            value |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return value

    def signed(self):
        folded = self.number()
        return -(folded + 1) // 2 if folded & 1 else folded // 2

    def text(self):
        size = self.number()
        self.at += size
        assert self.at <= len(self.content)
        return self.content[self.at - size:self.at]


def fixed(content):
    return int.from_bytes(content, "little")


def chunks(content):
    zstd = ctypes.CDLL("libzstd.so.1")
    zstd.ZSTD_decompress.restype = ctypes.c_size_t
    assert content[:8] == b"scrycap\n" and fixed(content[8:12]) == 1 and fixed(content[12:16]) == 0
    at, number = 16, 0
    while at < len(content):
        packed, plain = fixed(content[at + 8:at + 12]), fixed(content[at + 12:at + 16])
        assert content[at:at + 4] == b"chnk" and fixed(content[at + 4:at + 8]) == number
        to = ctypes.create_string_buffer(plain)
        size = zstd.ZSTD_decompress(to, ctypes.c_size_t(plain), content[at + 16:at + 16 + packed], ctypes.c_size_t(packed))
        assert size == plain
        yield Bytes(to.raw)
        at += 16 + packed
        number += 1


def sparse(column, count):
    """{position: value} of a column that tells of some samples only."""
    values, at = {}, -1
    while column and column.more():
        at += 1 + column.number()
        assert at < count
        values[at] = column.number()
    return values


class Capture:
    """Rows are what the sections have, numbered as they are: from 1, but events from 0."""
    def __init__(self, content):
        self.facts, self.events, self.strings = {}, [], [b""]
        self.functions, self.frames, self.stacks, self.threads = [None], [None], [None], [None]
        self.names, self.processes = {}, {}
        self.samples, self.lost, self.end = [], 0, None
        for chunk in chunks(content):
            while chunk.more():
                kind, section = chunk.number(), Bytes(chunk.text())
                if kind == 10:
                    self.read_samples(section)
                while kind != 10 and section.more():
                    self.read_entry(kind, section)
        assert self.end[1] == len(self.samples)

    def read_entry(self, kind, s):
        if kind == 1:
            key = s.number()
            self.facts[key] = s.text()
        elif kind == 2:
            self.events.append((s.number(), s.number(), s.number()))
        elif kind == 3:
            self.strings.append(s.text())
        elif kind == 4:
            self.functions.append((s.number(), s.number(), s.number(), s.signed()))
        elif kind == 5:
            self.frames.append((s.number(), s.signed()))
        elif kind == 6:
            self.stacks.append((len(self.stacks) - s.number(), s.number()))
        elif kind == 7:
            self.threads.append((s.number(), s.number(), s.number()))
        elif kind == 8:
            thread = s.number()
            self.names[thread] = s.number()
        elif kind == 9:
            process = s.number()
            self.processes[process] = (s.number(), s.number())
        elif kind == 11:
            self.lost = (s.number(), s.number())[1]
        elif kind == 12:
            self.end = (s.number(), s.number())
        else:
            raise SystemExit("section of kind %d" % kind)

    def read_samples(self, s):
        event, count, time = s.number(), s.number(), s.number()
        columns = {}
        while s.more():
            kind = s.number()
            columns[kind] = Bytes(s.text())
        values, errors, reasons = (sparse(columns.get(kind), count) for kind in (4, 5, 6))
        for i in range(count):
            time += columns[1].signed()
            self.samples.append((event, time, columns[2].number(), columns[3].number(), values.get(i, self.events[event][0]),
                                 self.strings[errors.get(i, 0)], self.strings[reasons.get(i, 0)]))
        assert not any(columns[kind].more() for kind in (1, 2, 3))

    def stack(self, number):
        functions = []
        while number:
            number, frame = self.stacks[number]
            functions.append(self.frames[frame][0])
        return tuple(functions)


def main():
    with open(sys.argv[1], "rb") as file:
        capture = Capture(file.read())
    stacks = collections.Counter(capture.stack(sample[3]) or sample[5] for sample in capture.samples)
    print(*sorted(stacks.values(), reverse=True))
    print("lost", capture.lost)
    for error, count in sorted(collections.Counter(sample[5].decode() for sample in capture.samples if sample[5]).items()):
        print(error, count)


main()
