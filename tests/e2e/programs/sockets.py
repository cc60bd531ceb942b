"""Socket scenarios whose every result is printed: with the data plane they must print what they print without.

usage: sockets.py PORT
"""
import array
import errno
import fcntl
import hashlib
import io
import json
import os
import select
import socket
import sys
import termios
import threading
import time

PORT = int(sys.argv[1])
SCENARIOS = []


def scenario(function):
    SCENARIOS.append(function)
    return function


def call(function, *arguments):
    """The result, or the name of the error."""
    try:
        result = function(*arguments)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e))
    if isinstance(result, (bytes, bytearray)) and len(result) > 64:
        return f"{len(result)} bytes {hashlib.sha256(result).hexdigest()}"
    return repr(result)


def listener(family=socket.AF_INET, address="127.0.0.1"):
    s = socket.socket(family)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, PORT))
    s.listen(16)
    return s


def pair():
    """A client and a server, connected, in one thread."""
    l = listener()
    c = socket.socket()
    c.connect(("127.0.0.1", PORT))
    s, _ = l.accept()
    l.close()
    return c, s


def read_all(s):
    parts = []
    while True:
        part = s.recv(65536)
        if not part:
            return b"".join(parts)
        parts.append(part)


def wait(s, event, seconds=5):
    """What poll says; a handshake may have to go on in between."""
    p = select.poll()
    p.register(s, event)
    got = p.poll(seconds * 1000)
    return got[0][1] if got else 0


def thread(function, *arguments):
    box = []
    t = threading.Thread(target=lambda: box.append(call(function, *arguments)))
    t.start()

    def join():
        t.join()
        return box[0]
    return join


@scenario
def one_thread_talks_to_itself(out):
    c, s = pair()
    out(call(c.send, b"hello"), call(s.recv, 100), call(s.send, b"world!"), call(c.recv, 3), call(c.recv, 100))
    c.close()
    out(call(s.recv, 10), call(s.recv, 10))


@scenario
def the_server_speaks_first(out):
    c, s = pair()
    out(call(s.send, b"220 ready\r\n"), call(c.recv, 100))


@scenario
def peeking(out):
    c, s = pair()
    c.sendall(b"abcdef")
    out(call(s.recv, 3, socket.MSG_PEEK), call(s.recv, 2), call(s.recv, 100, socket.MSG_PEEK), call(s.recv, 100))


@scenario
def vectors_and_messages(out):
    c, s = pair()
    out(call(c.sendmsg, [b"ab", b"", b"cde"]), call(os.writev, c.fileno(), [b"f", b"gh"]))
    wait(s, select.POLLIN)
    time.sleep(0.05)
    buffers = [bytearray(3), bytearray(0), bytearray(10)]
    out(call(s.recvmsg_into, buffers), buffers[0].decode(), buffers[2].decode())
    out(call(c.send, b""), call(os.write, c.fileno(), b"tail"), call(s.recvmsg, 100))


@scenario
def half_closed(out):
    c, s = pair()
    c.sendall(b"question")
    out(call(c.shutdown, socket.SHUT_WR), call(read_all, s), call(s.send, b"answer"), call(c.recv, 100))
    out(call(c.send, b"more"))
    s.close()
    out(call(c.recv, 10))


@scenario
def writing_to_one_who_left(out):
    c, s = pair()
    c.sendall(b"x")
    s.recv(1)
    s.close()
    out(call(c.recv, 1))
    time.sleep(0.05)
    results = [call(c.send, b"y") for _ in range(3) if not time.sleep(0.05)]
    out(results[-1])


@scenario
def without_waiting(out):
    c, s = pair()
    c.setblocking(False)
    s.setblocking(False)
    out(call(s.recv, 10))
    out(call(c.send, b"ping"))
    out(bool(wait(s, select.POLLIN) & select.POLLIN), call(s.recv, 10), call(s.recv, 10))
    out(call(s.send, b"pong"))
    out(bool(wait(c, select.POLLIN) & select.POLLIN), call(c.recv, 10), call(c.recv, 10))


@scenario
def connecting_without_waiting(out):
    l = listener()
    c = socket.socket()
    c.setblocking(False)
    out(c.connect_ex(("127.0.0.1", PORT)) in (0, errno.EINPROGRESS))
    out(bool(wait(c, select.POLLOUT) & select.POLLOUT), c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
    s, _ = l.accept()
    out(call(c.send, b"GET /"), call(s.recv, 100), call(s.send, b"200"))
    out(bool(wait(c, select.POLLIN) & select.POLLIN), call(c.recv, 100))
    l.close()


@scenario
def nobody_listens(out):
    c = socket.socket()
    out(call(c.connect, ("127.0.0.1", PORT)))
    d = socket.socket()
    d.setblocking(False)
    d.connect_ex(("127.0.0.1", PORT))
    wait(d, select.POLLOUT)
    out(errno.errorcode[d.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)])


