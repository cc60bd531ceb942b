# fish completion for marblerun
complete -c marblerun -n __fish_use_subcommand -f -a "status manifest certificate evidence package-info sim version"
complete -c marblerun -n "__fish_seen_subcommand_from manifest" -a "set get verify signature"
complete -c marblerun -n "__fish_seen_subcommand_from certificate" -a "root intermediate chain"
complete -c marblerun -n "__fish_seen_subcommand_from sim" -a "init set-tcb measure sign show"
complete -c marblerun -l era-config -r -d "what the coordinator must be"
complete -c marblerun -l sim-root -r -d "trust a simulated platform's root"
complete -c marblerun -l collateral -r -d "folder of endorsements"
complete -c marblerun -s i -l insecure -d "do not verify the evidence"
complete -c marblerun -s o -l output -r -d "a file, or json"
complete -c marblerun -l nonce -r
complete -c marblerun -s h -l help
