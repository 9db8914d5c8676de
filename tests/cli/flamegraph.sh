#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# scry flamegraph as a filter: what it answers to good and bad calls. flamegraph.sh SCRY
set -uo pipefail
scry=$(realpath "${1:-build/scry}") number=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
printf 'a;b 3\na;c 1\n' > good
printf 'no stack here\n' > bad
: > empty

# WHAT STATUS PATTERN COMMAND...: its exit status, and a pattern that its stderr holds ("" for none at all)
check() {
	local what=$1 status=$2 pattern=$3 said got
	shift 3
	said=$("$@" 2>&1 >out)
	got=$?
	number=$((number + 1))
	if [ "$got" = "$status" ] && { [ -n "$pattern" ] && grep -q -e "$pattern" <<<"$said" || [ -z "$pattern$said" ]; }; then
		echo "ok $number - $what"
	else
		echo "not ok $number - $what: status $got, said '$said'"
		failed=1
	fi
}

draw() { "$scry" flamegraph "$@" < good; }
check "a file to a file" 0 "" "$scry" flamegraph good -o good.svg
check "standard input to standard output" 0 "" draw
draw > piped
cp bad app.scry
full() { local said; said=$({ draw > /dev/full; } 2>&1); local got=$?; [ "$(wc -l <<<"$said")" = 1 ] && echo "$said" >&2; return $got; }
check "both give the same bytes" 0 "" cmp piped good.svg
check "the same as a second time" 0 "" cmp <(draw -) good.svg
check "names what it left out" 0 "left out 1 line" "$scry" flamegraph <(cat good bad)
check "nothing to draw" 1 "holds no stacks" "$scry" flamegraph empty
check "no stack among the lines" 1 "holds no stacks" "$scry" flamegraph bad -o none.svg
check "leaves no file behind then" 1 "" test -e none.svg
check "but a device" 1 "holds no stacks" "$scry" flamegraph empty -o /dev/null
check "which stays" 0 "" test -c /dev/null
check "a capture" 1 "drawn by 'scry report app.scry" "$scry" flamegraph app.scry
check "a full disk is told once" 1 "^scry: write standard output: No space left on device$" full
check "a missing file" 1 "open missing: No such file" "$scry" flamegraph missing
check "a folder to read" 1 "read \.: Is a directory" "$scry" flamegraph .
check "a folder to write" 1 "create \.: Is a directory" draw -o .
check "a full device" 1 "No space left" draw -o /dev/full
check "an unknown palette" 2 "colors" draw --colors none
check "a width that is none" 2 "minwidth" draw --minwidth 0
check "two files" 2 "one FILE" draw good good
check "frames without number" 1 "larger --minwidth" "$scry" flamegraph --minwidth 0.00001 \
	<(run=$(printf ';f%.0s' {1..15000}); for i in {1..550}; do echo "$i$run 1"; done)
exit $failed
