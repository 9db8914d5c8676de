#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What scry says about itself: help, usage errors with their exit status, man pages and the pages of docs/, each compared
# with the text kept here. After a change of an option, `tests/golden/help.sh --record` writes them anew: look at
# the difference before it goes in.
#   help.sh [--record] [SCRY]
cd "$(dirname "$0")/../.." || exit 1
. tests/golden/compare.sh

verbs=$("$scry" --help | sed -n '/^for example/q; s/^  \([a-z]*\) .*/\1/p')
[ -n "$verbs" ] || { echo "not ok - $scry lists no verbs"; exit 1; }

{ run; run --help; run -h; run help; run --version; run -V; } | compare "usage" tests/golden/help/scry.txt
{
	run recrod
	run xyzzy
	run ''
	run help xyzzy
	run help doctor list
	run help --completion tcsh
	run doctor --bogus
	run doctor --js=1
	run doctor 4711
	run record
	run record -p 0
	run record -p 1,
	run record -p 1 -a
	run record -p 1 -d 0
	run record -p 1 -F 20001
	run record -p 1 -o flame.png
	run record --tid 5 -- true
	run record -p 1 --root cpu
	run trace call -p 1 --args --min-duration 1ms
} | compare "usage errors" tests/golden/help/errors.txt
for verb in help $verbs; do
	{ run "$verb" --help; } | compare "scry $verb --help" "tests/golden/help/$verb.txt"
	cmp -s <("$scry" "$verb" --help) <("$scry" help "$verb") ; echo $? | grep -qx 0 ||
		{ echo "not ok - scry help $verb is not scry $verb --help"; failed=$((failed + 1)); }
done
for verb in $verbs; do
	"$scry" help --markdown "$verb" | compare "docs/$verb.md" "docs/$verb.md"
done
for verb in '' $verbs; do
	page=scry${verb:+-$verb}
	"$scry" help --man $verb | compare "man page $page" "tests/golden/help/$page.1"
	command -v groff >/dev/null || continue
	complaints=$("$scry" help --man $verb | groff -man -Tutf8 -ww -z 2>&1)
	[ -z "$complaints" ] || { echo "not ok - groff on $page: $complaints"; failed=$((failed + 1)); }
done
"$scry" help --completion bash | compare "bash completion" tests/golden/help/completion.bash
bash -n tests/golden/help/completion.bash || failed=$((failed + 1))

# What bash offers behind a line of words.
offers()
{
	bash -c 'source tests/golden/help/completion.bash
		COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _scry; echo "${COMPREPLY[*]}"' _ "$@"
}
offers_exactly()
{
	local expected=$1
	shift
	[ "$(offers "$@")" = "$expected" ] && passed=$((passed + 1)) ||
		{ echo "not ok - completion of '$*' is '$(offers "$@")'"; failed=$((failed + 1)); }
}
offers_exactly doctor scry doc
offers_exactly --json scry list --j
offers_exactly "self total" scry report --sort ""
offers_exactly "" scry report x.scry ""

# What the README points to.
for link in $(grep -o '](\([^)#:]*\))' README.md | tr -d '])('); do
	[ -e "$link" ] && passed=$((passed + 1)) ||
		{ echo "not ok - README.md: there is no $link"; failed=$((failed + 1)); }
done

# Output that cannot be written is an error; a reader that left is not worth a message.
[ "$("$scry" --help 2>&1 >/dev/full)" = "scry: standard output: No space left on device" ] &&
	! "$scry" --help >/dev/full 2>&1 && passed=$((passed + 1)) ||
	{ echo "not ok - a full disk is reported"; failed=$((failed + 1)); }
said=$(trap '' PIPE; exec 3> >(exec true); wait $!; "$scry" --help 2>&1 >&3)
[ -z "$said" ] && passed=$((passed + 1)) ||
	{ echo "not ok - a reader that left: $said"; failed=$((failed + 1)); }

echo "$passed passed, $failed failed"
[ $failed = 0 ]
