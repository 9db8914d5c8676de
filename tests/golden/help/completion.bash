# bash completion for scry
_scry()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} words=
	if [ "$COMP_CWORD" = 1 ]; then
		COMPREPLY=($(compgen -W 'record trace stat report flamegraph list doctor help --help --version' -- "$cur"))
		return
	fi
	case "$verb,$prev" in
	record,--event) words='cpu call gc exception import offcpu wall gil';;
	record,--weight) words='time calls';;
	record,--method) words='auto usdt handlers eval symbol';;
	record,--stacks) words='interpreted full';;
	trace,--method) words='auto usdt handlers eval symbol';;
	stat,--method) words='auto usdt handlers eval symbol';;
	stat,--sort) words='auto calls errors total own mean p50 p99 max';;
	report,--by) words='function file line thread process reason vmstate';;
	report,--sort) words='self total';;
	flamegraph,--colors) words='module warm cool green mono';;
	help,--completion) words='none bash';;
	help,help) words='record trace stat report flamegraph list doctor help';;
	esac
	[ -z "$words" ] && [ "${cur:0:1}" = - ] && case "$verb" in
	record) words='--pid --all --cgroup --children --comm --tid --event --frequency --weight --method --min-block --max-block --waker --gil --duration --output --lines --root --native --kernel --stacks --inline --max-stack --stats --quiet --help';;
	trace) words='--pid --all --cgroup --children --comm --tid --duration --func --file --event --method --min-duration --flow --depth --args --ret --stack --max-stack --max-events --json --output --stats --quiet --help';;
	stat) words='--pid --all --cgroup --children --comm --tid --duration --func --file --event --method --frequency --interval --sort --count --limit --hist --json --stats --quiet --help';;
	report) words='--output --by --sort --limit --func --file --from --to --lines --root --help';;
	flamegraph) words='--output --title --subtitle --unit --width --minwidth --colors --hash --inverted --help';;
	list) words='--json --help';;
	doctor) words='--json --help';;
	help) words='--man --markdown --completion --help';;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _scry scry
