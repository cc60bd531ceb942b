"""What shells complete is what --help says: commands, flags, their values and arguments."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

COMPLETIONS = Path(__file__).resolve().parents[2] / "completions"
FILES = ["coordinator-era.json", "manifest.json"]


@pytest.fixture(scope="module")
def offered(binaries):
    """Lines that the program says for these words, without what they are."""
    def ask(*words):
        said = subprocess.run([binaries.cli, "__complete", *words], stdout=subprocess.PIPE, text=True, check=True).stdout
        return [line.split("\t")[0] for line in said.splitlines()]
    return ask


@pytest.fixture(scope="module")
def helped(binaries):
    def ask(*words):
        return subprocess.run([binaries.cli, *words, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return ask


@pytest.fixture(scope="module")
def commands(helped):
    found = re.findall(r"^  ([a-z][a-z0-9 -]*?) +[A-Z]", helped(), re.M)
    assert len(found) > 30
    return [command.split() for command in found]


def test_every_word_of_every_command(commands, offered):
    for command in commands:
        for depth, word in enumerate(command):
            before = command[:depth]
            siblings = {c[depth] for c in commands if c[:depth] == before and len(c) > depth}
            assert {w for w in offered(*before, "") if w[0] != ":"} == siblings
            assert word in offered(*before, word[:2])
            assert len(offered(*before, "")) == len(set(offered(*before, "")))


def test_every_flag_of_every_command(commands, offered, helped):
    for command in commands:
        said = set(re.findall(r"^ +(?:-\w, )?(--[a-z0-9-]+)", helped(*command).split("\nFlags:")[-1], re.M))
        assert set(offered(*command, "-")) == said | {"--help"}, command


def test_every_argument_of_every_command(commands, offered, helped):
    """Each is a file, a folder, one of a list, or something that nobody but the person knows."""
    kinds = {"FILE": ":file", "MANIFEST": ":file", "PATH": ":file", "PROGRAM": ":file", "NEW": ":file", "OLD": ":file",
             "DIR": ":folder", "STATUS": "UpToDate"}
    seen = set()
    for command in commands:
        usage = re.search(r"^Usage: marblerun (.*?) ?\[FLAGS\]", helped(*command), re.M)[1].split()[len(command):]
        for place, argument in enumerate(usage):
            names = argument.strip("[].").split("|")
            expected = {kinds[name] for name in names if name in kinds}
            found = offered(*command, *["x"] * place, "")
            assert expected <= set(found) and (expected or not [w for w in found if w[0] == ":"]), (command, argument)
            seen.update(names)
        assert not offered(*command, *["x"] * 9, "") or "..." in " ".join(usage), command
    assert {"DIR", "STATUS", "OLD", "ADDRESS"} <= seen


@pytest.mark.parametrize("words,expected", [
    (["--h"], ["--help"]),
    (["nonsense", ""], []),
    (["status", "--output", ""], ["text", "json"]),
    (["status", "-o", "j"], ["json"]),
    (["status", "--output=t"], ["--output=text"]),
    (["manifest", "get", "--output", ""], [":file"]),
    (["--sim-root", ""], [":file"]),
    (["--sim-root", "a", "stat"], ["status"]),
    (["evidence", "verify", "--collateral", ""], [":folder"]),
    (["install", "--dcap-secure-cert", ""], ["TRUE", "FALSE"]),
    (["status", "--nonce", ""], []),
    (["sim", "set-tcb", "platform", "O"], ["OutOfDate", "OutOfDateConfigurationNeeded"]),
    (["recover-with-signature", ""], ["public-key", "sign-secret", "encrypt-secret", ":file"]),
    (["manifest", "diff", "new.json", ""], [":file"]),
])
def test_values(offered, words, expected):
    assert offered(*words) == expected


def test_what_was_given_is_not_offered_again(offered):
    assert "--insecure" in offered("status", "--in") and "--insecure" not in offered("status", "-i", "--in")
    assert "--domain" in offered("install", "--domain", "a", "--do")


@pytest.fixture
def shell(workspace, binaries):
    """A folder with two files and a folder, and the program in PATH."""
    folder = workspace.folder / "work"
    folder.mkdir()
    for name in FILES:
        (folder / name).touch()
    (folder / "platform").mkdir()

    def run(name, script, *arguments):
        if not shutil.which(name):
            pytest.skip(f"{name} is not here")
        done = subprocess.run([name, *arguments, "-c", script], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={"PATH": f"{Path(binaries.cli).parent}:/usr/bin:/bin", "HOME": str(folder), "TERM": "dumb"},
                              stdin=subprocess.DEVNULL, text=True, check=False)
        assert done.returncode == 0 and not done.stderr, done.stderr
        return sorted(line.split("\t")[0] for line in done.stdout.splitlines() if line)
    return run


LINES = [
    ("marblerun manifest up", ["update"]),
    ("marblerun cert", ["certificate"]),
    ("marblerun status localhost:4433 --inse", ["--insecure"]),
    ("marblerun status --output ", ["json", "text"]),
    ("marblerun manifest set ", [*FILES, "platform"]),
    ("marblerun manifest verify manifest.json localhost:4433 --era-config coor", FILES[:1]),
    ("marblerun sim show ", ["platform"]),
    ("marblerun sim set-tcb platform Rev", ["Revoked"]),
]


@pytest.mark.parametrize("line,expected", [*LINES, ("marblerun status --output=j", ["json"]),
                                           ("marblerun status --era-config=coor", FILES[:1])])
def test_bash(shell, line, expected):
    """As bash calls the function: words are cut at ':' and '=', too."""
    script = f"""
        source {COMPLETIONS}/marblerun.bash
        compopt() {{ :; }}  # only while readline completes
        COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}
        COMP_WORDS=({' '.join(repr(w) for w in re.findall(r"[^ :=]+|[:=]", line))} {"''" if line.endswith(" ") else ""})
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _marblerun marblerun; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert shell("bash", script) == expected


@pytest.mark.parametrize("line,expected", [*LINES, ("marblerun status --output=j", ["--output=json"])])
def test_fish(shell, line, expected):
    found = shell("fish", f"source {COMPLETIONS}/marblerun.fish; complete -C '{line}'", "--no-config")
    assert [name.rstrip("/") for name in found] == expected


@pytest.mark.parametrize("line,expected", [*LINES, ("marblerun status --output=j", ["--output=json"])])
def test_zsh(shell, line, expected):
    """As zsh calls the function, with what it shows written instead."""
    script = f"""
        compset() {{ : }}
        _files() {{ [[ $1 = -/ ]] && print -l -- *(/) || print -l -- *(N) | grep "^${{words[CURRENT]}}" }}
        _describe() {{ [[ $1 = -o ]] && shift; print -l -- "${{(@P)2%%:*}}" }}
        words=("${{(@s: :)1}}") CURRENT=$#words
        f() {{ source {COMPLETIONS}/_marblerun }}
        f
    """.replace("words=(", f"set -- '{line}'; words=(")
    assert [name.split(":")[0] for name in shell("zsh", script, "-f")] == expected
