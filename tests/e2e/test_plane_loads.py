"""Servers in several languages and of several designs, under loads, inside the data plane; their peers have it too, or
do TLS by themselves."""

import hashlib
import os
import pathlib
import shutil
import socket
import subprocess

import pytest

from mesh import plane
from mesh.world import PYTHON

PROGRAMS = pathlib.Path(__file__).parent / "programs"
JAVA = ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", PROGRAMS / "EchoServer.java"]
SERVERS = {
    "python threads": [PYTHON, PROGRAMS / "echo_server.py", "threads"],
    "python processes": [PYTHON, PROGRAMS / "echo_server.py", "processes"],
    "python asyncio": [PYTHON, PROGRAMS / "echo_server.py", "asyncio"],
    "python select": [PYTHON, PROGRAMS / "echo_server.py", "select"],
    "python poll": [PYTHON, PROGRAMS / "echo_server.py", "poll"],
    "node net": ["node", PROGRAMS / "echo_server.js"],
    "java nio": [*JAVA, "nio"],
    "java threads": [*JAVA, "threads"],
}
LOADS = {"short": 300, "transfer": 64, "half_closed": 20, "byte_by_byte": 100, "resets": 40, "silent": 40}


def echo_server(world, name, config=None):
    if not shutil.which(SERVERS[name][0]):
        pytest.skip(f"{SERVERS[name][0]} is not installed")
    return world.start(config or world.incoming(), *SERVERS[name], world.port, name="server", ready="ready")


def peer(world, own_tls):
    """How load.py is run: with the data plane, or with TLS of its own."""
    files = world.files("peer", world.client) if own_tls else []
    config = None if own_tls else world.outgoing(address="127.0.0.1")

    def load(name, size, seconds=60):
        said = world.run(config, PYTHON, PROGRAMS / "load.py", world.port, name, size, *files, seconds=seconds)
        assert said == b"good\n", said.decode()
    return load


def left_behind(world, server):
    """Descriptors of the server, and what is taken in its shared memory."""
    slots = subprocess.run([world.launch.with_name("plane-slots"), str(server.pid)], check=True, capture_output=True)
    return len(os.listdir(f"/proc/{server.pid}/fd")), [int(n) for n in slots.stdout.split()]


def settles(world, server, before):
    """Connections that the other side has just closed may take the server a moment."""
    try:
        server.wait_for(lambda _: left_behind(world, server) == before, seconds=15)
    except AssertionError:
        assert left_behind(world, server) == before
    return True


@pytest.mark.parametrize("own_tls", [False, True], ids=["data plane", "OpenSSL"])
@pytest.mark.parametrize("name", SERVERS)
def test_servers_under_load(world, name, own_tls):
    server, load = echo_server(world, name), peer(world, own_tls)
    load("short", 5)
    before = left_behind(world, server)
    for kind, size in LOADS.items():
        load(kind, size)
    assert before[1] == [0, 0] and settles(world, server, before)


def test_clients_of_a_server_with_its_own_tls(world):
    """The other way round: the data plane is the client's."""
    world.start(None, *SERVERS["python threads"], world.port, *world.files("server", world.server), name="server",
                ready="ready")
    load = peer(world, False)
    for kind, size in LOADS.items():
        load(kind, size)


def test_thousands_of_short_connections(world):
    """Nothing is left of them: no descriptor, no place in the shared memory, no memory."""
    server, load = echo_server(world, "python asyncio"), peer(world, False)
    load("short", 300)
    before, memory = left_behind(world, server), server.status("VmRSS")
    load("short", 2000)
    assert before[1] == [0, 0] and settles(world, server, before)
    assert server.status("VmRSS") - memory < 4 << 10, "KiB"
