# fish completion for marblerun
complete -c marblerun -n __fish_use_subcommand -f -a "status check install uninstall precheck manifest secret recover recover-with-signature certificate evidence package-info sim version"
complete -c marblerun -n "__fish_seen_subcommand_from manifest" -a "set get verify signature log diff update"
complete -c marblerun -n "__fish_seen_subcommand_from update" -a "apply acknowledge cancel get"
complete -c marblerun -n "__fish_seen_subcommand_from secret" -a "set get"
complete -c marblerun -n "__fish_seen_subcommand_from recover-with-signature" -a "public-key sign-secret encrypt-secret"
complete -c marblerun -n "__fish_seen_subcommand_from certificate" -a "root intermediate chain"
complete -c marblerun -n "__fish_seen_subcommand_from sim" -a "init set-tcb measure sign show"
complete -c marblerun -l era-config -r -d "what the coordinator must be"
complete -c marblerun -l sim-root -r -d "trust a simulated platform's root"
complete -c marblerun -l collateral -r -d "folder of endorsements"
complete -c marblerun -s i -l insecure -d "do not verify the evidence"
complete -c marblerun -s o -l output -r -d "a file, or json"
complete -c marblerun -l nonce -r
complete -c marblerun -s h -l help
complete -c marblerun -s c -l cert -r -d "the user's certificate"
complete -c marblerun -s k -l key -r -d "its private key, or the recovery key"
complete -c marblerun -l pkcs11-config -r -d "use a PKCS#11 token"
complete -c marblerun -l pkcs11-key-label -x
complete -c marblerun -l pkcs11-key-id -x
complete -c marblerun -l pkcs11-cert-label -x
complete -c marblerun -l pkcs11-cert-id -x
complete -c marblerun -l recoverydata -s r -r -d "a file for recovery data"
complete -c marblerun -l from-pem -x -d "the secret's name"
complete -c marblerun -l coordinator-pub-key -r
complete -c marblerun -l timeout -x
complete -c marblerun -l kubeconfig -r
complete -c marblerun -l context -x
complete -c marblerun -s n -l namespace -x
complete -c marblerun -l wait -d "wait until it is done"
complete -c marblerun -l dry-run -d "print the manifests"
complete -c marblerun -l simulation -d "no TEE"
complete -c marblerun -l domain -x -d "a name of the coordinator"
complete -c marblerun -l image-repository -x
complete -c marblerun -l resource-key -x -d "the device plugin's SGX resource"
complete -c marblerun -l runtime-class -x -d "TDX or SEV-SNP guests"
complete -c marblerun -l disable-auto-injection
complete -c marblerun -l delete-state -d "delete the sealed state, too"
complete -c marblerun -l verify -d "recompute the audit log's chain"
