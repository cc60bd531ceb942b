"""Users of a coordinator: keys and certificates in files and in PKCS#11 tokens."""

import datetime
import json
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mesh import certificates

KINDS = {
    "rsa-2048": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-4096": lambda: rsa.generate_private_key(65537, 4096),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}


def _certificate(key, name, days=1):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.utcnow()
    first, last = sorted((now - datetime.timedelta(hours=1), now + datetime.timedelta(days=days)))
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(first).not_valid_after(last)
            .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()))


class User:
    """`days` below zero: the certificate ended that long ago."""

    def __init__(self, workspace, name, kind="p256", days=1):
        self.workspace, self.name = workspace, name
        self.key = KINDS[kind]()
        self.certificate = _certificate(self.key, name, days)
        self.pem = certificates.pem(self.certificate).decode()
        self.certificate_file = workspace.write(f"{name}.crt", self.pem)
        self.key_file = workspace.write(f"{name}.key", certificates.pem(self.key))
        workspace.secrets.add_pem(f"key of {name}", certificates.pem(self.key))
        workspace.allow_secrets_in(self.key_file)

    @property
    def flags(self):
        return ["--cert", self.certificate_file, "--key", self.key_file]

    @property
    def der(self):
        return certificates.der(self.certificate)


class Token:
    """A SoftHSM token with its own store."""

    MODULE = next((p for p in (pathlib.Path("/usr/lib/softhsm/libsofthsm2.so"),
                               pathlib.Path("/usr/lib64/softhsm/libsofthsm2.so")) if p.exists()), None)

    def __init__(self, workspace, label="mesh", pin="a-pin-of-12-digits"):
        self.workspace, self.label, self.pin = workspace, label, pin
        store = workspace.folder / f"token-{label}"
        store.mkdir()
        conf = workspace.write(f"softhsm2-{label}.conf", f"directories.tokendir = {store}\nlog.level = ERROR\n")
        self.environment = {"SOFTHSM2_CONF": conf}
        self._util("--init-token", "--free", "--label", label, "--so-pin", "so-pin-unused")
        workspace.secrets.add("PIN", pin)
        self.config = self.configure(f"token-{label}.json", Pin=pin)
        workspace.allow_secrets_in(self.config)

    def configure(self, name, **members):
        whole = {"Path": str(self.MODULE), "TokenLabel": self.label, **members}
        return self.workspace.write(name, json.dumps({k: v for k, v in whole.items() if v is not None}))

    def _util(self, *arguments):
        self.workspace.run(["softhsm2-util", *arguments, "--pin", self.pin], **self.environment)

    def put(self, user, label, identifier="a1"):
        """The user's key and certificate."""
        self.put_key(user.key, label, identifier)
        der = self.workspace.write(f"{label}.der", user.der)
        self.workspace.run(["pkcs11-tool", "--module", self.MODULE, "--token-label", self.label, "--login",
                            "--pin", "env:TOKEN_PIN", "--write-object", der, "--type", "cert", "--label",
                            label, "--id", identifier], TOKEN_PIN=self.pin, **self.environment)

    def put_key(self, key, label, identifier="a1"):
        file = self.workspace.write(f"import-{label}.pem", certificates.pem(key))
        self._util("--import", file, "--token", self.label, "--label", label, "--id", identifier)
        file.unlink()


def public_pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM,
                                         serialization.PublicFormat.SubjectPublicKeyInfo).decode()
