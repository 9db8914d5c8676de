# SPDX-License-Identifier: GPL-2.0-only
"""Hostile names in every output, and hostile memory."""
import re
import subprocess
import xml.etree.ElementTree

from live import PATIENCE, SCRY, Failure, Target, expect, read_line, record, test

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]")
SVG = "{http://www.w3.org/2000/svg}"


def text_of(path):
    with open(path, "rb") as output:
        return output.read().decode("utf-8")		# strict: invalid UTF-8 fails the test


def check_text(path):
    found = CONTROL.search(text_of(path))
    expect(not found, "%s has the control character %r" % (path.rpartition(".")[2], found and found.group()))


def check_svg(path):
    """Well-formed; no element or attribute came from a name."""
    try:
        root = xml.etree.ElementTree.fromstring(text_of(path))
    except xml.etree.ElementTree.ParseError as error:
        raise Failure("the SVG is not well-formed: %s" % error)
    strange = {element.tag for element in root.iter()} - harmless_elements()
    expect(not strange, "elements that come from a name: %s" % strange)
    attributes = [name for element in root.iter() for name in element.attrib if name.lower().startswith("on")]
    expect(not attributes, "attributes that come from a name: %s" % attributes)
    scripts = [element for element in root.iter() if element.tag == SVG + "script"]
    expect(len(scripts) == SCRIPTS, "%d script elements" % len(scripts))
    expect(not any("</script" in (script.text or "").lower() for script in scripts), "a name ends the script in HTML")


SCRIPTS = 2		# its code, and its data as JSON


def harmless_elements(cache=[]):
    """All elements that an SVG of harmless names has; narrow frames are drawn as another element than wide ones."""
    if not cache:
        folded = b"main (app.py:1);work (app.py:5) 9000\n" + b"".join(b"main (app.py:1);f%d (app.py:%d) 1\n" % (n, n) for n in range(9))
        svg = subprocess.run([SCRY, "flamegraph"], input=folded, stdout=subprocess.PIPE, check=True).stdout
        cache.append({element.tag for element in xml.etree.ElementTree.fromstring(svg).iter()})
    return cache[0]


@test("few")
def hostile_names(python):
    with Target(python, "hostile") as target:
        recording = record("-p", target.pid, "-F", 1999, "-d", 2, kinds=("folded", "json", "svg", "txt"))
        count = target.known["count"]
    for kind in ("folded", "txt"):
        check_text(recording.base + "." + kind)
    check_svg(recording.base + ".svg")
    functions = recording.json["functions"]
    seen = set()
    for frames, _ in recording.stacks:
        expect(len(frames) <= 3, "a name became several frames: %r" % (frames,))
        match = re.search(r"hostile_(\d+)_", frames[-1].file or frames[-1].name)
        if match:
            seen.add(int(match.group(1)))
    expect(seen == set(range(count)), "of %d functions missing: %s" % (count, sorted(set(range(count)) - seen)))
    in_json = {int(match.group(1)) for match in (re.match(r".*hostile_(\d+)_", row["file"], re.S) for row in functions)
               if match}
    expect(in_json == set(range(count)), "missing in JSON: %s" % sorted(set(range(count)) - in_json))
    said = CONTROL.search(recording.said.replace("\r", "").replace("\x1b[K", ""))
    expect(not said, "the summary has the control character %r" % (said and said.group()))
    return "%d functions in 4 outputs" % count


@test("few")
def hostile_memory(python):
    """Frame lists that loop or lead nowhere, code objects and names of random bytes: scry ends in time, says what it
    could not read, and the target lives."""
    python.needs("ctypes")
    told = []
    for kind in ("self", "cycle", "wild", "random", "code", "name"):
        with Target(python, "corrupt", kind) as target:
            read_line(target.process.stdout, "corrupt", "corrupt")
            recording = record("-p", target.pid, "-F", 999, "-d", 0.5, patience=PATIENCE,
                               kinds=("folded", "json", "svg"))
            expect(target.alive(), "%s: the target died: %s" % (kind, target.complaint()))
        check_svg(recording.base + ".svg")
        table = recording.json
        expect(table["samples"] + sum(table["errors"].values()) > 20, "%s: only %d samples" % (kind, table["samples"]))
        errors = sum(table["errors"].values())
        truncated = sum(count for frames, count in recording.stacks if frames[0].name.startswith("["))
        if kind in ("self", "cycle", "wild", "random"):
            expect(errors + truncated > 0.9 * table["samples"], "%s: %d samples, but only %d said to be broken: %s" %
                   (kind, table["samples"], errors + truncated, table["errors"]))
        told.append("%s: %s" % (kind, ", ".join(table["errors"]) or "%d marked" % truncated))
    return "; ".join(told)
