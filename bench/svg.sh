#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A million distinct stacks, 30 deep, to SVG: scry flamegraph and inferno-flamegraph (cargo install inferno), one after the
# other on the same files. svg.sh [SCRY [COUNT]]; INFERNO names the peer's program. Prints time, memory and size of
# each; fails if scry takes more than half of inferno's time or memory for stacks of a program, or 5 MB of SVG.
set -euo pipefail
scry=$(realpath "${1:-build/scry}") count=${2:-1000000}
inferno=${INFERNO:-$(command -v inferno-flamegraph || true)}
[ -n "$inferno" ] || [ ! -x ~/.cargo/bin/inferno-flamegraph ] || inferno=~/.cargo/bin/inferno-flamegraph
here=$(cd "$(dirname "$0")" && pwd) work=$(mktemp -d) failed=0
trap 'rm -rf "$work"' EXIT

# NAME PROGRAM...: runs it, and prints a row; seconds, kB and bytes of SVG are left in $row.
measure() {
	local name=$1
	shift
	row=($(python3 - "$work/out.svg" "$@" <<'PYTHON'
import resource, subprocess, sys, time
begin = time.monotonic()
with open(sys.argv[1], "wb") as out:
    subprocess.run(sys.argv[2:], stdout=out, stderr=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{time.monotonic() - begin:.2f} {used.ru_maxrss}")
PYTHON
) $(stat -c %s "$work/out.svg"))
	printf '%-10s %-8s %7s s %7d MB %8d kB\n' "$kind" "$name" "${row[0]}" $((row[1] / 1024)) $((row[2] / 1000))
}

# A B: A is at most half of B
half() { python3 -c 'import sys; sys.exit(float(sys.argv[1]) * 2 > float(sys.argv[2]))' "$1" "$2"; }

printf '%-10s %-8s %9s %10s %11s\n' stacks program time memory SVG
[ -n "$inferno" ] || echo "inferno-flamegraph is not installed (cargo install inferno): without it"
for kind in branching sorted apart; do
	python3 "$here/svg_stacks.py" $kind "$count" 30 >"$work/folded"
	cat "$work/folded" >/dev/null
	measure scry "$scry" flamegraph "$work/folded"
	ours=("${row[@]}")
	[ "${ours[2]}" -lt 5000000 ] || { echo "the SVG is larger than 5 MB"; failed=1; }
	[ -n "$inferno" ] || continue
	measure inferno "$inferno" "$work/folded"
	[ $kind = apart ] || { half "${ours[0]}" "${row[0]}" && half "${ours[1]}" "${row[1]}"; } ||
		{ echo "more than half of inferno's time or memory"; failed=1; }
done
exit $failed
