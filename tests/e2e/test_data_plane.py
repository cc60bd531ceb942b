"""The data plane in real programs: sockets that behave as without it, peers that are refused, Debian's own servers."""

import json
import os
import pathlib
import select
import shutil
import socket
import ssl
import subprocess

import pytest

from mesh import certificates, plane
from mesh.world import PYTHON, free_port

PROGRAMS = pathlib.Path(__file__).parent / "programs"


# ---- sockets ----

def test_sockets_behave_as_without_it(world):
    """Every result and every errno of a program's calls."""
    entry = plane.entry(world.authority, world.server)
    both = plane.config(world.folder, "both.json", {f"127.0.0.1:{world.port}": entry},
                        {f"*:{world.port}": dict(entry, clientAuth=True)})
    without = world.run(None, PYTHON, PROGRAMS / "sockets.py", world.port).decode().splitlines()
    with_it = world.run(both, PYTHON, PROGRAMS / "sockets.py", world.port, seconds=200).decode().splitlines()
    assert [json.loads(line) for line in with_it] == [json.loads(line) for line in without]
    assert len(without) > 60 and "raised" not in "".join(without)


def test_calls_of_the_c_library(world):
    """The same without an interpreter in between: flags, limits of time, signals, threads, processes, ends."""
    calls, without = world.launch.with_name("plane-calls"), free_port()
    entry = plane.entry(world.authority, world.server)
    both = plane.config(world.folder, "both.json", {f"127.0.0.1:{world.port}": entry},
                        {f"*:{world.port}": dict(entry, clientAuth=True)})
    plain = subprocess.Popen([calls, str(without)], stdout=subprocess.PIPE)
    with_it = world.run(both, calls, world.port, seconds=200).decode().splitlines()
    assert with_it == plain.communicate(timeout=200)[0].decode().splitlines()
    assert len(with_it) > 400 and "ended" not in "".join(with_it)


ECHO = """
import socket
l = socket.create_server(("127.0.0.1", port))
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
ASK = """
import socket
s = socket.create_connection(("localhost", port))
try:
    s.sendall(b"hello")
    print(s.recv(100))
except OSError as e:
    print(type(e).__name__)
