"""Keys, certificates and requests by python3-cryptography, and a reader of what comes back."""

import datetime
import hashlib
import ipaddress
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

MARBLE_TYPE_OID = x509.ObjectIdentifier("1.3.9903.2.1")


def make_key(curve=ec.SECP256R1):
    return ec.generate_private_key(curve())


def _name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def self_signed(key, common_name="marble", extensions=()):
    return _sign(key, _name(common_name), _name(common_name), key, extensions)


def issued(key, common_name, issuer, issuer_key, extensions=()):
    return _sign(key, _name(common_name), issuer.subject, issuer_key, extensions)


def _sign(key, subject, issuer, issuer_key, extensions):
    now = datetime.datetime.utcnow()
    builder = (x509.CertificateBuilder().subject_name(subject)
               .issuer_name(issuer).public_key(key.public_key())
               .serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(minutes=5))
               .not_valid_after(now + datetime.timedelta(days=1)))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def trusting(*pems):
    """A client's TLS context. From Python 3.13 on it would demand extensions of certificates that no other client
    does."""
    context = ssl.create_default_context(cadata="".join(p if isinstance(p, str) else p.decode() for p in pems))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def general_name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def request(key, names, common_name="marble", extensions=()):
    """A PKCS#10 request in DER."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(common_name))
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([general_name(n) for n in names]), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def der(certificate):
    return certificate.public_bytes(serialization.Encoding.DER)


def pem(thing):
    """PEM of a certificate or of a private key (PKCS#8)."""
    if hasattr(thing, "private_bytes"):
        return thing.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption())
    return thing.public_bytes(serialization.Encoding.PEM)


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def split_pem(text):
    """The certificates of a PEM text, in order."""
    text = text.decode() if isinstance(text, bytes) else text
    end = "-----END CERTIFICATE-----\n"
    parts = text.split(end)
    assert parts[-1] == "", "something behind the last certificate"
    return [x509.load_pem_x509_certificate((part + end).encode()) for part in parts[:-1]]


def common_name(certificate):
    return certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value


def extension(certificate, kind):
    return certificate.extensions.get_extension_for_class(kind).value


def names(certificate):
    """DNS names and addresses as text."""
    found = extension(certificate, x509.SubjectAlternativeName)
    return ([str(n) for n in found.get_values_for_type(x509.DNSName)] +
            [str(n) for n in found.get_values_for_type(x509.IPAddress)])


def public_der(key_or_certificate):
    key = key_or_certificate.public_key()
    return key.public_bytes(serialization.Encoding.DER,
                            serialization.PublicFormat.SubjectPublicKeyInfo)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()
