"""Short sessions of a client and a server in one process, whose connections something in between may cut. Prints for each
what both saw: "whole", or the error that ended it. What must not be: other data, or less that looks whole.

usage: sessions.py blocking|asyncio SERVER_PORT CLIENT_PORT COUNT
"""
import asyncio
import errno
import json
import queue
import socket
import sys
import threading

HOW, SERVER, CLIENT, COUNT = sys.argv[1], *map(int, sys.argv[2:])
QUESTIONS = [b"question %d; " % i + bytes(range(i * 20)) for i in range(3)]
ANSWERS = [b"answer %d; " % i + bytes(range(255, 255 - i * 20, -1)) for i in range(3)]


class Blocking:
    """What one side does, with calls that wait."""

    def __init__(self, s):
        self.socket = s

    async def send(self, data):
        self.socket.sendall(data)

    async def receive(self, size):
        return self.socket.recv(size)

    async def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    async def close(self):
        self.socket.close()


class Streams:
    """The same with an event loop."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self, size):
        return await self.reader.read(size)

    async def end(self):
        self.writer.write_eof()

    async def close(self):
        self.writer.close()


async def expect(side, message):
    """Piece by piece: each has to be right."""
    got = b""
    while len(got) < len(message):
        part = await side.receive(len(message) - len(got))
        if not part:
            raise AssertionError("truncated")
        got += part
        if not message.startswith(got):
            raise AssertionError("wrong")


async def outcome(side, conversation):
    try:
        await conversation(side)
        return "whole"
    except OSError as e:
        lost = errno.ECONNRESET if isinstance(e, ConnectionResetError) else None  # asyncio's own has no number
        return errno.errorcode.get(e.errno or lost, repr(e))
    except AssertionError as e:
        return str(e)
    finally:
        await side.close()


async def ask(side):
    for question, answer in zip(QUESTIONS, ANSWERS):
        await side.send(question)
        await expect(side, answer)
    await side.end()
    if await side.receive(1):
        raise AssertionError("wrong")


async def serve(side):
    for question, answer in zip(QUESTIONS, ANSWERS):
        await expect(side, question)
        await side.send(answer)
    if await side.receive(1):
        raise AssertionError("wrong")


def say(client, server):
    print(json.dumps([client, server]), flush=True)


def blocking():
    listener, served = socket.create_server(("127.0.0.1", SERVER)), queue.Queue()

    def server():
        for _ in range(COUNT):
            served.put(asyncio.run(outcome(Blocking(listener.accept()[0]), serve)))

    threading.Thread(target=server, daemon=True).start()
    for _ in range(COUNT):
        client = asyncio.run(outcome(Blocking(socket.create_connection(("127.0.0.1", CLIENT))), ask))
        say(client, served.get())


async def with_loop():
    served = asyncio.Queue()

    async def accepted(reader, writer):
        await served.put(await outcome(Streams(reader, writer), serve))

    await asyncio.start_server(accepted, "127.0.0.1", SERVER)
    for _ in range(COUNT):
        try:
            client = await outcome(Streams(*await asyncio.open_connection("127.0.0.1", CLIENT)), ask)
        except ConnectionResetError:  # cut before the loop has asked whether it is connected
            client = "ECONNRESET"
        say(client, await served.get())


if HOW == "blocking":
    blocking()
else:
    asyncio.run(with_loop())