"""


def echo(world, config=None):
    return world.start(config or world.incoming(), PYTHON, "-c", f"port = {world.port}{ECHO}", name="echo", ready="ready")


def test_nothing_readable_crosses_the_wire(world):
    """What a relay in between sees is TLS 1.3, and none of the words."""
    relay_port, seen = free_port(), []
    echo(world)
    listener = socket.create_server(("127.0.0.1", relay_port))
    config = plane.config(world.folder, "relayed.json",
                          outgoing={f"localhost:{relay_port}": plane.entry(world.authority, world.client)})
    asking = subprocess.Popen([world.launch, config, PYTHON, "-c", f"port = {relay_port}\n{ASK}"],
                              stdout=subprocess.PIPE)
    ours, _ = listener.accept()
    theirs = socket.create_connection(("127.0.0.1", world.port))
    ends = {ours: theirs, theirs: ours}
    while not seen or seen[-1]:
        for s in select.select([*ends], [], [], 20)[0]:
            seen.append(s.recv(65536))
            try:
                ends[s].sendall(seen[-1])
            except BrokenPipeError:  # its goodbye crossed that of the other end
                pass
    assert b"b'echo hello'" in asking.communicate(timeout=20)[0]
    everything = b"".join(seen)
    assert everything.startswith(b"\x16\x03") and b"hello" not in everything and b"echo" not in everything


@pytest.mark.parametrize("peer", ["foreign authority", "expired", "plain text", "no certificate", "wrong type",
                                  "no type", "TLS 1.2"])
def test_clients_that_are_refused(world, peer):
    server = echo(world, world.incoming(allowedMarbles=["client"]))
    files = {"foreign authority": plane.Authority().issue("client"),
             "expired": world.issue("client", days=(-20, -10)), "wrong type": world.issue("other"),
             "no type": world.issue(None)}
    if peer == "plain text":
        with socket.create_connection(("127.0.0.1", world.port)) as s:
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            assert s.recv(100)[:1] in (b"", b"\x15")
    else:
        context = certificates.trusting(world.authority.pem)
        if peer in files:
            context.load_cert_chain(*world.files("peer", files[peer])[:2])
        if peer == "TLS 1.2":
            context.load_cert_chain(*world.files("peer", world.client)[:2])
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with context.wrap_socket(socket.create_connection(("localhost", world.port)),
                                     server_hostname="localhost") as s:
                s.sendall(b"hello")
                assert s.recv(100) == b"", "an answer"
                raise ConnectionError
    server.wait_for(lambda log: "refused" in log)
    context = certificates.trusting(world.authority.pem)
    context.load_cert_chain(*world.files("good", world.client)[:2])
    with context.wrap_socket(socket.create_connection(("localhost", world.port)), server_hostname="localhost") as s:
        s.sendall(b"after it")
        assert s.recv(100) == b"echo after it", "others are not disturbed"


@pytest.mark.parametrize("peer", ["good", "foreign authority", "wrong name", "wrong type", "plain text"])
def test_servers_that_are_refused(world, peer):
    credentials = {"foreign authority": plane.Authority().issue("server"), "wrong type": world.issue("other"),
                   "wrong name": world.issue("server", names=[])}.get(peer, world.server)
    if peer == "plain text":
        world.start(None, PYTHON, "-c", f"port = {world.port}{ECHO}", name="plain", ready="ready")
    else:
        cert, key, ca = world.files("peer", credentials)
        world.start(None, "openssl", "s_server", "-accept", f"127.0.0.1:{world.port}", "-cert", cert, "-key", key,
                    "-CAfile", ca, "-Verify", "3", "-verify_return_error", "-rev", "-quiet", name="s_server")
    said = world.python(world.outgoing(expectedMarbles=["server"]), ASK.replace("b\"hello\"", "b\"hello\\n\""))
    assert said == ("b'olleh\\n'" if peer == "good" else said) and (peer == "good") == ("olleh" in said)
    assert peer == "good" or said in ("ConnectionResetError", "BrokenPipeError")


def test_a_server_without_client_authentication(world):
    echo(world, world.incoming(clientAuth=False))
    context = certificates.trusting(world.authority.pem)
    with context.wrap_socket(socket.create_connection(("localhost", world.port)), server_hostname="localhost") as s:
        s.sendall(b"who am I")
        assert s.recv(100) == b"echo who am I" and s.version() == "TLSv1.3"


def test_a_connection_that_is_cut_off_is_no_clean_end(world):
    """A FIN without close_notify may be the host's."""
    world.start(None, PYTHON, "-c", f"""
import socket, ssl
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
c.load_cert_chain(*{world.files('peer', world.server)[:2]!r})
l = socket.create_server(("127.0.0.1", {world.port}))
print("ready", flush=True)
s, _ = l.accept()
t = c.wrap_socket(s, server_side=True)
t.recv(100)
t.sendall(b"half of it")
t.detach()
""", name="cutting", ready="ready")
    said = world.python(world.outgoing(), ASK + """
try:
    print(s.recv(100))
except OSError as e:
    print(type(e).__name__)
""")
    assert said.split("\n") == ["b'half of it'", "ConnectionResetError"]


def test_a_silent_peer_holds_up_nobody(world):
    world.start(world.incoming(), PYTHON, "-c", f"""
import asyncio
async def serve(reader, writer):
    writer.write(b"echo " + await reader.read(100))
    await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", {world.port})
    print("ready", flush=True)
    await server.serve_forever()
asyncio.run(main())
""", name="asyncio", ready="ready")
    silent = [socket.create_connection(("127.0.0.1", world.port)) for _ in range(20)]
    silent[0].sendall(b"\x16\x03\x01")
    assert "echo hello" in world.python(world.outgoing(), ASK)
    for s in silent:
        s.close()


def test_two_names_for_one_address_are_refused(world):
    echo(world)
    entry = plane.entry(world.authority, world.client)
    config = plane.config(world.folder, "two.json", {f"localhost:{world.port}": entry,
                                                     f"127.0.0.1:{world.port}": entry})
    said = world.run(config, PYTHON, "-c", f"port = {world.port}{ASK}", check=False)
    assert b"ConnectionRefusedError" in said.stderr


