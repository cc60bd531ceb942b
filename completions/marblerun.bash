# bash completion for marblerun: the program itself says what can stand where.
_marblerun() {
	local current=${COMP_WORDS[COMP_CWORD]} line words
	# by spaces alone: bash cuts words at ':' and '=', too
	read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
	[ "${COMP_LINE:COMP_POINT-1:1}" = " " ] && words+=("")
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:file) compopt -o filenames; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "${current#=}") ;;
		:folder) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "${current#=}") ;;
		--*=*) line=${line%%$'\t'*}; COMPREPLY+=("${line#*=}") ;;
		*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("$1" __complete "${words[@]:1}" 2>/dev/null)
}
complete -F _marblerun marblerun
