"""Transparent TLS from the manifest to the program: coordinator, launcher, data plane."""

import shutil
import socket

import pytest

from mesh import manifests
from test_data_plane import free_port

ECHO = """#!/usr/bin/python3
import socket, sys
l = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
while True:
    s, _ = l.accept()
    try:
        while data := s.recv(1000):
            s.sendall(b"echo " + data)
    except OSError as e:
        print("refused", e.errno, flush=True)
    s.close()
"""
ASK = """#!/usr/bin/python3
import os, socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
s.sendall(b"hello")
print(s.recv(100).decode(), "PRIVATE" in os.environ.get("MARBLE_TTLS_CONFIG", ""))
"""


@pytest.fixture
def programs(workspace, platform, coordinator):
    port = free_port()
    paths = {name: workspace.write(name, text, 0o700) for name, text in (("server", ECHO), ("client", ASK))}
    manifest = {
        "Packages": {name: manifests.by_id(platform.measure(path)) for name, path in paths.items()},
        "Marbles": {name: {"Package": name, "TLS": ["talk"]} for name in paths},
        "TLS": {"talk": {"Incoming": [{"Port": str(port)}], "Outgoing": [{"Addr": "localhost", "Port": str(port)}]}}}
    coordinator.set_manifest(manifest)

    def argv(name):
        return [workspace.binaries.premain, paths[name], port]

    def environment(name, **more):
        return dict(platform.environment, EDG_MARBLE_TYPE=name, EDG_MARBLE_UUID_FILE=workspace.folder / f"{name}.uuid",
                    EDG_MARBLE_COORDINATOR_ADDR=coordinator.marble_address, **more)

    return workspace, port, argv, environment


def test_two_marbles_talk(programs):
    workspace, port, argv, environment = programs
    server = workspace.start("server", argv("server"), **environment("server"))
    server.wait_for(lambda log: "ready" in log)
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"in plain text")
        assert b"echo" not in s.recv(100)
    server.wait_for(lambda log: "refused" in log)
    said = workspace.run(argv("client"), **environment("client")).stdout.decode()
    assert said == "echo hello False\n"
    server.kill()


def test_the_host_can_not_switch_it_off(programs):
    """What it puts into the environment for the loader or for the library is thrown away."""
    workspace, port, argv, environment = programs
    server = workspace.start("server", argv("server"), **environment("server", MARBLERUN_TTLS="", LD_PRELOAD="/none.so",
                                                                     LD_LIBRARY_PATH="/tmp", LD_BIND_NOW="1"))
    server.wait_for(lambda log: "ready" in log)
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.sendall(b"in plain text")
        assert b"echo" not in s.recv(100)
    environ = open(f"/proc/{server.pid}/environ", "rb").read()
    assert b"/none.so" not in environ and b"LD_LIBRARY_PATH" not in environ and b"LD_BIND_NOW" not in environ
    server.kill()


def test_without_the_library_nothing_starts(programs, tmp_path):
    """A launcher that does not find the data plane refuses; it does not start the program without."""
    workspace, _, argv, environment = programs
    alone = tmp_path / "marblerun-premain"
    shutil.copy(argv("server")[0], alone)
    done = workspace.run([alone, *argv("server")[1:]], check=1, **environment("server"))
    assert b"libmarblerun-ttls.so" in done.stderr and b"ready" not in done.stdout
