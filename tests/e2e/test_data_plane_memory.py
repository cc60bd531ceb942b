"""Where the keys of a program with the data plane lie in its memory."""

import base64
import os
import re
import socket
import ssl

import pytest

from mesh.world import PYTHON

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into the memory of programs")

# It says who holds the connection: itself, or a child by fork.
SERVER = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("ready", flush=True)
while True:
    peer, _ = listener.accept()
    peer.recv(100)
    if sys.argv[2] == "child" and os.fork():
        peer.close()
        continue
    peer.sendall(b"%d" % os.getpid())
    peer.recv(100)
    peer.sendall(b"done")
    peer.close()
"""
# What services have: no right to lock as much as they want, and the usual limit.
AS_SERVICES = ["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock", "prlimit", "--memlock=8388608:8388608"]


def mappings(pid):
    """(first, end, flags) of what may be read."""
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as smaps:
        for line in smaps:
            at = re.match(r"([0-9a-f]+)-([0-9a-f]+) (r\S*)", line)
            if at:
                first, end = int(at.group(1), 16), int(at.group(2), 16)
            elif re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                first = None
            elif line.startswith("VmFlags:") and first is not None:
                yield first, end, line.split()[1:]


def places(pid, needle):
    """The flags of each mapping in which it is found."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for first, end, flags in mappings(pid):
            if end - first > 1 << 28:
                step = [(at, min(at + (1 << 24), end)) for at in range(first, end, 1 << 24)]
            else:
                step = [(first, end)]
            for begin, stop in step:
                try:
                    memory.seek(begin)
                    if needle in memory.read(stop - begin):
                        found.append(flags)
                except (OSError, ValueError, OverflowError):
                    pass
    return found


@pytest.mark.parametrize("holder", ["itself", "child"])
def test_keys_are_locked_and_not_dumped(world, holder):
    world.start(world.incoming(), *AS_SERVICES, PYTHON, "-c", SERVER, world.port, holder, ready="ready")
    log = world.folder / "secrets"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    certificate, key, ca = world.files("peer", world.client)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(ca)
    context.keylog_filename = str(log)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", world.port)), server_hostname="localhost") as peer:
        peer.sendall(b"who")
        pid = int(peer.recv(100))
        secrets = [bytes.fromhex(line.split()[2]) for line in log.read_text().splitlines()
                   if line.split()[0] in ("CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0")]
        text = "".join(world.server[1].splitlines()[1:-1])
        scalar = base64.b64decode(text)[36:68]  # of a PKCS#8 P-256 key
        assert len(secrets) == 2
        for what, needle in (("traffic secret", secrets[0]), ("traffic secret", secrets[1]), ("key", text[64:104].encode()),
                             ("key", scalar[::-1])):
            found = places(pid, needle)
            assert found or what != "traffic secret", what
            for flags in found:
                assert "dd" in flags, f"{what} in a core file"
                assert "lo" in flags, f"{what} in swap"
        peer.sendall(b"go on")
        assert peer.recv(100) == b"done"