@pytest.mark.parametrize("first, second", [("other", "server"), ("server", "other")])
def test_the_address_that_was_reached_decides(world, first, second):
    """A socket may be tried on one address after the other: what the entry of the first says is not what holds."""
    echo(world)
    nobody, own = free_port(), (world.authority, world.client)
    config = plane.config(world.folder, "two.json", {
        f"127.0.0.1:{nobody}": plane.entry(*own, expectedMarbles=[first]),
        f"127.0.0.1:{world.port}": plane.entry(*own, expectedMarbles=[second])})
    said = world.python(config, f"""
import select, socket
s = socket.socket()
s.setblocking(False)
s.connect_ex(("127.0.0.1", {nobody}))
select.select([], [s], [], 5)
s.connect_ex(("127.0.0.1", port))  # may still tell of the first failure
s.setblocking(True)
try:
    s.connect_ex(("127.0.0.1", port))
    s.sendall(b"hello")
    print(s.recv(100))
except OSError as e:
    print("refused")
""")
    assert said == ("b'echo hello'" if second == "server" else "refused")


# ---- what is not listed ----

def test_what_is_not_listed_is_denied(world):
    config = plane.config(world.folder, "deny.json", {f"127.0.0.1:{world.port}": plane.entry(world.authority,
                                                                                          world.client)},
                          denyUnlisted=True, resolvableNames=["*.example"])
    echo(world)
    other = socket.create_server(("127.0.0.1", 0))
    said = world.python(config, f"""
import errno, os, socket
def told(function, *arguments):
    try:
        return function(*arguments) and "done"
    except socket.gaierror as e:
        return "unknown"
    except OSError as e:
        return errno.errorcode[e.errno]
s = socket.create_connection(("127.0.0.1", port))
s.sendall(b"hello")
print(s.recv(100).decode())
print(told(socket.create_connection, ("127.0.0.1", {other.getsockname()[1]})))
print(told(socket.create_connection, ("::1", {other.getsockname()[1]})))
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print(told(u.sendto, b"x", ("127.0.0.1", 9)), told(u.connect, ("127.0.0.1", 9)))
print(told(socket.socket, socket.AF_INET, socket.SOCK_RAW, 1))
print(told(socket.create_server, ("127.0.0.1", 0)))
print(told(socket.getaddrinfo, "unlisted.test", 80), told(socket.getaddrinfo, "localhost", 80))
a, b = socket.socketpair()
a.send(b"unix")
print(b.recv(10).decode())
""")
    assert said.split("\n") == ["echo hello", "ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED ECONNREFUSED", "EPERM",
                                "EACCES", "unknown done", "unix"]


def test_a_handover_that_is_not_the_launchers_lets_nothing_through(world):
    """The library refuses when what it was given can't be what the launcher made."""
    library = world.workspace.binaries.build / "src/ttls/libmarblerun-ttls.so"
    other = socket.create_server(("127.0.0.1", 0))
    forged = world.folder / "forged"
    forged.write_bytes(b"marblerun data plane 1" + bytes(64))
    code = f"""
import os, socket, sys
try:
    socket.create_connection(("127.0.0.1", {other.getsockname()[1]}))
    print("connected")
except OSError:
    print("refused")
"""
    for handover in ("", "7:8", "nonsense", "3:3"):
        file = open(forged, "rb")
        done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, close_fds=False, timeout=20,
                              env=dict(os.environ, LD_PRELOAD=str(library), MARBLERUN_TTLS=handover))
        file.close()
        assert done.stdout == "refused\n", (handover, done)


def test_children_keep_the_data_plane(world):
    """Whatever environment a program gives them."""
    echo(world)
    code = f"""
import ctypes, os, shlex, subprocess, sys
child = 'port = {world.port}' + {ASK!r}
print(subprocess.run(["{PYTHON}", "-c", child], env={{}}, capture_output=True, text=True).stdout.strip())
print(subprocess.run(["env", "-i", "{PYTHON}", "-c", child], close_fds=True, capture_output=True, text=True).stdout.strip())
sys.stdout.flush()
os.environ.clear()
os.system("{PYTHON} -c " + shlex.quote(child))
os.environ.clear()
libc = ctypes.CDLL(None)
libc.popen.restype = ctypes.c_void_p
libc.pclose(ctypes.c_void_p(libc.popen(b"exec {PYTHON} -c " + shlex.quote(child).encode() + b"", b"w")))
os.closerange(3, 1024)
os.execve("{PYTHON}", ["python3", "-c", child], {{}})
"""
    assert world.python(world.outgoing(), code).split("\n") == ["b'echo hello'"] * 5


