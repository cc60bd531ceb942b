# fish completion for marblerun: the program itself says what can stand where.
function __marblerun_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path "$current"
            case :folder
                __fish_complete_directories "$current" ''
            case '*'
                echo $line
        end
    end
end
complete -c marblerun -f -a '(__marblerun_complete)'
