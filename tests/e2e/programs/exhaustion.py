"""What a program sees when it has no descriptors left, and afterwards. With the data plane it prints what it prints without.

usage: exhaustion.py PORT
"""
import errno
import os
import resource
import socket
import sys

ADDRESS = ("127.0.0.1", int(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))


def failure(function, *arguments):
    try:
        return repr(function(*arguments))
    except OSError as e:
        return errno.errorcode[e.errno]


def fill(listener):
    """Pairs, until there are no more."""
    pairs, alone = [], []
    while True:
        try:
            client = socket.socket()
            alone.append(client)
            client.connect(ADDRESS)
            server, _ = listener.accept()
        except OSError as e:
            return pairs, alone, errno.errorcode[e.errno]
        pairs.append((alone.pop(), server))


def talk(pairs):
    for i, (client, server) in enumerate(pairs):
        client.sendall(b"question %d" % i)
        server.sendall(server.recv(100)[::-1])
    return [client.recv(100) for client, _ in pairs] == [(b"question %d" % i)[::-1] for i in range(len(pairs))]


def main():
    listener = socket.create_server(ADDRESS, backlog=100)
    for _ in range(3):
        pairs, alone, why = fill(listener)
        print(len(pairs), len(alone), why, talk(pairs))
        print(failure(socket.socket), failure(listener.accept), failure(pairs[0][0].dup), failure(os.dup2, 0, 100))
        for client, server in pairs[::2]:
            client.sendall(b"the last")
            client.close()
            print(server.recv(100), server.recv(100))
            server.close()
        print(talk(pairs[1::2]))
        for s in [s for pair in pairs[1::2] for s in pair] + alone:
            s.close()
        listener.setblocking(False)
        while True:
            try:
                listener.accept()[0].close()  # of those that were alone
            except BlockingIOError:
                break
        listener.setblocking(True)


main()