def test_children_out_of_its_reach_are_not_started(world):
    """A statically linked program would speak in the clear."""
    echo(world)
    source, static = world.folder / "main.c", world.folder / "static"
    source.write_text("int main(void) { return 0; }")
    subprocess.run(["gcc", "-static-pie", "-nostdlib", "-Wl,-e,main", source, "-o", static], check=True)
    said = world.python(world.outgoing(), f"""
import os, subprocess
def told(function, *arguments):
    try:
        function(*arguments)
        return "started"
    except PermissionError:
        return "refused"
print(told(subprocess.run, ["{static}"]), told(os.execv, "{static}", ["static"]),
      told(os.posix_spawn, "{static}", ["static"], {{}}), told(subprocess.run, ["/bin/true"]),
      told(os.execve, os.open("{static}", os.O_RDONLY), ["static"], {{}}))
""")
    assert said == "refused refused refused started refused"


def test_a_user_who_can_not_read_the_library_starts_nothing(world):
    """The loader passes over a library that it can't read, and says so at most."""
    if os.getuid() != 0:
        pytest.skip("needs root, to become another user")
    library = shutil.copy(world.workspace.binaries.build / "src/ttls/libmarblerun-ttls.so", world.folder)
    world.folder.chmod(0o700)
    done = world.run(world.outgoing(), "setpriv", "--reuid=nobody", "--clear-groups", "/bin/echo", "started", check=False,
                     library=library)
    assert done.returncode and b"started" not in done.stdout


GIVE = """
import array, os, select, socket, subprocess, sys, time
def ask(s, what):
    try:
        s.sendall(what)
        return s.recv(100).decode()
    except OSError as e:
        return type(e).__name__
"""


@pytest.mark.parametrize("how", ["new", "used", "with data at hand", "refused by the server", "peeked at"])
def test_a_connection_is_given_to_another_process_of_the_marble(world, how):
    """By a message; the giver closes it, or is gone, before the taker takes it."""
    server = echo(world, world.incoming(allowedMarbles=["other"] if "refused" in how else ["client"]))
    said = world.python(world.outgoing(), GIVE + f"""
how = "{how}"
a, b = socket.socketpair()
if not os.fork():
    s = socket.create_connection(("localhost", port))
    if how == "used" or "refused" in how:
        ask(s, b"first")
    if how == "with data at hand":
        s.sendall(b"first")
        assert s.recv(3) == b"ech"
    socket.send_fds(a, [b"x"], [s.fileno(), 0])
    os._exit(0)
os.wait()
if how == "peeked at":
    data, parts, *_ = b.recvmsg(1, socket.CMSG_LEN(8), socket.MSG_PEEK)
    os.close(array.array("i", parts[0][2])[0])
data, (given, other), *_ = socket.recv_fds(b, 1, 2)
assert os.fstat(other) == os.fstat(0)
s = socket.socket(fileno=given)
print(s.family.name, s.recv(7) if how == "with data at hand" else "", ask(s, b"hello"), ask(s, b"again"))
""")
    if "refused" in how:
        assert set(said.split()[1:]) <= {"ConnectionResetError", "BrokenPipeError"}
    else:
        assert said == "AF_INET " + ("b'o first'" if "data" in how else "") + " echo hello echo again"
        assert "echo" in world.python(world.outgoing(), ASK) and "refused" not in server.log()  # the end was one


