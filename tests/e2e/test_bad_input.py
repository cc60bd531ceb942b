"""Bad input at every edge: an error or a closed connection, and nobody else is disturbed."""

import base64
import contextlib
import json
import os
import random
import resource
import socket
import ssl
import threading
import time

import pytest

from mesh import edges
from mesh.edges import SETTINGS_FRAME, Connection, frame

SANITIZED = "san" in os.environ.get("MARBLERUN_BUILD", "")  # its memory says nothing


@pytest.fixture
def watched(mesh):
    """After the test the coordinator serves as before and has not grown beyond bounds: some 40 KiB for
    each connection that there was at once."""
    mesh.set()
    mesh.activate()
    before = mesh.coordinator.process.status("VmRSS")
    yield mesh
    assert mesh.coordinator.state == 3
    mesh.activate()
    grown = mesh.coordinator.process.status("VmRSS") - before
    assert SANITIZED or grown < 80 << 10, f"{grown} KiB more"


REQUESTS = {
    "garbage": b"\x16\x03\x01" * 300,
    "endless line": b"GET /" + b"a" * 100000,
    "endless header": b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 100000,
    "many headers": b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000,
    "no version": b"GET /\r\n\r\n",
    "wrong version": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "bad length": b"POST /api/v2/manifest HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "huge length": b"POST /api/v2/manifest HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
    "two lengths": b"POST /api/v2/manifest HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
                   b"Content-Length: 3\r\n\r\n{}",
    "length and chunks": b"POST /api/v2/manifest HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/v2/status HTTP/1.1\r\n\r\n",
    "bad chunk": b"POST /api/v2/manifest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "NUL in header": b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
    "control in path": b"GET /api/v2/\x01status HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_broken_http1(watched, name):
    connection = Connection(watched.coordinator, "client", protocols=("http/1.1",))
    connection.send(REQUESTS[name])
    answer = connection.answer()
    assert answer is not None, "neither answered nor closed"
    if answer:
        status = int(answer.split(b" ", 2)[1])
        assert 400 <= status < 600, answer[:200]
        assert answer.count(b"Content-Type") == 1, "one error, then closed"
    connection.close()


FRAMES = {
    "no preface": b"\0" * 100,
    "half a preface": edges.PREFACE[:10] + b"xxxxxxxxxxxxxxxxxxxx",
    "unknown first frame": edges.PREFACE + frame(edges.PING, payload=b"12345678"),
    "settings of odd size": edges.PREFACE + frame(edges.SETTINGS, payload=b"12345"),
    "settings on a stream": edges.PREFACE + frame(edges.SETTINGS, stream=1),
    "data on stream 0": edges.PREFACE + SETTINGS_FRAME + frame(edges.DATA, payload=b"x"),
    "data on an idle stream": edges.PREFACE + SETTINGS_FRAME + frame(edges.DATA, stream=1, payload=b"x"),
    "frame beyond the limit": edges.PREFACE + SETTINGS_FRAME + frame(edges.DATA, stream=1,
                                                                    length=(1 << 24) - 1),
    "headers that do not decode": edges.PREFACE + SETTINGS_FRAME + frame(
        edges.HEADERS, 5, 1, b"\xff\xff\xff\xff\xff\xff\xff"),
    "even stream": edges.PREFACE + SETTINGS_FRAME + frame(edges.HEADERS, 5, 2, b"\x82"),
    "continuation of nothing": edges.PREFACE + SETTINGS_FRAME + frame(edges.CONTINUATION, 4, 1, b"\x82"),
    "window overflow": edges.PREFACE + SETTINGS_FRAME + frame(edges.WINDOW, payload=b"\x7f\xff\xff\xff") * 2,
    "push from a client": edges.PREFACE + SETTINGS_FRAME + frame(edges.PUSH, 4, 1, b"\0\0\0\2\x82"),
}


@pytest.mark.parametrize("api", ["client", "marble"])
@pytest.mark.parametrize("name", FRAMES)
def test_broken_http2(watched, api, name):
    connection = Connection(watched.coordinator, api)
    connection.send(FRAMES[name])
    assert connection.answer() is not None, "the connection should have been closed"
    connection.close()


def test_random_frames(watched):
    chance = random.Random(7)
    for api in ("client", "marble"):
        for _ in range(60):
            connection = Connection(watched.coordinator, api)
            connection.send(edges.PREFACE + SETTINGS_FRAME)
            for _ in range(chance.randrange(1, 20)):
                payload = chance.randbytes(chance.randrange(0, 60))
                if not connection.send(frame(chance.randrange(0, 12), chance.randrange(256),
                                             chance.choice([0, 1, 3, 5]), payload)):
                    break
            connection.close()


def flood(name):
    header = edges.PREFACE + SETTINGS_FRAME
    if name == "ping":
        return header + frame(edges.PING, payload=bytes(8)) * 50000
    if name == "settings":
        return header + frame(edges.SETTINGS) * 50000
    if name == "empty continuations":
        return header + frame(edges.HEADERS, 0, 1, b"\x82") + frame(edges.CONTINUATION, 0, 1) * 50000
    streams = range(1, 40001, 2)
    opened = b"\x82\x87\x84\x41\x01x"  # GET https / x
    return header + b"".join(frame(edges.HEADERS, 5, s, opened) + frame(edges.RST_STREAM, 0, s, bytes(4))
                             for s in streams)


@pytest.mark.parametrize("name", ["ping", "settings", "empty continuations", "rapid reset"])
def test_floods(watched, name):
    """The sender does not read: what it makes us queue is bounded."""
    connection = Connection(watched.coordinator, "client")
    connection.socket.settimeout(5)
    try:
        connection.socket.sendall(flood(name))
    except OSError:
        pass
    assert watched.coordinator.state == 3
    connection.close()


def test_garbage_instead_of_tls(watched):
    for port in (watched.coordinator.client_port, watched.coordinator.marble_port):
        for data in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(1000), b"\x16\x03\x01\xff\xff" + bytes(100), b""):
            with socket.create_connection(("127.0.0.1", port), 10) as plain:
                with contextlib.suppress(OSError):
                    plain.sendall(data)
                    plain.shutdown(socket.SHUT_WR)
                    while plain.recv(4096):
                        pass


