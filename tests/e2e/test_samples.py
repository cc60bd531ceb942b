"""The samples, and with them libmarblerun from outside: built against what is installed, in a mesh."""

import socket
import ssl

import pytest

from mesh.coordinator import Coordinator
from mesh.samples import Samples
from mesh.user import User


@pytest.fixture
def samples(workspace, coordinator, platform, installed):
    return Samples(workspace, coordinator, platform, installed)


@pytest.fixture
def in_c(samples):
    samples.add("c")
    samples.set()
    return samples


@pytest.mark.parametrize("launcher", [True, False], ids=["launched", "by itself"])
def test_in_c(in_c, launcher):
    server = in_c.serve("c", launcher)
    said = in_c.greet("c", server.port, launcher=launcher)
    assert said == (f"greeter {in_c.uuid('greeter')} said: hello guest {in_c.uuid('guest')}: a line\n")
    assert f"greeted guest {in_c.uuid('guest')}" in server.log()
    environment = open(f"/proc/{server.pid}/environ", "rb").read()
    assert b"BEGIN PRIVATE KEY" not in environment, "the sample forgets its key"


@pytest.mark.parametrize("language", ["python", "node"])
def test_through_the_environment(samples, language):
    samples.add(language)
    samples.set()
    server = samples.serve(language)
    assert samples.greet(language, server.port) == \
        f"{samples.uuid('greeter')} said: hello {samples.uuid('guest')}: a line\n"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        anonymous_hello(server.port)
    server.wait_for(lambda log: "refused" in log)


def anonymous_hello(port, certificate=None):
    """A client that trusts everybody, without a certificate or with a foreign one."""
    context = ssl._create_unverified_context()
    if certificate:
        context.load_cert_chain(certificate.cert_file, certificate.key_file)
    with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as connection:
        with context.wrap_socket(connection) as tls:
            tls.sendall(b"a line\n")
            answer = tls.recv(1000)
            if not answer:
                raise ConnectionError("closed")
            return answer


def test_they_speak_with_each_other(samples):
    """Servers and clients of all three languages are marbles of one mesh."""
    for language in ("python", "node", "c"):
        samples.add(language)
        for name, package in (("greeter", "server"), ("guest", "client")):
            samples.manifest["Marbles"][f"{language}-{name}"] = {"Package": f"{language}-{package}"}
    samples.set()
    server = samples.serve("c")
    for language in ("python", "node"):
        refused = samples.greet(language, server.port, f"{language}-guest", check=False)
        assert "hello" not in refused
        server.wait_for(lambda log: f'of type "{language}-guest", not of "guest"' in log)
    for language in ("python", "node"):
        other = samples.serve(language, marble_type=f"{language}-greeter")
        assert f'of type "{language}-greeter", not of "greeter"' in samples.greet("c", other.port, check=1)
    python = samples.serve("python", marble_type="python-greeter")
    assert samples.uuid("python-greeter") in samples.greet("node", python.port, "node-guest")


def test_a_marble_of_the_wrong_type_is_refused(in_c):
    server = in_c.serve("c")
    assert "the server refused" in in_c.greet("c", server.port, "stranger", check=1)
    server.wait_for(lambda log: 'refused: the peer is a marble of type "stranger", not of "guest"' in log)
    assert "greeted" not in server.log()
    in_c.greet("c", server.port)


def test_foreign_certificates_are_refused(in_c, workspace):
    server = in_c.serve("c")
    mallory = User(workspace.folder, "mallory")
    for certificate in (None, mallory):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            anonymous_hello(server.port, certificate)
    server.wait_for(lambda log: "no mutual TLS" in log and "refused: the peer's certificate" in log)
    assert "greeted" not in server.log()


def test_a_server_with_another_name_is_refused(in_c):
    server = in_c.serve("c")
    assert "hello" in in_c.greet("c", server.port, host="127.0.0.1"), "localhost has this address, too"
    other = in_c.workspace.start("other", in_c.argv("c", "server", 0),
                                 **in_c.environment("greeter", EDG_MARBLE_DNS_NAMES="elsewhere.example"))
    port = other.wait_for(lambda log: "port " in log and log.split("port ")[1].split("\n")[0])
    assert "mismatch" in in_c.greet("c", port, check=1)
    assert "mismatch" in in_c.greet("c", port, check=1, host="127.0.0.1")


