"""The mesh's certificates, as OpenSSL, GnuTLS and NSS see them."""

import datetime
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from mesh import certificates


@pytest.fixture
def issued(mesh, workspace):
    """Files with everything that one activation shows of the authority."""
    mesh.set()
    marble = mesh.marble(names=["backend.mesh.example", "localhost", "192.0.2.7"])
    granted = marble.activate("app")
    return Issued(mesh, workspace, marble, granted)


class Issued:
    def __init__(self, mesh, workspace, marble, granted):
        self.mesh, self.workspace, self.marble, self.granted = mesh, workspace, marble, granted
        chain = certificates.split_pem(mesh.coordinator.get("/api/v2/quote").data["cert"])
        self.intermediate, self.root = chain
        self.leaf, self.presented_intermediate = granted.chain
        self.marble_root, = certificates.split_pem(granted.env["MARBLE_PREDEFINED_ROOT_CA"])
        self.coordinator_root, = certificates.split_pem(
            granted.env["MARBLE_PREDEFINED_COORDINATOR_ROOT_CA"])

    def file(self, name, *chain):
        return self.workspace.write(name, b"".join(certificates.pem(c) for c in chain))


def test_chain_presented_is_leaf_then_intermediate(issued):
    assert issued.presented_intermediate == issued.intermediate
    assert issued.coordinator_root == issued.root


def test_leaf(issued):
    leaf = issued.leaf
    assert certificates.common_name(leaf) == issued.marble.uuid
    assert certificates.names(leaf) == ["backend.mesh.example", "localhost", "192.0.2.7"]
    assert leaf.extensions.get_extension_for_oid(
        certificates.MARBLE_TYPE_OID).value.value == b"app", "raw bytes of the type"
    usages = set(certificates.extension(leaf, x509.ExtendedKeyUsage))
    assert usages == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    try:
        assert not certificates.extension(leaf, x509.BasicConstraints).ca
    except x509.ExtensionNotFound:
        pass
    usage = certificates.extension(leaf, x509.KeyUsage)
    assert usage.digital_signature and not usage.key_cert_sign
    assert leaf.issuer == issued.intermediate.subject


def test_leaf_has_a_fresh_key_and_serial(issued):
    again = issued.marble.activate("app")
    keys = {certificates.public_der(c) for c in (issued.leaf, again.leaf, issued.marble.certificate)}
    assert len(keys) == 3
    assert issued.leaf.serial_number != again.leaf.serial_number
    from cryptography.hazmat.primitives import serialization
    private = serialization.load_pem_private_key(issued.granted.private_key, None)
    assert certificates.public_der(private) == certificates.public_der(issued.leaf)
    assert b"BEGIN PRIVATE KEY" in issued.granted.private_key, "PKCS#8"


def test_marble_root_is_the_intermediate_signed_by_itself(issued):
    assert certificates.public_der(issued.marble_root) == certificates.public_der(issued.intermediate)
    assert issued.marble_root.issuer == issued.marble_root.subject == issued.intermediate.subject
    assert certificates.common_name(issued.intermediate) == "MarbleRun Coordinator - Intermediate CA"
    assert issued.intermediate.issuer == issued.root.subject
    for authority in (issued.root, issued.intermediate, issued.marble_root):
        constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical and constraints.value.ca
        assert certificates.extension(authority, x509.KeyUsage).key_cert_sign
        now = datetime.datetime.utcnow()
        assert authority.not_valid_before <= now < authority.not_valid_after


def test_openssl_verifies_both_paths(issued):
    leaf = issued.file("leaf.pem", issued.leaf)
    intermediate = issued.file("intermediate.pem", issued.intermediate)
    root = issued.file("root.pem", issued.root)
    marble_root = issued.file("marble_root.pem", issued.marble_root)
    verify = ["openssl", "verify", "-x509_strict", "-no-CApath", "-no-CAstore"]
    for purpose in ("sslserver", "sslclient"):
        checked = [*verify, "-purpose", purpose]
        issued.workspace.run([*checked, "-CAfile", marble_root, leaf])
        issued.workspace.run([*checked, "-CAfile", root, "-untrusted", intermediate, leaf])
    issued.workspace.run([*verify, "-CAfile", root, "-verify_hostname", "backend.mesh.example",
                          "-untrusted", intermediate, leaf])
    refused = issued.workspace.run([*verify, "-CAfile", root, leaf], check=False)
    assert refused.returncode != 0, "without the intermediate there is no path to the root"


