"""A marble by Debian's python3-grpcio: its own certificate, its own request, no code of ours."""

import pathlib
import socket
import ssl
import subprocess
import struct
import sys
import tempfile
import uuid

import grpc
from cryptography.hazmat.primitives.asymmetric import ec

from mesh import certificates

_PROTO = pathlib.Path(__file__).resolve().parents[3] / "proto"


def _generate():
    folder = tempfile.mkdtemp(prefix="rpc-")
    subprocess.run([sys.executable, "-m", "grpc_tools.protoc", f"-I{_PROTO}",
                    f"--python_out={folder}", f"--grpc_python_out={folder}", "rpc.proto"], check=True)
    sys.path.insert(0, folder)
    try:
        import rpc_pb2
        import rpc_pb2_grpc
    finally:
        sys.path.remove(folder)
        for path in pathlib.Path(folder).rglob("*"):
            if path.is_file():
                path.unlink()
    return rpc_pb2, rpc_pb2_grpc


messages, services = _generate()


def open_enclave(quote):
    """The 16 bytes that Open Enclave puts before a quote: version 1, type 2, size."""
    return struct.pack("<IIQ", 1, 2, len(quote)) + quote


def server_certificate(port):
    """What the marble API serves with, as any marble sees it first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        with context.wrap_socket(plain) as tls:
            return ssl.DER_cert_to_PEM_cert(tls.getpeercert(True)).encode()


class Activation:
    """What the coordinator granted."""

    def __init__(self, response):
        self.files = dict(response.Parameters.Files)
        self.env = dict(response.Parameters.Env)
        self.argv = list(response.Parameters.Argv)
        self.state_mark = response.StateMark

    @property
    def chain(self):
        return certificates.split_pem(self.env["MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN"])

    @property
    def leaf(self):
        return self.chain[0]

    @property
    def private_key(self):
        return self.env["MARBLE_PREDEFINED_PRIVATE_KEY"]


class Marble:
    def __init__(self, coordinator, program=None, curve=ec.SECP256R1, names=("localhost",)):
        self.coordinator = coordinator
        self.program = program
        self.key = certificates.make_key(curve)
        self.certificate = certificates.self_signed(self.key)
        self.csr = certificates.request(self.key, names)
        self.uuid = str(uuid.uuid4())

    def report_data(self):
        return certificates.sha256(certificates.der(self.certificate)) + bytes(32)

    def quote(self):
        if not self.coordinator.platform:
            return b""
        return self.coordinator.platform.quote(self.program, self.report_data())

    def channel(self):
        root = server_certificate(self.coordinator.marble_port)
        credentials = grpc.ssl_channel_credentials(root, certificates.pem(self.key),
                                                   certificates.pem(self.certificate))
        options = [("grpc.max_receive_message_length", 64 << 20),
                   ("grpc.use_local_subchannel_pool", 1),
                   ("grpc.enable_http_proxy", 0)]
        return grpc.secure_channel(f"127.0.0.1:{self.coordinator.marble_port}", credentials, options)

    def request(self, marble_type, **changes):
        values = {"MarbleType": marble_type, "UUID": self.uuid, "CSR": self.csr}
        values.update(changes)
        if "Quote" not in values:
            values["Quote"] = self.quote()
        return messages.ActivationReq(**values)

    def send(self, request, timeout=40):
        """grpc.RpcError when refused."""
        with self.channel() as channel:
            stub = services.MarbleStub(channel)
            granted = Activation(stub.Activate(request, timeout=timeout))
        secrets = self.coordinator.workspace.secrets
        secrets.add_pem("private key of a marble", granted.private_key)
        return granted

    def activate(self, marble_type, timeout=40, **changes):
        return self.send(self.request(marble_type, **changes), timeout)

    def attest(self, nonce, timeout=20):
        with self.channel() as channel:
            return services.MarbleStub(channel).Attest(messages.AttestReq(Nonce=nonce),
                                                       timeout=timeout)
