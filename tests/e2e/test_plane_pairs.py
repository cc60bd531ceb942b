"""Debian's servers and clients, of which one side or both have the data plane; the other one has OpenSSL: its own, or
socat's, which then stands between."""

import pytest

from mesh.servers import SERVICES
from mesh.world import free_port


SOCAT = ["socat", "-t30", "-b65536"]  # waits for the other half; large blocks


def relay_to_tls(world, port, own):
    """For clients without TLS."""
    front = free_port()
    with world.listening_on(front):
        world.start(None, *SOCAT, f"TCP-LISTEN:{front},bind=127.0.0.1,reuseaddr,fork,backlog=100",
                    f"OPENSSL:localhost:{port},pf=ip4,cert={own[0]},key={own[1]},cafile={own[2]}", name="to-tls")
    return front


def relay_from_tls(world, port, own):
    """For servers without TLS."""
    behind = free_port()
    with world.listening_on(port):
        world.start(None, *SOCAT, f"OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,backlog=100,"
                    f"cert={own[0]},key={own[1]},cafile={own[2]},verify=1", f"TCP4:127.0.0.1:{behind}", name="from-tls")
    return behind


def runner(world, config):
    return lambda *command, **options: world.run(config, *command, **options)


def server_of(world, service, kind):
    if kind == "data plane":
        service.start(world, world.port, world.incoming(allowedMarbles=["client"]))
    elif service.own_server:
        service.start(world, world.port, None, world.files("server", world.server))
    else:
        service.start(world, relay_from_tls(world, world.port, world.files("server", world.server)), None)


def ask(world, service, kind):
    files = world.files("client", world.client)
    if kind == "data plane":
        service.ask(runner(world, world.outgoing(address="127.0.0.1", expectedMarbles=["server"])), world.port)
    elif service.own_client:
        service.ask(runner(world, None), world.port, files)
    else:
        service.ask(runner(world, None), relay_to_tls(world, world.port, files))


def pairs():
    for name, service in SERVICES.items():
        yield name, "data plane", "data plane"
        yield name, "OpenSSL", "data plane"
        yield name, "data plane", "OpenSSL"


@pytest.mark.parametrize("name, server, client", pairs())
def test_pairs(world, name, server, client):
    server_of(world, SERVICES[name], server)
    ask(world, SERVICES[name], client)
