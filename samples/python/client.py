#!/usr/bin/python3
"""guest: says a line to the greeter and prints the answer. Usage: client.py HOST PORT LINE"""

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
    host, port, line = sys.argv[1:]
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        with tls_context(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(connection, server_hostname=host) as tls:
            tls.sendall(f"{line}\n".encode())
            print(f"{peer_uuid(tls)} said: {tls.recv(8192).decode()}", end="")
            with contextlib.suppress(OSError):  # the greeter may be gone already
                tls.unwrap()


main()
