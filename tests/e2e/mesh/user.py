"""A user of the manifest: a key, a self-signed certificate, and connections that show it."""

import base64
import datetime
import http.client
import json
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from mesh.coordinator import Reply

KEYS = {
    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa4096": lambda: rsa.generate_private_key(65537, 4096),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


class User:
    def __init__(self, folder, name, kind="p256", days=(-1, 1)):
        self.name = name
        self.key = KEYS[kind]()
        now = datetime.datetime.utcnow()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        digest = None if kind == "ed25519" else hashes.SHA256()
        self.certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1])).sign(self.key, digest))
        self.cert_file, self.key_file = folder / f"{name}.crt", folder / f"{name}.key"
        self.cert_file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        self.key_file.write_bytes(self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))

    @property
    def flags(self):
        """For the command line."""
        return ["--cert", self.cert_file, "--key", self.key_file]

    @property
    def der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)

    def entry(self, *roles):
        """As it stands in a manifest."""
        return {"Certificate": self.cert_file.read_text(), "Roles": list(roles)}

    def request(self, coordinator, method, path, body=None):
        context = ssl.create_default_context(cadata=coordinator.root.decode())
        context.load_cert_chain(self.cert_file, self.key_file)
        connection = http.client.HTTPSConnection("127.0.0.1", coordinator.client_port,
                                                 context=context, timeout=60)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        try:
            connection.request(method, path, body)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, coordinator, path):
        return self.request(coordinator, "GET", path)

    def post(self, coordinator, path, body):
        return self.request(coordinator, "POST", path, body)

    def post_manifest(self, coordinator, path, manifest):
        text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        return self.post(coordinator, path, {"manifest": base64.b64encode(text).decode()})