def test_a_connection_is_not_given_away(world):
    """Whoever is not of the marble has a connection that was reset, and nothing passes in the clear."""
    echo(world)
    place = world.folder / "place"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(place))
        listener.listen()
        giver = subprocess.Popen([world.launch, world.outgoing(), PYTHON, "-c", GIVE + f"""
s = socket.create_connection(("localhost", {world.port}))
print(ask(s, b"hello"), flush=True)
a = socket.socket(socket.AF_UNIX)
a.connect("{place}")
socket.send_fds(a, [b"x"] , [s.fileno()] * 3)
sys.stdin.read()
print(ask(s, b"still"))
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with listener.accept()[0] as taker:
            given = [socket.socket(fileno=fd) for fd in socket.recv_fds(taker, 1, 3)[1]]
    for s, first in zip(given, (lambda s: s.send(b"in the clear"), lambda s: s.recv(100), lambda s: s.sendall(b"x"))):
        with pytest.raises(ConnectionResetError):
            first(s)
        with pytest.raises(BrokenPipeError):
            s.send(b"in the clear")
    assert {s.family for s in given} == {socket.AF_UNIX}
    assert giver.communicate("", timeout=20)[0].split("\n")[:2] == ["echo hello", "echo still"]


def test_a_connection_stays_while_its_handshake_is_under_way(world):
    silent = socket.create_server(("127.0.0.1", world.port))
    said = world.python(world.outgoing(), GIVE + """
s = socket.create_connection(("localhost", port))
s.setblocking(False)
s.connect_ex(("localhost", port))
print(ask(s, b""))
try:
    socket.send_fds(socket.socketpair()[0], [b"x"], [s.fileno()])
except BlockingIOError:
    print("kept")
""")
    silent.close()
    assert said == "BlockingIOError\nkept"


def test_keys_are_in_no_environment_and_no_core_file(world):
    process = echo(world)
    environment = pathlib.Path(f"/proc/{process.pid}/environ").read_bytes()
    assert b"PRIVATE KEY" not in environment and b"MARBLE_TTLS_CONFIG" not in environment
    maps = pathlib.Path(f"/proc/{process.pid}/smaps").read_text().split("\n")
    regions = [i for i, line in enumerate(maps) if "marblerun data plane" in line]
    assert len(regions) >= 2
    for i in regions:
        flags = next(line for line in maps[i:] if line.startswith("VmFlags"))
        assert " dd" in flags, "left out of core files"


# ---- Debian's programs: more of them in test_plane_*.py ----

def test_haproxy_in_front_of_a_server(world):
    """Both ends of a proxy: it is a server on one side and a client on the other."""
    behind = free_port()
    path = world.folder / "haproxy.cfg"
    path.write_text(f"""
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
listen front
  bind 127.0.0.1:{world.port}
  server one 127.0.0.1:{behind}
""")
    entry = plane.entry(world.authority, world.server)
    config = plane.config(world.folder, "proxy.json", {f"127.0.0.1:{behind}": entry},
                          {f"*:{world.port}": dict(entry, clientAuth=True)})
    inner = plane.config(world.folder, "inner.json", incoming={f"*:{behind}": dict(entry, clientAuth=True)})
    (world.folder / "www").mkdir()
    (world.folder / "www/file").write_bytes(os.urandom(2 << 20))
    front, world.port = world.port, behind
    world.start(inner, PYTHON, "-m", "http.server", str(behind), "--bind", "127.0.0.1", "-d", "www", name="behind")
    world.port = front
    world.start(config, "haproxy", "-db", "-f", path, name="haproxy")
    for _ in range(3):
        got = world.run(world.outgoing(), "curl", "-sS", f"http://localhost:{front}/file")
        assert got == (world.folder / "www/file").read_bytes()


@pytest.mark.parametrize("how", ["EXEC:cat", "EXEC:cat,nofork", "SYSTEM:read a; echo got \\$a"])
def test_socat_starts_a_program_for_each_connection(world, how):
    fork = "" if "nofork" in how else ",fork"
    world.start(world.incoming(), "socat", f"TCP-LISTEN:{world.port},bind=127.0.0.1,reuseaddr{fork}", how, name="socat")
    said = world.python(world.outgoing(), ASK.replace('b"hello"', 'b"hello\\n"'))
    assert said == ("b'got hello\\n'" if "SYSTEM" in how else "b'hello\\n'")


def test_netcat(world):
    data = os.urandom(300000)
    server = world.start(world.incoming(), "nc", "-l", "127.0.0.1", world.port, name="netcat")
    world.run(world.outgoing(), "nc", "-N", "localhost", world.port, input=data)
    server.wait()
    assert server.log_path.read_bytes() == data
