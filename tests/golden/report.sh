#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What scry report makes of the capture that report_sample.c writes: every option and format, usage errors, and captures
# that are cut, damaged or none, each compared with the text kept here.
#   report.sh [--record] [SCRY [SAMPLE]]
cd "$(dirname "$0")/../.." || exit 1
. tests/golden/compare.sh
sample=$(realpath "${2:-build/tests/golden/report_sample}") scry=$(realpath "$scry") here=$PWD/tests/golden/report
unset COLUMNS NO_COLOR
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT && cd "$tmp" && "$sample" app.scry || exit 1

{ run report app.scry; run report app.scry --sort total --limit 2; run report app.scry --lines; } |
	compare "table" "$here/table.txt"
for by in function file line thread process; do run report app.scry --by $by --limit 4; done |
	compare "rows of every kind" "$here/by.txt"
{
	run report app.scry --func 'w*' --by line
	run report app.scry --file 'views.py' --by file
	run report app.scry --file '*/site-packages/*'
	run report app.scry --from 0.4 --to 500ms
	run report app.scry --func nothing
} | compare "filters" "$here/filters.txt"
{ run report app.scry -o -; run report app.scry --lines --root process,thread -o -; } |
	compare "folded" "$here/folded.txt"
run report app.scry -o app.json -o app.txt -o app.folded -o app.svg -o work.scry --func 'walk' |
	compare "several outputs" "$here/outputs.txt"
cat app.json | compare "json" "$here/app.json"
run report work.scry -o - | compare "filtered copy" "$here/copy.txt"
cmp app.folded <("$scry" report work.scry -o - 2>/dev/null) && passed=$((passed + 1)) || failed=$((failed + 1))
COLUMNS=60 run report app.scry --limit 3 | compare "narrow terminal" "$here/narrow.txt"
{
	run report
	run report a b
	run report app.scry -o app.pdf
	run report app.scry --root cpu
	run report app.scry --from 2 --to 1
	run report missing.scry
	head -c 400 app.scry > cut.scry
	run report cut.scry
	run report app.json
	: > empty.scry
	run report empty.scry
	run report app.scry -o missing/x.txt
	run report app.scry --func nothing -o none.svg
	ls none.svg 2>&1 | sed 's/^ls: //'
	ln -s /dev/full full.scry
	run report app.scry -o full.scry
	echo '$ scry report app.scry -o - > /dev/full'
	"$scry" report app.scry -o - 2>&1 > /dev/full
	echo "exit $?"
	run report - < app.scry | head -4
} | compare "errors" "$here/errors.txt"

# No byte of a name may act on a terminal, whatever is shown, and JSON must be JSON.
if "$scry" report app.scry | grep -q $'[\033\a\r]'; then
	echo "not ok - control characters in the table"; failed=$((failed + 1))
fi
if command -v python3 > /dev/null; then
	python3 -c 'import json; json.load(open("app.json", encoding="utf-8"))' && passed=$((passed + 1)) ||
		{ echo "not ok - app.json is not JSON"; failed=$((failed + 1)); }
	# The page on the format tells enough to read one.
	reader=$(python3 "$here/../capture_format.py" app.scry)
	said=$("$scry" report app.scry -o - 2>/dev/null | sed 's/.* //' | sort -rn | paste -sd ' ')
	[[ -n $said && $reader == "$said"$'\n'* ]] && passed=$((passed + 1)) ||
		{ echo "not ok - another reader finds $reader, scry $said"; failed=$((failed + 1)); }
	compare "what another reader finds" "$here/reader.txt" <<< "$reader"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
