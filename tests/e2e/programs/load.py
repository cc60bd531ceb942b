"""A load on an echo server, from a peer that trusts the data plane with TLS or, when it is told, does it itself.

usage: load.py PORT LOAD SIZE [CERTIFICATE KEY ROOT]; prints "good", or what went wrong.
"""
import hashlib
import os
import random
import select
import socket
import struct
import sys
import threading

from OpenSSL import SSL

PORT, LOAD, SIZE, *TLS = sys.argv[1:]
ADDRESS, SIZE, RECORD = ("127.0.0.1", int(PORT)), int(SIZE), 1 << 14
LOADS = {}


def load(function):
    LOADS[function.__name__] = function
    return function


class Plain:
    """A socket; what is written to it is TLS or not by whoever is below."""

    def __init__(self):
        self.socket = socket.create_connection(ADDRESS)
        self.socket.settimeout(60)
        self.send, self.receive = self.socket.sendall, self.socket.recv

    def end(self):
        """No more will be said."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def abort(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Own(Plain):
    """TLS by OpenSSL, with a goodbye for each direction, and pieces as small as one likes."""
    piece, context = 1 << 20, None

    def __init__(self):
        super().__init__()
        self.send, self.receive = self._send, self._receive
        self.lock, self.sending = threading.Lock(), threading.Lock()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = SSL.Connection(self.context, None)
        self.tls.set_tlsext_host_name(b"localhost")
        self.tls.set_connect_state()
        self._go_on(self.tls.do_handshake)

    def _take(self):
        with self.lock:
            try:
                return self.tls.bio_read(1 << 20)
            except SSL.WantReadError:
                return b""

    def _flush(self):
        with self.sending:
            data = self._take()
            for at in range(0, len(data), self.piece):
                self.socket.sendall(data[at:at + self.piece])

    def _step(self, step, *arguments):
        """(is it done, its result)"""
        with self.lock:
            try:
                return True, step(*arguments)
            except SSL.WantReadError:
                return False, None
            except SSL.ZeroReturnError:
                return True, b""

    def _go_on(self, step, *arguments):
        while True:
            done, result = self._step(step, *arguments)
            if step != self.tls.recv:  # who reads never waits for room
                self._flush()
            if done:
                return result
            data = self.socket.recv(1 << 18)
            with self.lock:
                if data:
                    self.tls.bio_write(data)
                else:
                    self.tls.bio_shutdown()

    def _send(self, data):
        for at in range(0, len(data), RECORD):  # as much as OpenSSL takes at once
            self._go_on(self.tls.send, data[at:at + RECORD])

    def _receive(self, size):
        return self._go_on(self.tls.recv, size)

    def end(self):
        """A goodbye, and no FIN: that is for close()."""
        self._step(self.tls.shutdown)
        self._flush()


def context():
    made = SSL.Context(SSL.TLS_METHOD)
    made.use_certificate_chain_file(TLS[0])
    made.use_privatekey_file(TLS[1])
    made.load_verify_locations(TLS[2])
    made.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *a: bool(a[-1]))
    return made


def connect():
    return Own() if TLS else Plain()


def read_all(c):
    parts = []
    while part := c.receive(1 << 18):
        parts.append(part)
    return b"".join(parts)


def ask(c, question):
    c.send(question)
    c.end()
    answer = read_all(c)
    assert answer == question, (len(answer), len(question))
    c.close()


@load
def short():
    """SIZE connections, eight at a time."""
    failures, left = [], iter(range(SIZE))

    def work():
        try:
            for i in left:
                ask(connect(), b"%d" % i * (i % 7 + 1))
        except Exception as e:
            failures.append(repr(e))

    workers = [threading.Thread(target=work) for _ in range(8)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert not failures, failures


class Transfer:
    """SIZE MiB there and back at the same time, compared by digest."""

    def __init__(self):
        self.block = os.urandom(1 << 20)
        self.sent, self.got, self.count = hashlib.sha256(), hashlib.sha256(), 0

    def parts(self):
        for i in range(SIZE):
            part = self.block[i % 1000:] + self.block[:i % 1000]
            self.sent.update(part)
            yield part

    def take(self, part):
        self.got.update(part)
        self.count += len(part)

    def check(self):
        assert self.count == SIZE << 20 and self.got.digest() == self.sent.digest(), self.count


def transfer_by(send):
    c, t = connect(), Transfer()

    def send_all():
        send(c, t)
        c.end()

    sender = threading.Thread(target=send_all)
    sender.start()
    while part := c.receive(1 << 18):
        t.take(part)
    sender.join()
    t.check()


@load
def transfer():
    def send(c, t):
        for part in t.parts():
            c.send(part)
    transfer_by(send)


@load
def transfer_by_sendfile():
    def send(c, t):
        file = os.fdopen(os.memfd_create("part"), "rb")
        for part in t.parts():
            os.pwrite(file.fileno(), part, 0)
            c.socket.sendfile(file, 0, len(part))
    transfer_by(send)


@load
def transfer_by_edges():
    """In one thread, which never waits but for edges of both kinds."""
    c, t, part = connect(), Transfer(), memoryview(b"")
    parts, writing, reading = t.parts(), True, True
    c.socket.setblocking(False)
    edges = select.epoll()
    edges.register(c.socket, select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET)
    while reading:
        assert edges.poll(60), "no edge"
        try:
            while writing:
                part = part or memoryview(next(parts, b""))
                writing = bool(part) or c.end()
                part = part[c.socket.send(part):] if part else part
        except BlockingIOError:
            pass
        try:
            while data := c.receive(1 << 18):
                t.take(data)
            reading = False
        except BlockingIOError:
            pass
    t.check()


@load
def half_closed():
    """The answer comes when the question has ended, and is larger than what buffers take."""
    for i in range(SIZE):
        ask(connect(), os.urandom(100 + i * 30000))


@load
def byte_by_byte():
    """Bytes on their own, each in a segment of its own, the handshake's, too; and read so."""
    Own.piece = 1
    c = connect()
    for i in range(SIZE):
        byte = bytes([i % 256])
        c.send(byte)
        assert c.receive(1) == byte
    c.send(b"x" * SIZE)
    c.end()
    for i in range(SIZE):
        assert c.receive(1) == b"x"
    assert c.receive(1) == b""
    c.close()


@load
def resets():
    """Peers that leave in the handshake, after it, with data under way both ways: the next one is served."""
    for i in range(SIZE):
        raw = Plain()
        if TLS:
            raw.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[:i % 12])
        raw.abort()
        c = connect()
        if i % 3:
            c.send(os.urandom(random.choice([1, 1000, 50000])))
        if i % 3 == 2:
            assert c.receive(1)
        c.abort()
    ask(connect(), b"after them")


@load
def silent():
    """Peers that say nothing, or half of something, while others go on."""
    quiet = [Plain() for _ in range(SIZE)]
    for c in quiet[::2]:
        if TLS:
            c.send(b"\x16\x03\x01\x02\x00\x01")
    for i in range(10):
        ask(connect(), b"others %d" % i)
    for c in quiet:
        c.close()


try:
    Own.context = context() if TLS else None
    LOADS[LOAD]()
    print("good")
except Exception as e:
    print(f"{LOAD}: {e!r}")
