#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The flame graph in a real browser: flamegraph.py SCRY [FOLDED] clicks, searches, resets and turns it."""
import json
import pathlib
import subprocess
import sys
import tempfile
import traceback

import browser

STACKS = """\
main (app.py:1);load (io.py:10);parse (io.py:20) 300
main (app.py:1);load (io.py:10);read (libc.so.6) 100
main (app.py:1);work (app.py:30);parse (io.py:20) 150
main (app.py:1);work (app.py:30);spin (app.py:40);spin (app.py:40) 400
<b onclick=alert(1)>"&'</b> (</script><script>alert(2)</script>:3);]]>\x1b[31m\xff\u202e 50
"""
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def box(page, name, nth=0):
    """Place of the nth frame of that function, root first, as drawn; None if it is not."""
    return page.evaluate(f"""(() => {{
        const data = JSON.parse(document.getElementById('data').textContent);
        const found = [...document.querySelectorAll('#frames rect')].filter(r =>
            data.functions[data.frames[3 * r.frame + 1]] === {name!r});
        if (!found[{nth}]) return null;
        const b = found[{nth}].getBoundingClientRect();
        return {{x: b.x, y: b.y, width: b.width, hit: found[{nth}].classList.contains('hit')}};
    }})()""")


def click(page, name, nth=0):
    at = box(page, name, nth)
    page.click(at["x"] + at["width"] / 2, at["y"] + 5)


def near(value, expected, within=2.5):
    assert abs(value - expected) <= within, f"{value} is not {expected}"


def text(page, name):
    return page.evaluate(f"document.getElementById('{name}').textContent")


def fragment(page):
    return page.evaluate("location.hash")


@test
def fills_the_window_by_share(page):
    near(box(page, "main")["width"], 0.95 * 1176)
    near(box(page, "load")["width"], 0.40 * 1176)
    near(box(page, "work")["width"], 0.55 * 1176)
    assert box(page, "load")["y"] < box(page, "main")["y"], "callees stand above their callers"


@test
def zooms_by_click_and_goes_back(page):
    click(page, "load")
    near(box(page, "load")["width"], 1176)
    near(box(page, "main")["width"], 1176)
    near(box(page, "parse")["width"], 0.75 * 1176)
    assert box(page, "work") is None, "what is beside the zoomed frame is hidden"
    assert fragment(page).startswith("#zoom="), fragment(page)
    assert "400 samples" in text(page, "facts") and "40.00% of all" in text(page, "facts"), text(page, "facts")
    page.evaluate("history.back()")
    page.wait("location.hash === '' && document.documentElement.dataset.zoom === '0'")
    near(box(page, "load")["width"], 0.40 * 1176)


@test
def searches_with_percent_and_count(page):
    page.press("f", control=True)
    page.type("parse")
    assert text(page, "matched") == "45.00% (2)", text(page, "matched")
    assert box(page, "parse")["hit"] and not box(page, "load")["hit"]
    assert fragment(page) == "#search=parse", fragment(page)
    click(page, "load")
    assert text(page, "matched") == "75.00% (1)", text(page, "matched")


@test
def counts_a_match_within_a_match_once(page):
    page.press("/")
    page.type("app\\.py")
    assert text(page, "matched") == "95.00% (4)", text(page, "matched")
    page.press("Escape")
    page.press("/")
    page.type("(")      # no expression: taken as it stands
    assert text(page, "matched").startswith("100.00%"), text(page, "matched")


@test
def escape_and_the_button_reset(page):
    for reset in (lambda: page.press("Escape"),
                  lambda: page.evaluate("document.getElementById('reset').click()")):
        click(page, "work")
        page.press("/")
        page.type("spin")
        assert "zoom=" in fragment(page) and "search=spin" in fragment(page), fragment(page)
        reset()
        assert fragment(page) == "" and text(page, "matched") == ""
        near(box(page, "work")["width"], 0.55 * 1176)
        assert not box(page, "spin")["hit"]


@test
def the_fragment_brings_zoom_and_search_back(page):
    click(page, "load")
    page.press("/")
    page.type("read")
    kept = fragment(page)
    page.open(page.address + kept)
    near(box(page, "load")["width"], 1176)
    assert box(page, "read")["hit"] and page.evaluate("document.getElementById('search').value") == "read"
    assert text(page, "matched") == "25.00% (1)", text(page, "matched")


