"""One test's folder, processes and secrets."""

import base64
import os
import pathlib
import signal
import subprocess
import time


class Failure(AssertionError):
    """A process did what the test did not expect of it."""


class Process:
    """A process with its output in a file."""

    def __init__(self, argv, environment, folder, name):
        self.name = name
        self.argv = [str(a) for a in argv]
        self.log_path = folder / f"{name}.log"
        self._log = open(self.log_path, "wb")
        self._process = subprocess.Popen(self.argv, env=environment, cwd=folder,
                                         stdin=subprocess.DEVNULL, stdout=self._log,
                                         stderr=subprocess.STDOUT)
        self.pid = self._process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def running(self):
        return self._process.poll() is None

    def wait_for(self, find, seconds=20):
        """The first true result of find(log); fails when the process ends or time runs out."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            ended = not self.running()
            found = find(self.log())
            if found:
                return found
            if ended:
                raise Failure(f"{self.name} ended with {self._process.returncode}:\n{self.log()}")
            time.sleep(0.0005)
        raise Failure(f"{self.name}: not seen in {seconds} s:\n{self.log()}")

    def wait(self, seconds=40):
        """Its exit status."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} still runs after {seconds} s:\n{self.log()}")

    def send(self, number):
        self._process.send_signal(number)

    def stop(self, seconds=40):
        if self.running():
            self.send(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        if self.running():
            self._process.kill()
        self._process.wait()
        self._log.close()

    def command_lines(self):
        """Arguments of this process and of its children."""
        found = []
        for pid in [self.pid, *self._children()]:
            try:
                found.append(pathlib.Path(f"/proc/{pid}/cmdline").read_bytes())
            except OSError:
                pass
        return found

    def _children(self):
        try:
            text = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except OSError:
            return []
        return [int(pid) for pid in text.split()]

    def status(self, field):
        """A field of /proc/PID/status, for instance VmRSS in KiB."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise KeyError(field)

    def processor_seconds(self):
        """Of all its threads, user and system."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Secrets:
    """Values that must stay where they belong."""

    def __init__(self):
        self._values = {}

    def add(self, name, value):
        if isinstance(value, str):
            value = value.encode()
        if len(value) >= 12:
            self._values[value] = name

    def add_pem(self, name, pem):
        """The secret of a PEM key is each line of its body."""
        text = pem.decode() if isinstance(pem, bytes) else pem
        body = [l for l in text.splitlines() if l and not l.startswith("-----")]
        for line in body[1:] or body:  # the first line is mostly the algorithm
            self.add(name, line)
        self.add(name, base64.b64decode("".join(body))[36:])

    def __len__(self):
        return len(self._values)

    def _spellings(self):
        for value, name in self._values.items():
            yield name, value
            yield name, value.hex().encode()
            yield name, value.hex().upper().encode()
            yield name, base64.b64encode(value).rstrip(b"=")

    def found_in(self, content):
        """The name of a secret that the content holds, or None."""
        return next((name for name, value in self._spellings() if value in content), None)


class Workspace:
    def __init__(self, folder, binaries):
        self.folder = folder
        self.binaries = binaries
        self.secrets = Secrets()
        self.processes = []
        self._allowed = set()
        self._folders = 0
        (folder / "home").mkdir()

    def new_folder(self, name):
        """A path for a folder that nobody has used."""
        self._folders += 1
        return self.folder / f"{name}-{self._folders}"

    def environment(self, **more):
        """Nothing of ours but what the test gives."""
        names = ["PATH", "LANG", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS",
                 "LD_LIBRARY_PATH", "TMPDIR"]
        result = {n: os.environ[n] for n in names if n in os.environ}
        result["HOME"] = str(self.folder / "home")
        result.update({n: str(v) for n, v in more.items()})
        return result

    def start(self, name, argv, **environment):
        process = Process(argv, self.environment(**environment), self.folder,
                          f"{len(self.processes)}-{name}")
        self.processes.append(process)
        return process

    def run(self, argv, input=None, check=True, timeout=60, cwd=None, **environment):
        """Runs to its end. `check` may be the expected exit status."""
        done = subprocess.run([str(a) for a in argv], input=input, capture_output=True,
                              timeout=timeout, env=self.environment(**environment),
                              cwd=cwd or self.folder)
        expected = 0 if check is True else check
        if check is not False and done.returncode != expected:
            raise Failure(f"{argv}: exit status {done.returncode}, not {expected}\n"
                          f"{done.stdout.decode(errors='replace')}\n"
                          f"{done.stderr.decode(errors='replace')}")
        return done

    def write(self, name, content, mode=0o600):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def program(self, name="program", text="exit 0"):
        """A program that a simulated platform measures as nothing else."""
        return self.write(name, f"#!/bin/sh\n# {name} of {self.folder}\n{text}\n", 0o700)

    def allow_secrets_in(self, path):
        """A file that the test itself, or the manifest, wants a secret in."""
        self._allowed.add(pathlib.Path(path))

    def check(self):
        """After the test: nothing crashed, nothing leaked."""
        self.check_arguments()
        for process in self.processes:
            process.kill()
        self._check_sanitizers()
        self._check_files()

    def check_arguments(self):
        for process in self.processes:
            for arguments in process.command_lines():
                name = self.secrets.found_in(arguments)
                if name:
                    raise Failure(f"secret {name} in the arguments of {process.name}")

    def _check_sanitizers(self):
        marks = ("Sanitizer", "runtime error:")
        for process in self.processes:
            if any(mark in process.log() for mark in marks):
                raise Failure(f"{process.name}:\n{process.log()}")

    def _check_files(self):
        for path in sorted(self.folder.rglob("*")):
            if path in self._allowed or not path.is_file():
                continue
            name = self.secrets.found_in(path.read_bytes())
            if name:
                raise Failure(f"secret {name} in {path}")