@pytest.mark.parametrize("depth", [65, 1000, 1000000])
def test_deep_json(coordinator, depth):
    text = b'{"Packages":' * depth
    for body in (text, b"[" * depth + b"]" * depth, b'{"Clients":' * depth + b"{}" + b"}" * depth):
        reply = coordinator.post_manifest(body)
        assert reply.status == 400 and "levels" in reply.message, reply.body
        assert coordinator.request("POST", "/manifest", body).status == 400


def test_a_body_beyond_the_limit(coordinator):
    connection = coordinator.connect()
    connection.putrequest("POST", "/manifest")
    connection.putheader("Content-Length", str(1 << 30))
    connection.endheaders()
    sent = 0
    with contextlib.suppress(OSError):
        for _ in range(64):
            connection.send(bytes(1 << 20))
            sent += 1
    assert sent < 64, "it was read on and on"
    with contextlib.suppress(OSError):
        assert connection.getresponse().status == 413
    connection.close()
    assert coordinator.state == 2
    assert SANITIZED or coordinator.process.status("VmHWM") < 200 << 10


@pytest.mark.parametrize("text", [
    b"", b"null", b"7", b"[]", b'"x"', b"{", b'{"Packages":[]}', b'{"Packages":{"a":7}}',
    b'{"Marbles":{"a":{"Package":"b"}}}', b"\xef\xbb\xbf{}", b"{}\0", b'{"a":"\xc3"}'])
def test_what_is_no_manifest(coordinator, text):
    reply = coordinator.request("POST", "/manifest", text)
    assert reply.status == 400 and "manifest" in reply.message.lower()
    assert coordinator.post_manifest(text).status == 400
    assert coordinator.state == 2


def test_truncated_requests_leave_nothing_behind(watched):
    text = json.dumps({"manifest": base64.b64encode(b"{}").decode()}).encode()
    whole = (b"POST /api/v2/manifest HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(text)) + text
    for size in range(0, len(whole), 7):
        connection = Connection(watched.coordinator, "client", protocols=("http/1.1",))
        connection.send(whole[:size])
        connection.close()


def test_slow_clients_do_not_slow_others(watched):
    """Two hundred that send a byte now and then; an honest client is served at once."""
    slow = [Connection(watched.coordinator, "client", protocols=("http/1.1",)) for _ in range(100)]
    slow += [Connection(watched.coordinator, "marble") for _ in range(100)]
    stop = threading.Event()

    def drip():
        text = b"GET /api/v2/status HTTP/1.1\r\nHost: " + b"x" * 1000
        for byte in text:
            if stop.wait(0.05):
                return
            for connection in slow:
                connection.send(bytes([byte]))

    thread = threading.Thread(target=drip)
    thread.start()
    slowest = 0
    for _ in range(20):
        begin = time.monotonic()
        assert watched.coordinator.state == 3
        slowest = max(slowest, time.monotonic() - begin)
    watched.activate()
    stop.set()
    thread.join()
    for connection in slow:
        connection.close()
    assert slowest < 1, slowest


def test_more_than_a_thousand_idle_connections(watched):
    wanted = 1500
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    idle = []
    try:
        for i in range(wanted):
            port = (watched.coordinator.client_port, watched.coordinator.marble_port)[i % 2]
            plain = socket.create_connection(("127.0.0.1", port), 20)
            if i % 10 == 0 and port == watched.coordinator.client_port:
                plain = context.wrap_socket(plain)
            idle.append(plain)
        assert watched.coordinator.state == 3
        watched.activate()
    finally:
        for connection in idle:
            connection.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_not_resumed(coordinator, version):
    """A resumed session would not show its certificate again."""
    context = ssl.create_default_context(cadata=coordinator.root.decode())
    context.minimum_version = context.maximum_version = version
    session = None
    for _ in range(2):
        plain = socket.create_connection(("127.0.0.1", coordinator.client_port), 20)
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
            tls.sendall(b"GET /api/v2/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert tls.recv(4096).startswith(b"HTTP/1.1 200")
            assert not tls.session_reused and not tls.session.has_ticket
            session = tls.session


def test_header_smuggling(watched):
    """A front proxy and we would have to see the same requests: what is ambiguous is refused."""
    for header in (b"Transfer-Encoding: chunked\r\nContent-Length: 3", b"Transfer-Encoding: xchunked",
                   b"Content-Length: 3\r\nContent-Length: 30", b"Content-Length: +3",
                   b"Content-Length : 3", b"Transfer-Encoding: identity, chunked\r\nContent-Length: 1"):
        connection = Connection(watched.coordinator, "client", protocols=("http/1.1",))
        connection.send(b"POST /api/v2/manifest HTTP/1.1\r\nHost: x\r\n" + header +
                        b"\r\n\r\n0\r\n\r\nGET /api/v2/status HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = connection.answer(40)
        assert answer is not None
        assert b'"code"' not in answer, "the smuggled request was answered"
        connection.close()