def test_servers_of_another_mesh_are_refused(in_c, workspace, platform):
    """The same programs under the same manifest, but another coordinator."""
    other = Coordinator(workspace, platform)
    other.set_manifest(in_c.manifest)
    server = in_c.serve("c")
    refused = in_c.greet("c", server.port, check=1, EDG_MARBLE_COORDINATOR_ADDR=other.marble_address)
    assert "the peer's certificate" in refused
    assert "greeted" not in server.log()
    assert other.process.stop() == 0


def test_a_silent_client_does_not_end_the_server(in_c):
    server = in_c.serve("c")
    socket.create_connection(("127.0.0.1", int(server.port))).close()
    assert "hello" in in_c.greet("c", server.port)


def test_no_marble(in_c, workspace):
    done = workspace.run(in_c.argv("c", "client", "localhost", 1, "x", launcher=False), check=1,
                         LD_LIBRARY_PATH=in_c.installed.libraries)
    assert b"no marble: neither has marblerun-premain started it" in done.stderr
    done = workspace.run(in_c.argv("c", "client", "localhost", 1, "x", launcher=False), check=1,
                         **in_c.environment("guest", MARBLE_PREDEFINED_ROOT_CA=""))
    assert b"MARBLE_PREDEFINED_ROOT_CA" in done.stderr, "half a launcher's result is no reason to activate"


PLAIN_SERVER = """#!/usr/bin/python3
import socket, sys
with socket.create_server(("", int(sys.argv[1]))) as listener:
    print("listening on port", sys.argv[1], flush=True)
    while True:
        connection, _ = listener.accept()
        try:
            connection.sendall(b"plainly: " + connection.recv(1000))
        except OSError:
            pass
        connection.close()
"""


def test_with_a_program_that_knows_nothing(samples, workspace):
    """The data plane at one end, the library at the other."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    samples.add("c")
    plain = workspace.write("plain", PLAIN_SERVER, 0o700)
    samples.manifest["Packages"]["plain"] = {"UniqueID": samples.platform.measure(plain)["UniqueID"]}
    samples.manifest["Marbles"]["greeter"] = {"Package": "plain", "TLS": ["guests"]}
    samples.manifest["TLS"] = {"guests": {"Incoming": [{"Port": str(port), "AllowedMarbles": ["guest"]}]}}
    samples.set()
    server = workspace.start("plain", [workspace.binaries.premain, plain, port], **samples.environment("greeter"))
    server.wait_for(lambda log: "listening" in log)
    assert samples.greet("c", port) == f"greeter {samples.uuid('greeter')} said: plainly: a line\n"
    assert "the server refused" in samples.greet("c", port, "stranger", check=1)


def count(samples, coordinator, launcher=True, check=True):
    done = samples.workspace.run(
        samples.argv("c", "counter", "boots", launcher=launcher), check=check,
        **samples.environment("counter", EDG_COORDINATOR_CLIENT_ADDR=coordinator.client_address,
                              EDG_MARBLE_COORDINATOR_ADDR=coordinator.marble_address))
    return done.stdout.decode().strip() or done.stderr.decode()


def test_counters_count_across_a_restart(workspace, platform, installed):
    folder = workspace.new_folder("state")
    first = Coordinator(workspace, platform, EDG_COORDINATOR_SEAL_DIR=folder)
    samples = Samples(workspace, first, platform, installed)
    samples.add("c")
    samples.set()
    assert [count(samples, first), count(samples, first, launcher=False)] == ["0", "1"]
    assert first.process.stop() == 0
    second = Coordinator(workspace, platform, EDG_COORDINATOR_SEAL_DIR=folder)
    assert [count(samples, second), count(samples, second)] == ["2", "3"]
    assert second.process.stop() == 0


def test_counters_are_refused_with_a_reason(samples, workspace, platform):
    samples.add("c")
    del samples.manifest["Config"]
    samples.set()
    assert "MonotonicCounter" in count(samples, samples.coordinator, check=1)
    other = Coordinator(workspace, platform)
    samples.coordinator, other = other, samples.coordinator
    samples.coordinator.set_manifest(dict(samples.manifest, Config={"FeatureGates": ["MonotonicCounter"]}))
    done = workspace.run(samples.argv("c", "counter", "boots"), check=1,
                         **samples.environment("counter", EDG_COORDINATOR_CLIENT_ADDR=other.client_address))
    assert b"another certificate" in done.stderr, "that coordinator is not of the marble's mesh"
    done = workspace.run(samples.argv("c", "counter", "boots"), check=1, **samples.environment("counter"))
    assert b"EDG_COORDINATOR_CLIENT_ADDR" in done.stderr
    assert samples.coordinator.process.stop() == 0