@scenario
def readiness_follows_plaintext(out):
    """Level-triggered: as long as there is something left to read."""
    c, s = pair()
    c.sendall(b"0123456789")
    seen = []
    while wait(s, select.POLLIN, 0.3) & select.POLLIN:
        seen.append(s.recv(3).decode())
    out(seen)


@scenario
def edges(out):
    """Edge-triggered: a new edge for new bytes; after a short read nothing is left."""
    c, s = pair()
    c.sendall(b"x" * 10)
    s.recv(10)
    s.setblocking(False)
    e = select.epoll()
    e.register(s, select.EPOLLIN | select.EPOLLET)
    out(e.poll(0.1))
    for size in (10, 70000, 1):
        c.sendall(b"y" * size)
        got = 0
        while got < size and e.poll(5):
            while True:
                try:
                    part = len(s.recv(1000))
                except BlockingIOError:
                    break
                got += part
                if part < 1000:
                    break
        out(got)
    out(e.poll(0.1))


@scenario
def selecting(out):
    c, s = pair()
    out(select.select([s], [], [], 0.1)[0] == [])
    c.sendall(b"abc")
    out(select.select([s], [], [], 5)[0] == [s], call(s.recv, 2), select.select([s], [], [], 5)[0] == [s],
        call(s.recv, 2), select.select([s], [], [], 0.1)[0] == [])


@scenario
def how_much_is_there(out):
    def readable(s):
        room = array.array("i", [0])
        fcntl.ioctl(s, termios.FIONREAD, room)
        return room[0]

    c, s = pair()
    c.sendall(b"seven b")
    wait(s, select.POLLIN)
    out(readable(s), call(s.recv, 3), readable(s), call(s.recv, 100), readable(s))


def transfer(out, size, chunk, piece, slow=0):
    c, s = pair()
    data = os.urandom(1 << 16) * (size >> 16)
    total, digest = 0, hashlib.sha256()

    def send():
        for at in range(0, len(data), chunk):
            c.sendall(data[at:at + chunk])
        c.shutdown(socket.SHUT_WR)
        return len(data)

    sent = thread(send)
    while True:
        part = s.recv(piece)
        if not part:
            break
        total += len(part)
        digest.update(part)
        if slow:
            time.sleep(slow)
    out(sent(), total, digest.digest() == hashlib.sha256(data).digest())


@scenario
def large_transfers(out):
    transfer(out, 64 << 20, 1 << 20, 1 << 18)
    transfer(out, 8 << 20, 1000, 70000)
    transfer(out, 4 << 20, 1 << 16, 777)
    transfer(out, 1 << 20, 1 << 20, 1 << 16, 0.01)


@scenario
def full_buffers(out):
    """What was accepted arrives, also when the sender closes at once; nothing is reported that was not taken."""
    c, s = pair()
    c.sendall(b"x")
    s.recv(1)
    c.setblocking(False)
    data, sent = os.urandom(1 << 20) * 16, 0
    try:
        while sent < len(data):
            sent += c.send(data[sent:sent + 100000])
    except BlockingIOError:
        pass
    out(0 < sent < len(data))
    received = b""
    while len(received) < sent and wait(s, select.POLLIN, 0.05):
        received += s.recv(65536)
    while sent < len(data):
        wait(c, select.POLLOUT)
        try:
            sent += c.send(data[sent:sent + 300000])
        except BlockingIOError:
            pass
        while len(received) < sent and wait(s, select.POLLIN, 0.05):
            received += s.recv(1 << 20)
    c.close()
    received += read_all(s)
    out(received == data)


@scenario
def copies_of_a_descriptor(out):
    c, s = pair()
    d = c.dup()
    c.close()
    out(call(d.send, b"by the copy"), call(s.recv, 100))
    e = os.dup2(d.fileno(), 99)
    d.close()
    out(call(os.write, e, b"by dup2"), call(s.recv, 100))
    f = fcntl.fcntl(e, fcntl.F_DUPFD_CLOEXEC, 120)
    os.close(e)
    out(call(os.write, f, b"by fcntl"), call(s.recv, 100))
    os.close(f)
    out(call(s.recv, 100))


@scenario
def descriptors_used_again(out):
    for _ in range(3):
        c, s = pair()
        c.sendall(b"a")
        out(call(s.recv, 10))
        number = c.fileno()
        c.close()
        r, w = os.pipe()
        out(min(r, w) <= number, call(os.write, w, b"pipe"), call(os.read, r, 10))
        os.close(r)
        os.close(w)
        s.close()


@scenario
def a_child_goes_on(out):
    """Forked before the first byte, as servers do; the parent closes its copy at once."""
    c, s = pair()
    child = os.fork()
    if not child:
        c.close()
        s.sendall(b"child: " + s.recv(100))
        s.close()
        os._exit(0)
    s.close()
    out(call(c.send, b"hello"), call(read_all, c), os.waitpid(child, 0)[1])


@scenario
def a_child_in_the_middle(out):
    c, s = pair()
    c.sendall(b"one")
    out(call(s.recv, 100))
    child = os.fork()
    if not child:
        s.sendall(s.recv(100) + b" from the child")
        os._exit(0)
    c.sendall(b"two")
    out(call(c.recv, 100), os.waitpid(child, 0)[1])
    c.sendall(b"three")
    out(call(s.recv, 100), call(s.send, b"four"), call(c.recv, 100))
    s.close()
    out(call(c.recv, 100))