@test
def hostile_fragments_do_no_harm(page):
    for bad in ("#zoom=99999999999", "#zoom=-1", "#search=%", "#search=%3Cimg%20src%3Dx%3E", "#zoom=0&search=((("):
        page.open(page.address + bad)
        assert box(page, "main"), bad
    assert not page.evaluate("document.querySelector('img')")


@test
def the_keyboard_walks_and_zooms(page):
    page.evaluate("document.getElementById('frames').focus()")
    page.press("ArrowUp")       # to the root, main, its heaviest callee
    page.press("ArrowUp")
    page.press("ArrowUp")
    assert text(page, "facts").startswith("work"), text(page, "facts")
    page.press("ArrowLeft")
    assert text(page, "facts").startswith("load"), text(page, "facts")
    page.press("ArrowDown")
    assert text(page, "facts").startswith("main"), text(page, "facts")
    page.press("ArrowUp")
    page.press("Enter")
    near(box(page, "work")["width"], 1176)
    page.press("Escape")
    near(box(page, "work")["width"], 0.55 * 1176)
    page.press("/")
    page.type("read")
    page.press("Enter")
    assert text(page, "facts").startswith("read"), text(page, "facts")


@test
def tells_about_the_frame_under_the_pointer(page):
    click(page, "load")
    at = box(page, "parse")
    page.mouse("mouseMoved", at["x"] + 40, at["y"] + 6)
    tip = text(page, "tip")
    for part in ("parse", "io.py:20", "300 samples", "30.00% of all", "75.00% of zoomed"):
        assert part in tip, f"{part} is missing in {tip}"
    page.mouse("mouseMoved", 600, 690)
    assert page.evaluate("document.getElementById('tip').parentNode.style.display") == "none"


@test
def fits_a_phone(page):
    page.size(400, 760, phone=True)
    page.open(page.address)
    near(box(page, "main")["width"], 0.95 * 388)
    assert page.evaluate("document.documentElement.clientWidth") == 400
    assert page.evaluate("document.getElementById('head').scrollWidth") <= 400
    page.size(900, 600)
    page.wait("document.documentElement.getAttribute('width') === '900'")
    near(box(page, "main")["width"], 0.95 * 876)


@test
def labels_stay_inside_their_frames(page):
    wide = page.evaluate("""[...document.querySelectorAll('#frames text')].filter(t =>
        t.getBoundingClientRect().right > t.previousSibling.getBoundingClientRect().right + 0.5).length""")
    labels = page.evaluate("document.querySelectorAll('#frames text').length")
    assert labels >= 6 and wide == 0, f"{wide} of {labels} stick out"


@test
def hostile_names_are_only_text(page):
    assert page.evaluate("document.querySelectorAll('script').length") == 2
    assert not page.evaluate("document.querySelector('b[onclick]')")
    assert "\ufffd[31m\ufffd\ufffd" in page.evaluate("document.getElementById('data').textContent")


@test
def reads_without_script(page):
    page.call("Emulation.setScriptExecutionDisabled", value=True)
    page.call("Page.navigate", url="about:blank")
    page.call("Page.navigate", url=page.address)
    document = page.call("DOM.getDocument", depth=-1)["root"]
    page.call("Emulation.setScriptExecutionDisabled", value=False)
    found = json.dumps(document, ensure_ascii=False)
    for part in ("300 samples, 30.00% of all", "spin", "1\xa0000 samples, 4 levels"):
        assert part in found, part


def run(page, function):
    page.size(1200, 700)
    page.open(page.address)
    try:
        function(page)
        errors, asked = page.complaints()
        assert not errors, errors
        assert all(url.startswith(("file:", "about:")) for url in asked), f"the page asked for {asked}"
    except Exception:       # whatever it is, the other tests go on
        traceback.print_exc()
        return False
    return True


def main():
    scry, program = sys.argv[1], browser.find()
    if not program:
        print(f"ok 1 - flamegraph in a browser # SKIP none of {', '.join(browser.NAMES)} is installed")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory(prefix="scry-svg-") as folder:
        svg = pathlib.Path(folder, "flame.svg")
        subprocess.run([scry, "flamegraph", "--title", "</title><script>alert(3)</script>", "-o", svg],
                       input=STACKS.encode("utf-8", "surrogateescape").replace(b"\xc3\xbf", b"\xff"), check=True)
        page = browser.Browser(program)
        page.address = svg.as_uri()
        try:
            for number, function in enumerate(TESTS, 1):
                passed = run(page, function)
                failed += not passed
                print(f"{'ok' if passed else 'not ok'} {number} - {function.__name__}", flush=True)
        finally:
            page.close()
    print(f"1..{len(TESTS)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
