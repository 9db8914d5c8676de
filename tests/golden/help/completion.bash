# bash completion for scry
_scry()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]} words=
	if [ "$COMP_CWORD" = 1 ]; then
		COMPREPLY=($(compgen -W 'doctor help --help --version' -- "$cur"))
		return
	fi
	case "$verb,$prev" in
	help,--completion) words='none bash';;
	help,help) words='doctor help';;
	esac
	[ -z "$words" ] && [ "${cur:0:1}" = - ] && case "$verb" in
	doctor) words='--help';;
	help) words='--man --markdown --completion --help';;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o bashdefault -o default -F _scry scry
