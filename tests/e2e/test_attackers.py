"""Somebody between: it ends TLS with a key of its own and passes everything on, evidence included."""

import concurrent.futures
import http.server
import json
import ssl
import threading

import grpc
import pytest
from cryptography import x509

from mesh import certificates
from mesh.command_line import Cli
from mesh.coordinator import Coordinator
from mesh.launcher import Launcher, policy_file
from mesh.marble import Marble, services


class Identity:
    """A mesh's authority in everything but its key and its evidence: root, intermediate, marble root."""

    def __init__(self):
        self.root_key, self.key = certificates.make_key(), certificates.make_key()
        extensions = [x509.BasicConstraints(ca=True, path_length=None),
                      x509.SubjectAlternativeName([x509.DNSName("localhost")])]
        name = "MarbleRun Coordinator"
        self.root = certificates.self_signed(self.root_key, name, extensions)
        self.intermediate = certificates.issued(self.key, name + " - Intermediate CA", self.root,
                                                self.root_key, extensions)
        self.marble_root = certificates.self_signed(self.key, name + " - Intermediate CA", extensions)

    @property
    def chain(self):
        return certificates.pem(self.intermediate) + certificates.pem(self.root)


class HttpRelay:
    """In front of the client API; `change` may alter what passes."""

    def __init__(self, workspace, coordinator, change=lambda path, body: body):
        relay = self
        self.coordinator, self.seen = coordinator, []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
                relay.seen.append((self.command, self.path))
                reply = coordinator.request(self.command, self.path, body)
                answer = change(self.path, reply.body)
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = pass_on

            def log_message(self, *arguments):
                pass

        self.identity = Identity()
        path = workspace.write("relay.pem", certificates.pem(self.identity.root_key) +
                               certificates.pem(self.identity.root))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.client_address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class GrpcRelay(services.MarbleServicer):
    """In front of the marble API, as a marble towards the coordinator."""

    def __init__(self, coordinator, program, own_chain=False):
        self.coordinator, self.own_chain, self.seen, self.given = coordinator, own_chain, [], []
        self.me = Marble(coordinator, program)
        self.identity = Identity()
        credentials = grpc.ssl_server_credentials([(certificates.pem(self.identity.key),
                                                    certificates.pem(self.identity.marble_root))])
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        services.add_MarbleServicer_to_server(self, self.server)
        self.marble_address = f"127.0.0.1:{self.server.add_secure_port('127.0.0.1:0', credentials)}"
        self.server.start()

    def pass_on(self, name, request, context):
        self.seen.append(name)
        try:
            with self.me.channel() as channel:
                return getattr(services.MarbleStub(channel), name)(request, timeout=20)
        except grpc.RpcError as refused:
            context.abort(refused.code(), refused.details())

    def Activate(self, request, context):
        answer = self.pass_on("Activate", request, context)
        self.given.append(answer)
        return answer

    def Attest(self, request, context):
        answer = self.pass_on("Attest", request, context)
        if self.own_chain:
            answer.CertificateChain = self.identity.chain
        return answer

    def close(self):
        self.server.stop(0).wait()


@pytest.fixture
def closing():
    opened = []
    yield lambda thing: opened.append(thing) or thing
    for thing in opened:
        thing.close()


def test_relay_in_front_of_the_client_api(workspace, coordinator, platform, closing):
    cli = Cli(workspace, coordinator, platform)
    relay = closing(HttpRelay(workspace, coordinator))
    refused = cli.trusting("manifest", "set", cli.manifest(), check=False, coordinator=relay)
    assert refused.returncode == 1 and b"between" in refused.stderr
    assert ("POST", "/api/v2/manifest") not in relay.seen
    assert coordinator.state == 2 and not cli.kept.exists()


def test_relay_that_puts_its_own_certificates_into_the_answer(workspace, coordinator, platform, closing):
    """They fit the connection, but the evidence is over others."""
    cli = Cli(workspace, coordinator, platform)

    def change(path, body):
        answer = json.loads(body)
        if "cert" in (answer["data"] or {}):
            answer["data"]["cert"] = relay.identity.chain.decode()
        return json.dumps(answer).encode()

    relay = closing(HttpRelay(workspace, coordinator, change))
    refused = cli.trusting("status", check=False, coordinator=relay)
    assert refused.returncode == 1 and b"evidence is genuine, but not for this root" in refused.stderr
    assert ("GET", "/api/v2/status") not in relay.seen and not cli.kept.exists()


def test_answers_of_yesterday(workspace, coordinator, platform, closing):
    """A replayed statement does not hold the nonce of today."""
    cli = Cli(workspace, coordinator, platform)
    old = coordinator.get("/api/v2/quote?nonce=AAAA").data["quote"]

    def change(path, body):
        answer = json.loads(body)
        if "quote" in (answer["data"] or {}):
            answer["data"]["quote"] = old
        return json.dumps(answer).encode()

    relay = closing(HttpRelay(workspace, coordinator, change))
    refused = cli.trusting("status", check=False, coordinator=relay)
    assert refused.returncode == 1 and not cli.kept.exists()


def test_relay_in_front_of_the_marble_api_is_seen_by_a_marble_with_a_policy(workspace, coordinator,
                                                                            platform, closing):
    launcher = Launcher(workspace, coordinator, platform)
    launcher.set_manifest()
    for own_chain, why in ((False, "between"), (True, "not for this root")):
        relay = closing(GrpcRelay(coordinator, launcher.program, own_chain))
        launcher.refused(why, EDG_MARBLE_COORDINATOR_ADDR=relay.marble_address,
                         EDG_MARBLE_COORDINATOR_POLICY=policy_file(workspace, platform))
        assert "Activate" not in relay.seen, "the marble said something about itself"


def test_relay_gets_nothing_from_the_coordinator(workspace, coordinator, platform, closing):
    """A marble without a policy talks to anybody, but its evidence is good on its own connection only."""
    launcher = Launcher(workspace, coordinator, platform)
    launcher.set_manifest()
    relay = closing(GrpcRelay(coordinator, launcher.program))
    launcher.refused(EDG_MARBLE_COORDINATOR_ADDR=relay.marble_address)
    assert relay.given == []
    assert not any(e["event"] == "marble activated" for e in coordinator.events())


def test_a_coordinator_of_the_same_program_is_another_one(workspace, platform):
    """Verified and used are the same keys: the kept chain refuses a second, equally genuine mesh."""
    first, second = Coordinator(workspace, platform), Coordinator(workspace, platform)
    cli = Cli(workspace, first, platform)
    cli.trusting("manifest", "set", cli.manifest())
    cli.run("status", first.client_address)
    refused = cli.run("status", second.client_address, check=False)
    assert refused.returncode == 1 and b"certificate" in refused.stderr


def test_host_offers_a_coordinator_that_is_no_enclave(workspace, coordinator, platform):
    """OE_SIMULATION=1 on the other side: whoever asks for evidence gets none and goes away."""
    plain = Coordinator(workspace)
    cli = Cli(workspace, plain, platform)
    refused = cli.trusting("manifest", "set", cli.manifest(), check=False)
    assert refused.returncode == 1 and b"evidence" in refused.stderr
    assert plain.state == 2
