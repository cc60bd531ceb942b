#!/usr/bin/python3
"""greeter: answers each line of a marble with its UUID and the line. Usage: server.py PORT"""

import contextlib
import os
import socket
import ssl
import sys


def memory_file(content):
    """ssl reads certificates and keys from files only: this one is in memory and nobody else's."""
    descriptor = os.memfd_create("marble", os.MFD_CLOEXEC)
    os.write(descriptor, content.encode())
    return descriptor


def tls_context(protocol):
    """TLS 1.3 with the marble's certificate; nobody is trusted but the marbles of this mesh."""
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=os.environ["MARBLE_PREDEFINED_ROOT_CA"])
    chain = memory_file(os.environ["MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN"])
    key = memory_file(os.environ["MARBLE_PREDEFINED_PRIVATE_KEY"])
    try:
        context.load_cert_chain(f"/proc/self/fd/{chain}", f"/proc/self/fd/{key}")
    finally:
        os.close(chain)
        os.close(key)
    return context


def peer_uuid(connection):
    """Which marble it is: the common name of its verified certificate."""
    subject = connection.getpeercert()["subject"]
    return next(value for part in subject for name, value in part if name == "commonName")


def main():
    context = tls_context(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # a resumed session would not show its certificate again
    with socket.create_server(("", int(sys.argv[1]))) as listener:
        print(f"listening on port {listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            connection.settimeout(10)
            try:
                with context.wrap_socket(connection, server_side=True) as tls:
                    line = tls.recv(1024).decode().split("\n")[0]
                    tls.sendall(f"hello {peer_uuid(tls)}: {line}\n".encode())
                    print(f"greeted {peer_uuid(tls)}", flush=True)
                    with contextlib.suppress(OSError):  # the guest may be gone already
                        tls.unwrap()
            except OSError as problem:  # ssl.SSLError is one
                print(f"refused: {problem}", flush=True)


main()
