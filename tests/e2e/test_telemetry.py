"""What the data plane counts: metrics, JSON lines and the access log, by the observer beside the program."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from mesh import plane
from mesh.monitoring import REFUSED_LINE
from mesh.world import PYTHON, World

ECHO = """
import socket, sys
l = socket.create_server(("127.0.0.1", port))
print("ready", flush=True)
while True:
    s, _ = l.accept()
    try:
        while data := s.recv(65536):
            s.sendall(data)
    except OSError as e:
        pass
    s.close()
"""
ASK = """
import socket
s = socket.create_connection(("localhost", port))
s.sendall(b"x" * 1000)
got = 0
while got < 1000:
    part = s.recv(1000)
    if not part: break
    got += len(part)
print(got)
s.close()
"""
# A child serves three connections, then the next one takes over.
FORKING = """
import os, socket
l = socket.create_server(("127.0.0.1", port))
print("ready", flush=True)
while True:
    if not os.fork():
        for _ in range(3):
            s, _ = l.accept()
            while data := s.recv(65536):
                s.sendall(data)
            s.close()
        os._exit(0)
    os.wait()
"""
UNLISTED = """
import socket
print(socket.socket().connect_ex(("127.0.0.1", 9)))
"""
# It sends nothing: what a server that has closed gets makes it reset the connection, and its alert is lost.
REFUSED = """
import socket
s = socket.create_connection(("localhost", port))
try:
  print(s.recv(10))
except OSError as e:
  print(e.errno)
"""


@pytest.fixture
def world(workspace):
    w = World(workspace)
    yield w
    w.end()


class Watched:
    """A server whose observer is asked."""

    def __init__(self, world, config, code=ECHO, ready="ready", **environment):
        self.log = world.folder / "access.log"
        self.process = world.start(config, PYTHON, "-c", f"port = {world.port}\n{code}", ready=ready,
                                   PLANE_METRICS_ADDR="127.0.0.1:0", PLANE_ACCESS_LOG=self.log, **environment)
        self.port = int(re.search(r"metrics port (\d+)", self.process.log())[1])

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.read().decode()

    def metrics(self):
        """{name: {sorted labels: value}}"""
        found = {}
        for line in self.get("/metrics").splitlines():
            if not line.startswith("#"):
                name, labels, value = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line).groups()
                found.setdefault(name, {})[labels or ""] = float(value)
        return found

    def total(self, name, *labels):
        """Of the series that have all these labels."""
        return sum(value for key, value in self.metrics().get(name, {}).items()
                   if all(label in key.split(",") for label in labels))

    def until(self, true):
        end = time.monotonic() + 20
        while not true():
            assert time.monotonic() < end, (self.get("/metrics"), self.log.read_text())
            time.sleep(0.05)

    def lines(self, count):
        """The access log, when it has so many lines."""
        def there():
            return self.log.exists() and len(self.log.read_text().splitlines()) >= count
        self.until(there)
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def test_connections_are_counted(world):
    server = Watched(world, world.incoming(allowedMarbles=["client"]))
    for _ in range(3):
        assert world.python(world.outgoing(), ASK) == "1000"
    server.until(lambda: server.total("istio_tcp_connections_closed_total") == 3)
    own = ('direction="incoming"', f'address="*:{world.port}"', 'peer_type="client"')
    labels = ('reporter="destination"', 'source_workload="client"', 'source_principal="client"',
              f'destination_port="{world.port}"', 'connection_security_policy="mutual_tls"', 'response_flags="-"')
    assert server.total("istio_tcp_connections_opened_total", *labels) == 3
    assert server.total("istio_tcp_sent_bytes_total", *labels) == 3000
    assert server.total("istio_tcp_received_bytes_total", *labels) == 3000
    assert server.total("inbound_tcp_authz_allow_total", 'client_id="client"', 'tls="true"') == 3
    assert server.total("marblerun_connections_open", *own) == 0
    assert server.total("marblerun_handshake_duration_seconds_count", *own) == 3
    assert server.total("marblerun_handshake_duration_seconds_bucket", *own, 'le="+Inf"') == 3
    assert server.total("marblerun_handshake_duration_seconds_sum", *own) > 0
    version = subprocess.run([world.workspace.binaries.premain, "--version"], stdout=subprocess.PIPE, text=True, check=True)
    assert server.metrics()["marblerun_version_info"] == {f'version="{version.stdout.split()[1]}"': 1}
    first = server.lines(3)[0]
    assert (first["direction"], first["outcome"], first["peerType"]) == ("incoming", "closed", "client")
    assert first["peerUUID"] == "00000000-0000-0000-0000-000000000001"
    assert (first["sentBytes"], first["receivedBytes"]) == (1000, 1000)
    assert first["local"] == f"127.0.0.1:{world.port}" and first["remote"].startswith("127.0.0.1:")
    assert first["seconds"] > 0 and re.fullmatch(r"20\d\d-.*Z", first["time"])
    (line,) = [json.loads(line) for line in server.get("/metrics.jsonl").splitlines()]
    assert (line["opened"], line["closed"], line["open"], line["refused"]) == (3, 3, 0, {})
    assert line["handshakeSeconds"]["count"] == 3


def test_workers_take_tickets_of_each_other(world):
    """One program's third connection has no certificates; what is known of the peer stays the same."""
    server = Watched(world, world.incoming(allowedMarbles=["client"]), FORKING)
    assert world.python(world.outgoing(expectedMarbles=["server"]), f"for _ in range(12):\n  " +
                        ASK.strip().replace("\n", "\n  ")).split() == ["1000"] * 12
    server.until(lambda: server.total("istio_tcp_connections_closed_total") == 12)
    own = ('direction="incoming"', f'address="*:{world.port}"', 'peer_type="client"')
    assert server.total("marblerun_handshakes_resumed_total", *own) == 10
    lines = server.lines(12)
    assert len({line["process"] for line in lines}) > 1
    assert {(line["peerType"], line["peerUUID"]) for line in lines} == {
        ("client", "00000000-0000-0000-0000-000000000001")}
    (line,) = [json.loads(line) for line in server.get("/metrics.jsonl").splitlines()]
    assert (line["opened"], line["resumed"]) == (12, 10)
    assert world.python(world.outgoing(), ASK) == "1000"  # another program
    server.until(lambda: server.total("istio_tcp_connections_closed_total") == 13)
    assert server.total("marblerun_handshakes_resumed_total", *own) == 10