def test_gnutls_verifies_both_paths(issued):
    marble_root = issued.file("marble_root.pem", issued.marble_root)
    leaf = issued.file("leaf.pem", issued.leaf)
    root = issued.file("root.pem", issued.root)
    presented = issued.file("chain.pem", issued.leaf, issued.intermediate)
    for authority, chain in ((marble_root, leaf), (root, presented)):
        done = issued.workspace.run(["certtool", "--verify", "--load-ca-certificate", authority,
                                     "--verify-hostname", "backend.mesh.example",
                                     "--infile", chain])
        assert b"Chain verification output: Verified" in done.stdout


@pytest.mark.parametrize("path", ["to the marble root", "to the root"])
def test_nss_verifies_both_paths(issued, path):
    workspace, database = issued.workspace, issued.workspace.folder / "nss"
    database.mkdir()
    certutil = ["certutil", "-d", f"sql:{database}"]
    workspace.run([*certutil, "-N", "--empty-password"])
    if path == "to the root":
        trusted = issued.root
        workspace.run([*certutil, "-A", "-n", "between", "-t", ",,", "-i",
                       issued.file("i.pem", issued.intermediate)])
    else:
        trusted = issued.marble_root
    workspace.run([*certutil, "-A", "-n", "ca", "-t", "CT,,", "-i", issued.file("ca.pem", trusted)])
    workspace.run([*certutil, "-A", "-n", "leaf", "-t", ",,", "-i",
                   issued.file("leaf.pem", issued.leaf)])
    for usage in "VC":  # a TLS server, a TLS client
        done = workspace.run([*certutil, "-V", "-n", "leaf", "-u", usage, "-e"])
        assert b"certificate is valid" in done.stdout


def test_marbles_talk_to_each_other_over_mutual_tls(issued, workspace):
    """A server by OpenSSL and a client by curl, each with what the coordinator gave it."""
    environment = issued.granted.env
    chain = workspace.write("s.chain", environment["MARBLE_PREDEFINED_MARBLE_CERTIFICATE_CHAIN"])
    ca = workspace.write("s.ca", environment["MARBLE_PREDEFINED_ROOT_CA"])
    key = workspace.write("s.key", environment["MARBLE_PREDEFINED_PRIVATE_KEY"])
    workspace.allow_secrets_in(key)
    server = workspace.start("server", ["openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert",
                                        chain, "-cert_chain", chain, "-key", key, "-CAfile", ca,
                                        "-Verify", "1", "-verify_return_error"])
    port = server.wait_for(lambda log: re.search(r"ACCEPT .*:(\d+)", log)).group(1)
    client = ["curl", "-sS", "--cacert", ca, "--connect-to", f"::127.0.0.1:{port}",
              f"https://backend.mesh.example:{port}/"]
    done = workspace.run([*client, "--cert", chain, "--key", key])
    assert b"Protocol" in done.stdout
    assert workspace.run(client, check=False).returncode != 0, "without a certificate"
    server.kill()


def test_certificate_key_type_of_the_manifest(mesh):
    mesh.set(Config={"KeyType": "P-384"})
    granted = mesh.activate()
    for certificate in (granted.leaf, *certificates.split_pem(granted.env["MARBLE_PREDEFINED_ROOT_CA"])):
        assert isinstance(certificate.public_key().curve, ec.SECP384R1)


def test_sans_are_those_of_the_request(mesh):
    mesh.set()
    for names in ((), ("*.mesh.example",), ("127.0.0.1", "::1", "a.b")):
        granted = mesh.marble(names=names).activate("app")
        try:
            assert sorted(certificates.names(granted.leaf)) == sorted(names)
        except x509.ExtensionNotFound:
            assert names == ()


def test_request_decides_nothing_but_names(mesh):
    """ATTACKS: identity taken from the client's words."""
    mesh.set({"app": {}, "other": {}})
    marble = mesh.marble()
    extensions = [
        x509.UnrecognizedExtension(certificates.MARBLE_TYPE_OID, b"other"),
        x509.BasicConstraints(ca=True, path_length=None),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]),
    ]
    csr = certificates.request(marble.key, ["localhost"], "another-uuid", extensions)
    leaf = marble.activate("app", CSR=csr).leaf
    assert certificates.common_name(leaf) == marble.uuid
    of_type = [e for e in leaf.extensions if e.oid == certificates.MARBLE_TYPE_OID]
    assert [e.value.value for e in of_type] == [b"app"]
    usages = set(certificates.extension(leaf, x509.ExtendedKeyUsage))
    assert ExtendedKeyUsageOID.CODE_SIGNING not in usages
    try:
        assert not certificates.extension(leaf, x509.BasicConstraints).ca
    except x509.ExtensionNotFound:
        pass
