"""The documentation as a reader uses it: its blocks, a shell that they are typed into, commands that are looked at."""

import os
import pathlib
import re
import signal
import subprocess
import time

from mesh.workspace import Failure

TOP = pathlib.Path(__file__).resolve().parents[3]
PROGRAMS = {"marblerun": "man/marblerun.1.scd", "marblerun-coordinator": "man/marblerun-coordinator.8.scd",
            "marblerun-premain": "man/marblerun-premain.1.scd", "marblerun-injector": "man/marblerun-injector.8.scd"}


def pages():
    """Every page with commands for readers, by its path."""
    found = [TOP / "README.md", *TOP.glob("docs/*.md"), *TOP.glob("deploy/**/README.md"),
             *TOP.glob("samples/*/README.md")]
    return {str(path.relative_to(TOP)): path.read_text() for path in sorted(found)}


class Block:
    def __init__(self, page, line, text):
        self.page, self.line, self.text = page, line, text

    def __str__(self):
        return f"{self.page}:{self.line}: {self.text.splitlines()[0]}"


def blocks(page, text):
    """What is fenced or indented by four columns after an empty line."""
    lines, found, i = text.splitlines(), [], 0
    while i < len(lines):
        start = i
        if lines[i].startswith("```"):
            i = lines.index("```", i + 1)
            found.append(Block(page, start + 2, "\n".join(lines[start + 1:i])))
        elif lines[i].startswith("    ") and (i == 0 or not lines[i - 1].strip()):
            while i < len(lines) and (lines[i].startswith("    ") or not lines[i].strip()):
                i += 1
            found.append(Block(page, start + 1, "\n".join(line[4:] for line in lines[start:i]).rstrip()))
            continue
        i += 1
    return found


def spans(text):
    """What stands between backquotes in the text, without the blocks."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


class Step:
    """One line of the table: what is done with a block, or what the reader does by hand between two."""

    def __init__(self, line):
        self.treatment, _, rest = line.strip().partition(" ")
        self.begins = rest.strip()
        self.treatment, _, self.argument = self.treatment.partition("=")

    @property
    def by_hand(self):
        return self.treatment == "hand"


def read_table(text):
    """{page: (setup, [Step])}"""
    table, steps = {}, None
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith(" "):
            steps.append(Step(line))
        else:
            page, _, setup = line.partition(":")
            assert page not in table, f"{page} is there twice"
            steps = []
            table[page] = (setup.strip(), steps)
    return table


def decided(steps, found):
    """[(Step, Block or None)]. The table names every block of the page, in order, by how it begins."""
    rest, result = list(found), []
    for step in steps:
        if step.by_hand:
            result.append((step, None))
            continue
        assert rest, f"the page has no block any more for: {step.treatment} {step.begins}"
        block = rest.pop(0)
        assert block.text.startswith(step.begins), f"{block}\nthe table expects here: {step.treatment} {step.begins}"
        result.append((step, block))
    assert not rest, f"{rest[0]}\nis not in the table: what is to be done with it?"
    return result


def _commands(text):
    """Lines, with their continuations."""
    return re.sub(r"\\\n\s*", " ", text).splitlines()


def typed(text):
    """As a reader types it: what is commented "refused" has to fail, and what a command begins is awaited."""
    script = []
    heredoc = None
    for line in text.splitlines() if "<<" in text else _commands(text):
        refused = re.match(r"(.*\S)\s+# (?:is )?refused", line)
        begins = re.search(r"<<'?(\w+)'?$", line)
        if heredoc or begins:
            script.append(line)
            heredoc = None if line == heredoc else heredoc or begins[1]
        elif refused:
            script.append(f"if {refused[1]}; then echo 'this was not refused' >&2; exit 1; fi")
        elif re.search(r"\s&$", line):
            script.append(f"{line}\nserved $!")
        else:
            script.append(line)
    return "\n".join(script)


_SHELL = """set -e -o pipefail
served() {
	local sockets=1
	[ "$(cat /proc/$1/comm)" != marblerun-coord ] || sockets=2
	until [ "$(ss -Hltnp | grep -c "pid=$1,")" -ge $sockets ]; do
		kill -0 $1 || { wait $1; exit 1; }
		sleep 0.01
	done
}
"""


class Shell:
    """One shell for one page. What it starts ends with it."""

    def __init__(self, workspace, folder, path, **environment):
        self.workspace, self.folder = workspace, folder
        self.said = workspace.new_folder("said")
        self.said.mkdir()
        self.count, self.output, self.errors = 0, "", ""
        own = workspace.environment(**environment)
        own["PATH"] = f"{path}:/usr/bin:/bin:/usr/sbin:/sbin"
        self.process = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd=folder, env=own, start_new_session=True)
        self._type(_SHELL)

    def _type(self, text):
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def run(self, text, name):
        """Waits until it is done."""
        self.count += 1
        files = {end: self.said / f"{self.count}.{end}" for end in ("sh", "out", "err", "done")}
        files["sh"].write_text(text + "\n")
        self._type(f". {files['sh']} >{files['out']} 2>{files['err']} </dev/null\ntouch {files['done']}\n")
        end = time.monotonic() + 60
        while not files["done"].exists():
            ended = self.process.poll() is not None
            if (ended and not files["done"].exists()) or time.monotonic() > end:
                said = "".join(f.read_text(errors="replace") for f in (files["out"], files["err"]) if f.exists())
                raise Failure(f"{name}\n{text}\n{'failed' if ended else 'does not end'}:\n{said}")
            time.sleep(0.002)
        self.output, self.errors = (files[e].read_text(errors="replace") for e in ("out", "err"))

    def end(self):
        """The shell's own session, and nothing else."""
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.process.stdin.close()
        self.process.wait(20)
        for path in self.said.glob("*.err"):
            text = path.read_text(errors="replace")
            if "Sanitizer" in text or "runtime error:" in text:
                raise Failure(f"{path.with_suffix('.sh').read_text()}:\n{text}")


