"""Servers in several languages and of several designs, under loads, inside the data plane; their peers have it too, or
do TLS by themselves."""

import os
import pathlib
import select
import shutil
import socket
import subprocess

import pytest

from mesh import plane
from mesh.world import PYTHON, free_port

PROGRAMS = pathlib.Path(__file__).parent / "programs"
JAVA = ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", PROGRAMS / "EchoServer.java"]
SERVERS = {
    "python threads": [PYTHON, PROGRAMS / "echo_server.py", "threads"],
    "python processes": [PYTHON, PROGRAMS / "echo_server.py", "processes"],
    "python asyncio": [PYTHON, PROGRAMS / "echo_server.py", "asyncio"],
    "python select": [PYTHON, PROGRAMS / "echo_server.py", "select"],
    "python poll": [PYTHON, PROGRAMS / "echo_server.py", "poll"],
    "python edges": [PYTHON, PROGRAMS / "echo_server.py", "edges"],
    "node net": ["node", PROGRAMS / "echo_server.js"],
    "java nio": [*JAVA, "nio"],
    "java threads": [*JAVA, "threads"],
}
LOADS = {"short": 200, "transfer": 64, "half_closed": 20, "byte_by_byte": 100, "resets": 40, "silent": 40}


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


@pytest.mark.parametrize("name, how", [("python edges", "transfer_by_edges"), ("python asyncio", "transfer"),
                                       ("node net", "transfer_by_sendfile")])
def test_a_gibibyte_there_and_back(world, name, how):
    echo_server(world, name)
    peer(world, False)(how, 1024, seconds=120)


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


def test_no_descriptors_left(world):
    """The same errors as without, at the same number; what is open goes on, and what is closed leaves room."""
    entry = plane.entry(world.authority, world.server)
    both = plane.config(world.folder, "both.json", {f"127.0.0.1:{world.port}": entry},
                        {f"*:{world.port}": dict(entry, clientAuth=True)})
    seen = [world.run(config, PYTHON, PROGRAMS / "exhaustion.py", world.port).decode() for config in (None, both)]
    assert seen[0] == seen[1] and "EMFILE" in seen[0]


RECEIVER = """
import os, socket, time
l = socket.create_server(("127.0.0.1", port))
print("ready", flush=True)
s, _ = l.accept()
count = 0
try:
    while data := s.recv(1 << 12):
        count += len(data)
        if not os.path.exists(gone):
            time.sleep(0.025)
    print("whole", count, flush=True)
except OSError as e:
    print(e, count, flush=True)
"""
SENDER = """
import socket
s = socket.create_connection(("localhost", port))
s.sendall(b"x")
s.setblocking(False)
sent = 1
try:
    while True:
        sent += s.send(b"x" * 65536)
except BlockingIOError:
    print(sent)
"""


def test_a_sender_that_is_done_before_a_slow_receiver(world):
    """What was taken from it arrives, and the end as an end, though the buffers are full when it leaves."""
    gone = world.folder / "gone"
    receiver = world.start(world.incoming(), PYTHON, "-c", f"port, gone = {world.port}, '{gone}'{RECEIVER}",
                           name="receiver", ready="ready")
    sent = int(world.python(world.outgoing(), SENDER))
    gone.touch()
    receiver.wait()
    end, received = receiver.log().split()[1:3]
    assert end == "whole" and int(received) in (sent, sent + 1)  # one byte is reported when the rest of its record is


def test_silent_clients_are_refused_in_time(world):
    """By a server with a thread for each, and by one that waits for events; clients that speak are served all the while."""
    entry, ports = plane.entry(world.authority, world.server), {"threads": world.port, "asyncio": free_port()}
    config = plane.config(world.folder, "two.json", incoming={f"*:{p}": dict(entry, clientAuth=True)
                                                              for p in ports.values()})
    for how, port in ports.items():
        world.start(config, PYTHON, PROGRAMS / "echo_server.py", how, port, name=how, ready="ready")
    silent = [socket.create_connection(("127.0.0.1", p)) for p in ports.values() for _ in range(5)]
    for s in silent[::2]:
        s.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
    files, left = world.files("peer", world.client), set(silent)
    for _ in range(60):
        for port in ports.values():
            assert world.run(None, PYTHON, PROGRAMS / "load.py", port, "short", 1, *files) == b"good\n"
        left -= set(select.select(list(left), [], [], 0.5)[0])
        if not left:
            break
    assert not left
    assert {s.recv(100)[:1] for s in silent} <= {b"", b"\x15"}
