# SPDX-License-Identifier: GPL-2.0-only
"""Functions of the standard library that spend their time in C, one after the other; each in a function of its own."""
import hashlib
import json
import re
import sqlite3
import zlib

from target import ready, stop

TEXT = "hello 123-abc world 77-xyz " * 50
DATA = {"a": [1, 2, 3, {"b": "x" * 50}] * 20, "c": list(range(200))}
BYTES = bytes(bytearray(range(256))) * 400
PATTERN = re.compile(r"(\w+)\s+(\d+)-(\w*)")
ENCODED = json.dumps(DATA)
base = sqlite3.connect(":memory:")


def work_json():
    for _ in range(30):
        json.loads(ENCODED)


def replace(match):
    return match.group(2)


def work_re():
    for _ in range(20):
        PATTERN.sub(replace, TEXT)


def work_zlib():
    zlib.compress(BYTES)


def double(x):
    return x * 2


def work_sqlite():
    base.execute("select sum(f(a)) from t where b like '%1%'").fetchall()


def work_hash():
    for _ in range(10):
        hashlib.sha256(BYTES).digest()


base.create_function("f", 1, double)
base.execute("create table t(a, b)")
base.executemany("insert into t values(?, ?)", [(i, str(i)) for i in range(1000)])
ready()
while not stop:
    for work in (work_json, work_re, work_zlib, work_sqlite, work_hash):
        work()