def test_refusals_have_reasons(world):
    server = Watched(world, world.incoming(allowedMarbles=["client"]))
    stranger = plane.Authority("somebody else")
    world.python(world.outgoing("type.json", world.issue("third")), REFUSED)
    world.python(world.outgoing("ca.json", stranger.issue("client")), REFUSED)
    with socket.create_connection(("127.0.0.1", world.port)) as s:
        s.sendall(b"GET / HTTP/1.0\r\n\r\n")
        s.recv(100)
    with socket.create_connection(("127.0.0.1", world.port)) as s:
        s.sendall(b"\x16\x03\x01")
    files = world.files("none", world.client)
    subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{world.port}", "-CAfile", files[2], "-ign_eof"],
                   input=b"", capture_output=True, timeout=20, check=False)
    wanted = {"wrong_type": "third", "wrong_ca": "", "not_tls": "", "closed": "", "no_certificate": ""}
    for reason, peer_type in wanted.items():
        server.until(lambda r=reason, t=peer_type: server.total(
            "marblerun_connections_refused_total", f'reason="{r}"', f'peer_type="{t}"', 'direction="incoming"') == 1)
    assert server.total("inbound_tcp_authz_deny_total") == len(wanted)
    assert server.total("istio_tcp_connections_opened_total") == 0
    lines = server.lines(len(wanted))
    assert sorted(line["reason"] for line in lines) == sorted(wanted)
    assert all(set(line) == REFUSED_LINE for line in lines)


def test_who_connects_counts_too(world):
    world.start(world.incoming(allowedMarbles=["third"]), PYTHON, "-c", f"port = {world.port}\n{ECHO}", ready="ready")
    code = f"{UNLISTED}{REFUSED}\nimport time\nprint('over', flush=True)\ntime.sleep(60)"
    entry = plane.entry(world.authority, world.client)
    config = plane.config(world.folder, "client.json", {f"localhost:{world.port}": entry}, denyUnlisted=True)
    watched = Watched(world, config, code, ready="over")
    assert watched.total("marblerun_connections_refused_total", 'direction="outgoing"', 'reason="unlisted"') == 1
    assert watched.total("marblerun_connections_refused_total", f'address="localhost:{world.port}"',
                         'peer_type="server"', 'reason="by_peer"') == 1, watched.get("/metrics")
    assert watched.total("istio_tcp_connections_opened_total", 'reporter="source"',
                         'destination_workload="server"') == 1
    assert watched.total("marblerun_connect_duration_seconds_count") == 1


