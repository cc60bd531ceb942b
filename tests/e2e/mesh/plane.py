"""The data plane without a coordinator: certificates as the mesh issues them, programs started with them."""
import datetime
import ipaddress
import json
import os

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

MARBLE_TYPE = ObjectIdentifier("1.3.9903.2.1")
NAMES = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
         x509.IPAddress(ipaddress.ip_address("::1"))]


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def pem_of_key(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()).decode()


def _builder(subject, issuer, key, days=(-1, 365)):
    now = datetime.datetime.utcnow()
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1])))


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """A marble root that issues certificates as the coordinator does."""

    def __init__(self, name="MarbleRun Coordinator - Intermediate CA"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = _name(name)
        self.certificate = (_builder(self.name, self.name, self.key)
                            .add_extension(x509.BasicConstraints(True, None), True)
                            .sign(self.key, hashes.SHA256()))
        self.pem = pem(self.certificate)

    def issue(self, marble_type="server", names=None, uuid="00000000-0000-0000-0000-000000000001", days=(-1, 365)):
        """(chain PEM, key PEM) for a marble."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(uuid), self.name, key, days)
        builder = builder.add_extension(x509.SubjectAlternativeName(NAMES if names is None else names), False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH,
                                                               ExtendedKeyUsageOID.CLIENT_AUTH]), False)
        builder = builder.add_extension(x509.BasicConstraints(False, None), True)
        if marble_type is not None:
            builder = builder.add_extension(x509.UnrecognizedExtension(MARBLE_TYPE, marble_type.encode()), False)
        return pem(builder.sign(self.key, hashes.SHA256())), pem_of_key(key)


def entry(authority, credentials, **more):
    return dict(cacrt=authority.pem, clicrt=credentials[0], clikey=credentials[1], **more)


def config(folder, name, outgoing=None, incoming=None, **more):
    """Writes what MARBLE_TTLS_CONFIG would hold; returns the path."""
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"tls": dict(Outgoing=outgoing or {}, Incoming=incoming or {}, **more)}, f)
    return path
