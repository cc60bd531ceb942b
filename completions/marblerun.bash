# bash completion for marblerun
_marblerun() {
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
	local coordinator="--era-config --insecure --sim-root --collateral --accepted-tcb-statuses
		--accepted-advisories --coordinator-cert --nonce --save-sgx-quote --namespace --output --help"
	local user="--cert --key --pkcs11-config --pkcs11-key-label --pkcs11-key-id --pkcs11-cert-label --pkcs11-cert-id"
	local cluster="--namespace --kubeconfig --context --request-timeout"
	case $previous in
	--era-config | --sim-root | --coordinator-cert | --save-sgx-quote | --recoverydata | --cert | --key | \
		--pkcs11-config | --kubeconfig | --dcap-qcnl-config-file | --signature | --coordinator-pub-key)
		COMPREPLY=($(compgen -f -- "$word"))
		return ;;
	--collateral | --sim-platform)
		COMPREPLY=($(compgen -d -- "$word"))
		return ;;
	esac
	if [ "$COMP_CWORD" = 1 ]; then
		COMPREPLY=($(compgen -W "status check install uninstall precheck manifest secret recover recover-with-signature certificate evidence package-info sim version --help" -- "$word"))
		return
	fi
	if [ "$COMP_CWORD" = 2 ]; then
		case ${COMP_WORDS[1]} in
		manifest) COMPREPLY=($(compgen -W "set get verify signature log diff update" -- "$word")); return ;;
		secret) COMPREPLY=($(compgen -W "set get" -- "$word")); return ;;
		recover-with-signature) COMPREPLY=($(compgen -f -W "public-key sign-secret encrypt-secret" -- "$word")); return ;;
		certificate) COMPREPLY=($(compgen -W "root intermediate chain" -- "$word")); return ;;
		sim) COMPREPLY=($(compgen -W "init set-tcb measure sign show" -- "$word")); return ;;
		esac
	fi
	if [ "$COMP_CWORD" = 3 ] && [ "${COMP_WORDS[1]} ${COMP_WORDS[2]}" = "manifest update" ]; then
		COMPREPLY=($(compgen -W "apply acknowledge cancel get" -- "$word"))
		return
	fi
	case $word in
	-*)
		case ${COMP_WORDS[1]} in
		sim) COMPREPLY=($(compgen -W "--days --advisory --product-id --security-version --debug --output --help" -- "$word")) ;;
		evidence) COMPREPLY=($(compgen -W "show verify --collateral --pccs --at --root --policy --accepted-tcb-statuses --accepted-advisories --allow-debug --report-data --strict --output --help" -- "$word")) ;;
		package-info) COMPREPLY=($(compgen -W "--sim-platform --output --help" -- "$word")) ;;
		secret | recover) COMPREPLY=($(compgen -W "$coordinator $user --from-pem" -- "$word")) ;;
		recover-with-signature) COMPREPLY=($(compgen -W "$coordinator $user --signature --coordinator-pub-key" -- "$word")) ;;
		check) COMPREPLY=($(compgen -W "$coordinator $cluster --timeout" -- "$word")) ;;
		install) COMPREPLY=($(compgen -W "$cluster --domain --simulation --resource-key --runtime-class --disable-auto-injection --version --image-repository --client-server-port --mesh-server-port --dcap-pccs-url --dcap-secure-cert --dcap-qcnl-config-file --dry-run --wait --timeout --output --help" -- "$word")) ;;
		uninstall) COMPREPLY=($(compgen -W "$cluster --delete-state --wait --timeout --output --help" -- "$word")) ;;
		precheck) COMPREPLY=($(compgen -W "$cluster --output --help" -- "$word")) ;;
		*) COMPREPLY=($(compgen -W "$coordinator $user --recoverydata --keep-cert --signature --display-update --missing --verify" -- "$word")) ;;
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