def test_killed_processes_leave_nothing_open(world):
    """nginx's workers hold the connections; the observer sees that they are gone."""
    fork = """
import os, signal, socket, time
l = socket.create_server(("127.0.0.1", port))
print("ready", flush=True)
s, _ = l.accept()
child = os.fork()
if not child:
    s.recv(1); s.sendall(b"x"); time.sleep(100)
s.close()
input_file = os.environ["GO"]
while not os.path.exists(input_file): time.sleep(0.02)
os.kill(child, signal.SIGKILL)
os.wait()
print("killed", flush=True)
time.sleep(100)
"""
    go = world.folder / "go"
    watched = Watched(world, world.incoming(), fork, GO=go)
    client = world.start(world.outgoing(), PYTHON, "-c", f"port = {world.port}\n" + """
import socket, time
s = socket.create_connection(("localhost", port)); s.sendall(b"a"); print(s.recv(1), "there", flush=True); time.sleep(100)
""", name="client", ready="there")
    assert watched.total("marblerun_connections_open") == 1
    go.write_text("")
    watched.process.wait_for(lambda log: "killed" in log)
    assert watched.total("marblerun_connections_open") == 0
    assert watched.total("istio_tcp_connections_closed_total") == 1
    assert client.running()


def test_the_observer_ends_with_the_marble(world):
    """Also with one whose first process has long gone, and whose programs close what they don't know."""
    code = """
import os, socket, time
os.closerange(3, 4000)
began, begins = os.pipe()
if os.fork(): os.close(begins), os.read(began, 1), os._exit(0)
os.setsid()
l = socket.create_server(("127.0.0.1", port))
print("ready", os.getpid(), flush=True)
os.close(begins)
s, _ = l.accept(); print(s.recv(10), flush=True); s.close()
time.sleep(100)
"""
    watched = Watched(world, world.incoming(), code)
    daemon = int(re.search(r"ready (\d+)", watched.process.log())[1])
    world.python(world.outgoing(), "import socket\ns = socket.create_connection(('localhost', port))\ns.send(b'x')")
    watched.until(lambda: watched.total("istio_tcp_connections_closed_total") == 1)
    os.kill(daemon, signal.SIGKILL)
    end = time.monotonic() + 20
    while True:
        try:
            watched.get("/metrics")
        except (urllib.error.URLError, OSError):
            break
        assert time.monotonic() < end, "the observer is still there"
        time.sleep(0.05)


def test_the_program_has_no_child_that_it_never_made(world):
    code = "import os\ntry: os.wait()\nexcept ChildProcessError: print('none', flush=True)"
    world.start(world.incoming(), PYTHON, "-c", code, ready="none", PLANE_METRICS_ADDR="127.0.0.1:0")


def test_the_log_can_be_moved_away(world):
    server = Watched(world, world.incoming())
    world.python(world.outgoing(), ASK)
    assert len(server.lines(1)) == 1
    moved = world.folder / "access.log.1"
    shutil.move(server.log, moved)
    world.python(world.outgoing(), ASK)
    assert len(server.lines(1)) == 1 and len(moved.read_text().splitlines()) == 1
    assert server.log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("variables, words", [
    ({"PLANE_METRICS_ADDR": "127.0.0.1"}, "EDG_MARBLE_METRICS_ADDR"),
    ({"PLANE_METRICS_ADDR": "192.0.2.1:9000"}, "EDG_MARBLE_METRICS_ADDR"),
    ({"PLANE_ACCESS_LOG": "/nowhere/access.log"}, "EDG_MARBLE_ACCESS_LOG: /nowhere/access.log: No such file"),
    ({"EDG_MARBLE_ACCESS_LOG": "/tmp/hosts-choice"}, "only taken from the marble's Env in the manifest"),
])
def test_what_can_not_be_served_is_told(world, variables, words):
    done = subprocess.run([world.launch, world.incoming(), "/bin/true"], capture_output=True, timeout=20, check=False,
                          env=dict(os.environ, **variables), text=True)
    assert done.returncode and words in done.stderr, done.stderr


def test_nothing_is_there_unless_wanted(world):
    code = "import os\nprint(os.environ['MARBLERUN_TTLS'].split(':')[2])"
    assert world.python(world.incoming(), code) == "-1"
