"""Sends back what comes, until the end, and then says the end itself. It knows nothing of TLS, unless it is told.

usage: echo_server.py threads|processes|asyncio|select|poll|edges PORT [CERTIFICATE KEY ROOT]
"""
import asyncio
import select
import selectors
import socket
import socketserver
import ssl
import sys

HOW, PORT, *TLS = sys.argv[1:]
ADDRESS = ("127.0.0.1", int(PORT))
PIECE, WAITING_MAX = 1 << 16, 1 << 20


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(TLS[0], TLS[1])
    made.load_verify_locations(TLS[2])
    made.verify_mode = ssl.CERT_REQUIRED
    return made


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        """With TLS of its own in the connection's thread: nobody else waits for a handshake."""
        try:
            stream = context().wrap_socket(self.request, server_side=True) if TLS else self.request
            while data := stream.recv(PIECE):
                stream.sendall(data)
            if TLS:
                stream.unwrap()
        except OSError:
            pass


class Threads(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size = True, True, 1000


class Processes(socketserver.ForkingTCPServer):
    allow_reuse_address, max_children, request_queue_size = True, 100, 1000


async def echo(reader, writer):
    try:
        while data := await reader.read(PIECE):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
    except OSError:
        writer.close()


async def serve():
    server = await asyncio.start_server(echo, *ADDRESS, backlog=1000)
    print("ready", flush=True)
    await server.serve_forever()


class Conversation:
    """One connection of a loop around select or poll."""

    def __init__(self, connection):
        self.socket, self.waiting, self.ended = connection, bytearray(), False

    def step(self, events):
        """What to wait for next; 0: it is over."""
        if events & selectors.EVENT_READ:
            data = self.socket.recv(PIECE)
            self.waiting += data
            self.ended = not data
        if self.waiting:
            try:
                del self.waiting[:self.socket.send(self.waiting)]
            except BlockingIOError:
                pass
        reading = selectors.EVENT_READ if not self.ended and len(self.waiting) < WAITING_MAX else 0
        return reading | (selectors.EVENT_WRITE if self.waiting else 0)


def loop(selector):
    listener = socket.create_server(ADDRESS, backlog=1000)
    selector.register(listener, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, events in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setblocking(False)
                selector.register(connection, selectors.EVENT_READ, Conversation(connection))
                continue
            try:
                wanted = key.data.step(events)
            except BlockingIOError:
                continue
            except OSError:
                wanted = 0
            if wanted:
                selector.modify(key.fileobj, wanted, key.data)
            else:
                selector.unregister(key.fileobj)
                key.fileobj.close()


class EdgeConversation(Conversation):
    """One that is called when something has changed, and then goes on until nothing more can be done."""

    def receive(self):
        if self.ended or len(self.waiting) >= WAITING_MAX:
            return False
        data = self.socket.recv(PIECE)
        self.waiting += data
        self.ended = not data
        return True

    def send(self):
        if not self.waiting:
            return False
        del self.waiting[:self.socket.send(self.waiting)]
        return True

    def run(self):
        """Is it over?"""
        while any([self.try_to(self.receive), self.try_to(self.send)]):
            pass
        return self.ended and not self.waiting

    def try_to(self, move):
        try:
            return move()
        except BlockingIOError:
            return False


def edges():
    listener, epoll, conversations = socket.create_server(ADDRESS, backlog=1000), select.epoll(), {}
    epoll.register(listener, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for fd, _ in epoll.poll():
            if fd == listener.fileno():
                connection, _ = listener.accept()
                connection.setblocking(False)
                conversations[connection.fileno()] = EdgeConversation(connection)
                epoll.register(connection, select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET)
                continue
            try:
                over = conversations[fd].run()
            except OSError:
                over = True
            if over:
                conversations.pop(fd).socket.close()


def main():
    if HOW == "asyncio":
        asyncio.run(serve())
    elif HOW == "edges":
        edges()
    elif HOW in ("select", "poll"):
        loop(selectors.SelectSelector() if HOW == "select" else selectors.PollSelector())
    else:
        with (Threads if HOW == "threads" else Processes)(ADDRESS, Echo) as server:
            print("ready", flush=True)
            server.serve_forever(0.05)


main()
