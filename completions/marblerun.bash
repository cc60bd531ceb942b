# bash completion for marblerun
_marblerun() {
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local coordinator="--era-config --insecure --sim-root --collateral --accepted-tcb-statuses
		--accepted-advisories --coordinator-cert --nonce --save-sgx-quote --namespace --output --help"
	case $previous in
	--era-config | --sim-root | --coordinator-cert | --save-sgx-quote | --recoverydata)
		COMPREPLY=($(compgen -f -- "$word"))
		return ;;
	--collateral | --sim-platform)
		COMPREPLY=($(compgen -d -- "$word"))
		return ;;
	esac
	if [ "$COMP_CWORD" = 1 ]; then
		COMPREPLY=($(compgen -W "status manifest certificate evidence package-info sim version --help" -- "$word"))
		return
	fi
	if [ "$COMP_CWORD" = 2 ]; then
		case ${COMP_WORDS[1]} in
		manifest) COMPREPLY=($(compgen -W "set get verify signature" -- "$word")); return ;;
		certificate) COMPREPLY=($(compgen -W "root intermediate chain" -- "$word")); return ;;
		sim) COMPREPLY=($(compgen -W "init set-tcb measure sign show" -- "$word")); return ;;
		esac
	fi
	case $word in
	-*)
		case ${COMP_WORDS[1]} in
		sim) COMPREPLY=($(compgen -W "--days --advisory --product-id --security-version --debug --output --help" -- "$word")) ;;
		evidence) COMPREPLY=($(compgen -W "show verify --collateral --pccs --at --root --policy --accepted-tcb-statuses --accepted-advisories --allow-debug --report-data --strict --output --help" -- "$word")) ;;
		package-info) COMPREPLY=($(compgen -W "--sim-platform --output --help" -- "$word")) ;;
		*) COMPREPLY=($(compgen -W "$coordinator --recoverydata --keep-cert --signature --display-update" -- "$word")) ;;
		esac ;;
	*)
		if [ "${COMP_WORDS[2]}" = set-tcb ] && [ "$COMP_CWORD" = 4 ]; then
			COMPREPLY=($(compgen -W "UpToDate SWHardeningNeeded ConfigurationNeeded
				ConfigurationAndSWHardeningNeeded OutOfDate OutOfDateConfigurationNeeded Revoked" -- "$word"))
		else
			COMPREPLY=($(compgen -f -- "$word"))
		fi ;;
	esac
}
complete -F _marblerun marblerun