@scenario
def another_program_goes_on(out):
    """As inetd does: a program that knows only its standard input and output."""
    for program in (["/bin/cat"], ["/bin/sh", "-c", "read a; echo \"sh: $a\"; exec head -n 1"],
                    [sys.executable, "-c", "print(input().upper()); print(input())"]):
        c, s = pair()
        child = os.fork()
        if not child:
            os.dup2(s.fileno(), 0)
            os.dup2(s.fileno(), 1)
            os.execv(program[0], program)
        s.close()
        c.sendall(b"line\n")
        c.sendall(b"second\n")
        c.shutdown(socket.SHUT_WR)
        out(call(read_all, c), os.waitpid(child, 0)[1])


@scenario
def streams(out):
    c, s = pair()
    f = s.makefile("rwb", 0)
    c.sendall(b"line one\nline two\n")
    out(f.readline().decode(), f.readline().decode(), f.write(b"reply\n"), call(c.recv, 100))


@scenario
def files_by_the_kernel(out):
    c, s = pair()
    with open(__file__, "rb") as f:
        size = os.fstat(f.fileno()).st_size

        def send():
            sent = 0
            while sent < size:
                sent += os.sendfile(c.fileno(), f.fileno(), sent, size - sent)
            c.close()
            return sent

        sent = thread(send)
        data = read_all(s)
        out(sent() == str(size), hashlib.sha256(data).digest() == hashlib.sha256(f.read()).digest())


@scenario
def time_limits(out):
    c, s = pair()
    c.sendall(b"x")
    s.recv(1)
    s.settimeout(0.1)
    try:
        s.recv(1)
    except TimeoutError:
        out("timed out")
    c.sendall(b"late")
    out(call(s.recv, 10))
    s.settimeout(None)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, b"\0" * 8 + (100000).to_bytes(8, "little"))
    out(call(s.recv, 1))


@scenario
def waiting_for_all(out):
    c, s = pair()
    c.sendall(b"abc")
    later = thread(lambda: time.sleep(0.1) or c.sendall(b"defgh"))
    out(call(s.recv, 6, socket.MSG_WAITALL), call(s.recv, 100))
    later()


@scenario
def abrupt_ends(out):
    c, s = pair()
    c.sendall(b"x")
    s.recv(1)
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    c.close()
    time.sleep(0.05)
    out(call(s.recv, 10))


@scenario
def unread_data_at_the_end(out):
    c, s = pair()
    c.sendall(b"x" * 10)
    s.recv(5)
    s.close()
    time.sleep(0.05)
    out(call(c.recv, 10))


@scenario
def many_short_ones(out):
    l = listener()

    def serve():
        for _ in range(300):
            s, _ = l.accept()
            s.sendall(s.recv(100)[::-1])
            s.close()

    served = thread(serve)
    good = 0
    for i in range(300):
        with socket.create_connection(("127.0.0.1", PORT)) as c:
            c.sendall(b"%d" % i)
            good += read_all(c) == (b"%d" % i)[::-1]
    out(good, served())
    l.close()


@scenario
def threads_on_one_socket(out):
    c, s = pair()
    size = 2 << 20

    def fill(sock, byte):
        for _ in range(size // 4096):
            sock.sendall(byte * 4096)
        sock.shutdown(socket.SHUT_WR)

    writers = [thread(fill, c, b"c"), thread(fill, s, b"s")]
    readers = [thread(read_all, c), thread(read_all, s)]
    out([w() for w in writers], [r() for r in readers])


@scenario
def others_are_left_alone(out):
    a, b = socket.socketpair()
    out(call(a.send, b"unix"), call(b.recv, 10))
    l = socket.socket()
    l.bind(("127.0.0.1", 0))
    l.listen()
    c = socket.create_connection(l.getsockname())
    s, _ = l.accept()
    out(call(c.send, b"plain"), call(s.recv, 10))
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("127.0.0.1", 0))
    v = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out(call(v.sendto, b"datagram", u.getsockname()), call(u.recv, 100))


@scenario
def other_spellings_of_the_address(out):
    l = listener(socket.AF_INET6, "::")
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::ffff:127.0.0.1"),
                            (socket.AF_INET, "0.0.0.0")):
        c = socket.socket(family)
        c.connect((address, PORT))
        s, _ = l.accept()
        out(call(c.send, b"hello"), call(s.recv, 10), call(s.send, b"there"), call(c.recv, 10))
        c.close()
        s.close()
    l.close()


def main():
    wanted = sys.argv[2:]
    for function in SCENARIOS:
        if wanted and function.__name__ not in wanted:
            continue
        try:
            function(lambda *values: print(json.dumps([function.__name__, *values]), flush=True))
        except Exception as e:
            print(json.dumps([function.__name__, "raised", repr(e)]), flush=True)


main()
