# SPDX-License-Identifier: GPL-2.0-only
# For the scripts of this folder, which source it first: what scry says is compared with the text kept here, or, with
# --record as the script's first argument, becomes that text. The next argument is the scry to run.
record=
[ "$1" = --record ] && { record=1; shift; }
scry=${1:-build/scry}
passed=0 failed=0
shopt -s lastpipe # compare counts in this shell

# compare NAME FILE: standard input is what was said.
compare()
{
	local said
	said=$(cat; echo .)
	if [ -n "$record" ]; then
		mkdir -p "$(dirname "$2")" && printf %s "${said%.}" > "$2"
	fi
	if diff -u "$2" <(printf %s "${said%.}"); then
		echo "ok - $1"
		passed=$((passed + 1))
	else
		echo "not ok - $1"
		failed=$((failed + 1))
	fi
}

# One run: both streams told apart, and the exit status.
run()
{
	local out err
	echo "\$ scry $*"
	{ err=$( { out=$("$scry" "$@"; echo "exit $?"); } 2>&1; printf '%s\n' "$out" >&3); } 3>&1
	[ -z "$err" ] || printf '%s\n' "$err" | sed 's/^/stderr: /'
}
