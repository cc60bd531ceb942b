"""Debian's programs inside the data plane: large transfers, proxies with it on both sides, pipelines, many clients."""

import hashlib
import os
import pathlib
import subprocess

import pytest

from mesh import plane
from mesh.servers import HAPROXY, files_of, nginx
from mesh.world import PYTHON, free_port

PROGRAMS = pathlib.Path(__file__).parent / "programs"
GIB = 1 << 30
DIGEST = "openssl dgst -sha256 -r"


@pytest.fixture(scope="module")
def gibibyte(tmp_path_factory):
    """(a file of 1 GiB, mostly holes, its digest)"""
    path = tmp_path_factory.mktemp("large") / "gibibyte"
    path.parent.chmod(0o755)
    with open(path, "wb") as f:
        f.truncate(GIB)
        for at in range(0, GIB, 33 << 20):
            f.seek(at + at // 1000)
            f.write(os.urandom(1 << 20))
        f.truncate(GIB)
    return path, subprocess.run([*DIGEST.split(), path], check=True, capture_output=True).stdout.split()[0]


def digest_of(world, config, command):
    return world.run(config, "sh", "-c", f"{command} | {DIGEST}").split()[0]


def test_a_gibibyte_from_nginx(world, gibibyte):
    """By sendfile; to curl with the data plane, and to curl with TLS of its own."""
    path, digest = gibibyte
    nginx(world, "nginx", world.port, world.incoming(), files_of(path.parent, world.port))
    assert digest_of(world, world.outgoing(), f"curl -sS http://localhost:{world.port}/gibibyte") == digest
    cert, key, ca = world.files("peer", world.client)
    assert digest_of(world, None, f"curl -sS --cacert {ca} --cert {cert} --key {key} "
                     f"https://localhost:{world.port}/gibibyte") == digest


def test_a_gibibyte_to_netcat(world, gibibyte):
    path, digest = gibibyte
    server = world.start(world.incoming(), "sh", "-c", f"nc -l 127.0.0.1 {world.port} | {DIGEST}", name="netcat")
    world.run(world.outgoing(), "sh", "-c", f"nc -N localhost {world.port} < {path}")
    server.wait()
    assert server.log().split()[0] == digest.decode()


def test_a_large_file_from_openssl(world):
    content = os.urandom(1 << 20) * 64
    (world.folder / "file").write_bytes(content)
    cert, key, ca = world.files("server", world.server)
    world.start(None, "openssl", "s_server", "-accept", f"127.0.0.1:{world.port}", "-cert", cert, "-key", key,
                "-CAfile", ca, "-Verify", "3", "-verify_return_error", "-quiet", "-WWW", name="s_server")
    got = world.run(world.outgoing(), "curl", "-sS", "--http0.9", f"http://localhost:{world.port}/file")
    assert hashlib.sha256(got).digest() == hashlib.sha256(content).digest()


def test_lines_from_openssl(world):
    """s_client is the peer of a server in the data plane: it speaks, is answered, and leaves."""
    world.start(world.incoming(), "socat", f"TCP-LISTEN:{world.port},bind=127.0.0.1,fork,reuseaddr", "EXEC:cat",
                name="socat")
    cert, key, ca = world.files("peer", world.client)
    for _ in range(5):
        client = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{world.port}", "-cert", cert, "-key",
                                   key, "-CAfile", ca, "-verify_return_error", "-quiet", "-no_ign_eof"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        client.stdin.write(b"one line\n")
        client.stdin.flush()
        assert client.stdout.readline() == b"one line\n"
        client.stdin.close()
        assert client.wait(20) == 0


def both_ways(world, behind):
    """A proxy's: a server on one side, a client on the other; and that of what stands behind it."""
    entry = plane.entry(world.authority, world.server)
    incoming = dict(entry, clientAuth=True)
    return (plane.config(world.folder, "proxy.json", {f"127.0.0.1:{behind}": entry}, {f"*:{world.port}": incoming}),
            plane.config(world.folder, "behind.json", incoming={f"*:{behind}": incoming}))


@pytest.mark.parametrize("upstream", ["nginx", "threads of Python"])
def test_nginx_as_a_proxy(world, upstream):
    """Kept connections on both sides, several requests at once, bodies in both directions, a pipeline of requests."""
    behind = free_port()
    proxy, inner = both_ways(world, behind)
    www = world.folder / "www"
    www.mkdir()
    (www / "small").write_bytes(b"small")
    (www / "big").write_bytes(os.urandom(20 << 20))
    if upstream == "nginx":
        nginx(world, "behind", behind, inner, files_of(www, behind))
    else:
        with world.listening_on(behind):
            world.start(inner, PYTHON, "-m", "http.server", behind, "--bind", "127.0.0.1", "-d", www, name="behind")
    nginx(world, "proxy", world.port, proxy, "upstream u { server 127.0.0.1:%d; keepalive 8; } server { listen "
          "127.0.0.1:%d; location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ''; } }"
          % (behind, world.port))
    url, client = f"http://localhost:{world.port}", world.outgoing()
    said = world.run(client, "ab", "-q", "-k", "-n", "600", "-c", "20", f"{url}/small").decode()
    assert "Complete requests:      600" in said and "Failed requests:        0" in said and "Non-2xx" not in said
    said = world.run(client, "wrk", "-t2", "-c20", "-d1", f"{url}/small").decode()
    assert "requests in" in said and "Socket errors" not in said and "Non-2xx" not in said
    outputs = [world.folder / f"got{i}" for i in range(4)]
    world.run(client, "curl", "-sS", "-Z", *[a for o in outputs for a in ("-o", o, f"{url}/big")])
    assert {o.read_bytes() for o in outputs} == {(www / "big").read_bytes()}
    said = world.python(client, f"""
import hashlib, requests, socket
with requests.Session() as session:
    for _ in range(30):
        assert session.get("{url}/small").content == b"small"
    with session.get("{url}/big", stream=True) as answer:
        digest = hashlib.sha256()
        for part in answer.iter_content(10007):
            digest.update(part)
    if {upstream == "nginx"}:  # the other one refuses without reading: that may be a reset
        assert session.post("{url}/small", data=b"x" * 3000000).status_code == 405
s = socket.create_connection(("localhost", port))
request = b"GET /small HTTP/1.1\\r\\nHost: a\\r\\n"
s.sendall((request + b"\\r\\n") * 99 + request + b"Connection: close\\r\\n\\r\\n")
text = b"".join(iter(lambda: s.recv(65536), b""))
print(text.count(b"HTTP/1.1 200 OK"), text.count(b"\\r\\n\\r\\nsmall"), digest.hexdigest())
""")
    assert said.split() == ["100", "100", hashlib.sha256((www / "big").read_bytes()).hexdigest()]


@pytest.mark.parametrize("upstream", ["data plane", "OpenSSL"])
def test_haproxy_for_tcp(world, upstream):
    """It passes on halves of connections, resets and what else there is."""
    behind, path = free_port(), world.folder / "haproxy.cfg"
    proxy, inner = both_ways(world, behind)
    server = ["threads", behind, *world.files("server", world.server)] if upstream == "OpenSSL" else ["poll", behind]
    with world.listening_on(behind):
        world.start(None if upstream == "OpenSSL" else inner, PYTHON, PROGRAMS / "echo_server.py", *server,
                    name="behind", ready="ready")
    path.write_text(HAPROXY % ("tcp", f"127.0.0.1:{world.port}", behind))
    world.start(proxy, "haproxy", "-db", "-f", path, name="haproxy")
    files = world.files("peer", world.client)
    for name, size in (("short", 300), ("transfer", 100), ("half_closed", 20), ("byte_by_byte", 50), ("resets", 30)):
        for config, more in ((world.outgoing(address="127.0.0.1"), []), (None, files)):
            said = world.run(config, PYTHON, PROGRAMS / "load.py", world.port, name, size, *more)
            assert said == b"good\n", said.decode()
    said = world.run(world.outgoing(address="127.0.0.1"), PYTHON, PROGRAMS / "load.py", world.port, "transfer", 1024,
                     seconds=120)
    assert said == b"good\n", said.decode()


def test_redis_under_load_while_it_saves(world):
    """A child that has all connections, too, and ends, while clients go on; long pipelines."""
    world.start(world.incoming(), "redis-server", "--port", world.port, "--save", "", "--bind", "127.0.0.1", "--dir",
                world.folder, name="redis", ready="Ready to accept")
    client, cli = world.outgoing(), ["redis-cli", "-h", "localhost", "-p", world.port]
    benchmark = subprocess.Popen(list(map(str, [
        world.launch, client, "redis-benchmark", "-h", "localhost", "-p", world.port, "-n", 200000, "-P", 64, "-c", 30,
        "-t", "set,lpush,lrange_100", "-q", "--csv"])), stdout=subprocess.PIPE)
    for _ in range(3):
        said = world.run(client, *cli, "bgsave")
        assert b"Background saving started" in said or b"in progress" in said or b"scheduled" in said, said
        assert world.run(client, *cli, "incr", "saves").strip().isdigit()
    said = benchmark.communicate(timeout=60)[0].decode()
    assert benchmark.returncode == 0 and said.count("\n") >= 4, said
    assert world.run(client, *cli, "get", "saves") == b"3\n"
    many = "".join(f"SET key{i} {i}\r\n" for i in range(20000)).encode()
    said = world.run(client, *cli, "--pipe", input=many)
    assert b"errors: 0, replies: 20000" in said
