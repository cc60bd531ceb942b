"""What the coordinator asks of the kernel, from start over a mesh to stop, is what its systemd unit allows."""

import pathlib
import re
import shutil
import subprocess
import time

import pytest

from mesh.coordinator import Coordinator

UNIT = pathlib.Path(__file__).resolve().parents[2] / "deploy/systemd/marblerun-coordinator.service"


def settings(name):
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.M)


def group(name):
    """The system calls of one of systemd's groups; groups hold groups."""
    listed = subprocess.run(["systemd-analyze", "syscall-filter", name], stdout=subprocess.PIPE, text=True, check=True)
    words = [line.strip() for line in listed.stdout.splitlines()[1:] if line.strip() and "#" not in line]
    return members(words)


def members(words):
    found = set()
    for word in words:
        found |= group(word) if word.startswith("@") else {word}
    return found


def allowed():
    """As systemd.exec(5) reads SystemCallFilter=: the first line begins a list, ~ takes from it."""
    found = group("@default")
    for line in settings("SystemCallFilter"):
        if line.startswith("~"):
            found -= members(line[1:].split()) - group("@default")
        else:
            found |= members(line.split())
    return found


@pytest.fixture
def coordinator(workspace, platform, binaries):
    """One whose system calls are written down."""
    if not shutil.which("strace") or not shutil.which("systemd-analyze"):
        pytest.skip("strace or systemd-analyze is not here")
    if subprocess.run(["strace", "-D", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("nothing may be traced here")
    if re.search(rb"__[at]san_init", binaries.coordinator.read_bytes()):
        pytest.skip("a sanitizer has system calls of its own")
    # -D: the coordinator is the process that is started, and gets its signals
    start = workspace.write("traced", "#!/bin/sh\n"
                            f"exec strace -D -f -qq -o {workspace.folder}/trace {binaries.coordinator}\n")
    start.chmod(0o755)
    started = Coordinator(workspace, platform, binary=start)
    yield started
    if started.process.running():
        started.process.stop()


def calls(trace):
    """Name and arguments of each. The tracer writes on for a moment after its process has ended."""
    end = time.monotonic() + 20
    while "exit_group(" not in trace.read_text(errors="replace") and time.monotonic() < end:
        time.sleep(0.01)
    return re.findall(r"^\d+ +(?:<\.\.\. )?([a-z_0-9]+)(?:\(| resumed)(.*)$", trace.read_text(errors="replace"), re.M)


def test_the_unit_allows_what_the_coordinator_does(mesh):
    mesh.set(Secrets={"pair": {"Type": "cert-rsa", "Size": 2048, "Cert": {}, "Shared": True}})
    mesh.activate()
    mesh.coordinator.get("/api/v2/quote")
    assert mesh.coordinator.process.stop() == 0
    made = calls(mesh.coordinator.workspace.folder / "trace")
    used = {name for name, _ in made}
    assert {"openat", "fsync", "setpriority", "epoll_wait"} <= used
    assert used - allowed() == set()
    families = {f for name, text in made if name == "socket" for f in re.findall(r"^(AF_\w+)", text)}
    assert families and families <= set(settings("RestrictAddressFamilies")[0].split())
    # MemoryDenyWriteExecute=
    assert not [text for name, text in made if name == "mmap" and "PROT_WRITE|PROT_EXEC" in text]
    assert not [text for name, text in made if "mprotect" in name and "PROT_EXEC" in text]