def shows(expected, output):
    """Does the output have these lines? … stands for anything within a line."""
    pattern = re.escape(expected.strip()).replace("…", ".*")
    return re.search(f"^{pattern}$", output, re.M) is not None


_LOOK = """#!/bin/bash
for name in $(compgen -e); do
	case $name in
	EDG_*|MARBLERUN_*|OE_*)
		/usr/bin/grep -qF "*$name*" {page} || { echo "{page} does not know $name" >&2; exit 1; };;
	esac
done
{ask}
"""


class Looking:
    """Commands are not executed, but each program of ours is asked whether it takes these arguments, and its man page
    whether it knows the variables. Of other programs only the name is looked at, and the files that are named so."""

    def __init__(self, workspace, foreign):
        self.workspace, self.foreign = workspace, foreign
        self.folder = workspace.new_folder("looking")
        self.folder.mkdir()
        real = {"marblerun": workspace.binaries.cli, "marblerun-injector": workspace.binaries.injector}
        asks = {"marblerun": f'exec {real["marblerun"]} "$@" --help >/dev/null',
                "marblerun-injector": f'exec {real["marblerun-injector"]} "$@" -help >/dev/null',
                "marblerun-coordinator": 'case "$*" in ""|--help|--version) ;; *) echo "no arguments" >&2; exit 2;; esac',
                "marblerun-premain": 'case "$1" in --help|--version|[!-]*|"") ;; *) exit 2;; esac'}
        for name, page in PROGRAMS.items():
            text = _LOOK.replace("{page}", str(TOP / page)).replace("{ask}", asks[name])
            self.program(name, text)
        for name in foreign:
            self.program(name, "#!/bin/sh\nexit 0\n")
        self.program("make", f'#!/bin/sh\nexec /usr/bin/make -n -C {TOP} "$@" >/dev/null\n')

    def program(self, name, text):
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o700)

    def look(self, text, name):
        """Fails where a program would refuse, or nobody knows the command."""
        # not in an `if` or behind `&&`, so that bash can't go on
        script = f"set -e\ncd() {{ :; }}\n{text}\n"
        environment = self.workspace.environment()
        environment["PATH"] = str(self.folder)
        done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, cwd=self.folder, env=environment,
                              text=True, timeout=60)
        if done.returncode or done.stderr:
            raise Failure(f"{name}\n{text}\n{done.stdout}{done.stderr}")
