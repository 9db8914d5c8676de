#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Flame graphs as they are kept: flamegraph.sh [--record] SCRY. Each SVG is also read by an XML parser; script and style,
# which every page has, are left out of what is kept.
set -uo pipefail
record=
[ "${1:-}" = --record ] && { record=1; shift; }
scry=$(realpath "${1:-build/scry}")
cd "$(dirname "$0")/flamegraph" || exit 1
passed=0 failed=0

# NAME ARGUMENTS...: NAME.folded drawn with these
draw() {
	local name=$1 fresh
	shift
	fresh=$(mktemp)
	"$scry" flamegraph "$@" "${name%%-*}.folded" >"$fresh" 2>/dev/null || { echo "not ok - $name: does not draw"; failed=$((failed + 1)); return; }
	python3 -c 'import sys, xml.etree.ElementTree as tree; tree.parse(sys.argv[1])' "$fresh" ||
		{ echo "not ok - $name: is no XML"; failed=$((failed + 1)); return; }
	sed -i -e '/^<style>/,/^<\/style>/d' -e '/^<\/script>/,$d' "$fresh"
	if [ -n "$record" ]; then
		mv "$fresh" "$name.svg.part"
		chmod 644 "$name.svg.part"
	elif diff -u "$name.svg.part" "$fresh"; then
		rm "$fresh"
	else
		echo "not ok - $name"
		failed=$((failed + 1))
		return
	fi
	passed=$((passed + 1))
}

draw program --title "python3 manage.py" --subtitle "cpu at 99 Hz"
draw program-inverted --inverted --width 600 --colors mono --unit ms
draw program-hash --hash --minwidth 20
draw tools
draw hostile --title $'</title><script>\e]0;x\a' --subtitle $'a\nb\xff'
echo "flamegraph: $passed passed, $failed failed"
[ "$failed" = 0 ]
