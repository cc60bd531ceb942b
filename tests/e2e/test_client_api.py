"""The client API, version 1 and 2, to the letter of the public contract."""

import base64
import hashlib
import json
import re

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from mesh import certificates, manifests

QUOTE_REPORT_DATA = slice(48 + 320, 48 + 384)  # header, then the report body's last 64 bytes


def report_data(quote):
    assert quote[:2] == b"\3\0", "an SGX quote of version 3 is expected"
    return quote[QUOTE_REPORT_DATA]


def assert_success(reply):
    assert reply.status == 200, reply.body
    assert reply.headers["Content-Type"] == "application/json"
    assert set(reply.json) == {"status", "data"}
    assert reply.json["status"] == "success"
    return reply.data


def assert_failure(reply, status, kind):
    assert reply.status == status, reply.body
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.json["status"] == kind
    assert reply.json["data"] is None
    assert reply.message
    return reply.message


def verify_manifest_signature(certificate, signature, text):
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(signature, text, ec.ECDSA(hashes.SHA256()))


def test_states_go_from_accepting_a_manifest_to_accepting_marbles(mesh):
    before = assert_success(mesh.coordinator.get("/api/v2/status"))
    assert set(before) == {"code", "message"} and before["code"] == 2
    assert "manifest" in before["message"]
    mesh.set()
    after = assert_success(mesh.coordinator.get("/api/v2/status"))
    assert after["code"] == 3 and after["message"] != before["message"]


def test_status_of_version_1(mesh):
    data = assert_success(mesh.coordinator.get("/status"))
    assert set(data) == {"StatusCode", "StatusMessage"}
    assert data["StatusCode"] == 2
    assert data["StatusMessage"] == mesh.coordinator.get("/api/v2/status").data["message"]


def test_manifest_is_served_as_uploaded_with_signature_and_fingerprint(mesh):
    package = manifests.by_id(mesh.platform.measure(mesh.program))
    text = json.dumps(manifests.simple(package), indent=7).encode() + b"\n \n"
    assert mesh.coordinator.set_manifest(text) == {"RecoverySecrets": None}
    data = assert_success(mesh.coordinator.get("/api/v2/manifest"))
    assert set(data) == {"manifestSignatureRootECDSA", "manifestFingerprint", "manifest"}
    assert base64.b64decode(data["manifest"], validate=True) == text
    assert data["manifestFingerprint"] == hashlib.sha256(text).hexdigest()
    verify_manifest_signature(mesh.coordinator.root_certificate,
                              base64.b64decode(data["manifestSignatureRootECDSA"]), text)


def test_manifest_of_version_1(mesh):
    empty = assert_success(mesh.coordinator.get("/manifest"))
    assert empty == {"ManifestSignatureRootECDSA": None, "ManifestSignature": "", "Manifest": None}
    package = manifests.by_id(mesh.platform.measure(mesh.program))
    text = json.dumps(manifests.simple(package)).encode()
    assert assert_success(mesh.coordinator.request("POST", "/manifest", text)) is None
    data = assert_success(mesh.coordinator.get("/manifest"))
    assert base64.b64decode(data["Manifest"]) == text
    assert data["ManifestSignature"] == hashlib.sha256(text).hexdigest()
    verify_manifest_signature(mesh.coordinator.root_certificate,
                              base64.b64decode(data["ManifestSignatureRootECDSA"]), text)


def test_recovery_secrets_go_to_the_owners_of_the_keys(mesh):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    keys = {name: rsa.generate_private_key(65537, 2048) for name in ("alice", "bob")}
    public = {name: key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        for name, key in keys.items()}
    data = mesh.set(RecoveryKeys=public)
    assert set(data["RecoverySecrets"]) == {"alice", "bob"}
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    shares = [keys[name].decrypt(base64.b64decode(secret), oaep)
              for name, secret in data["RecoverySecrets"].items()]
    assert [len(s) for s in shares] == [32, 32] and shares[0] != shares[1]
    for share in shares:
        mesh.coordinator.workspace.secrets.add("recovery share", share)


@pytest.mark.parametrize("path", ["/api/v2/manifest", "/manifest"])
def test_a_second_manifest_is_refused_and_changes_nothing(mesh, path):
    mesh.set()
    before = mesh.coordinator.get("/api/v2/manifest").body
    other = json.dumps(manifests.simple({"UniqueID": "00" * 32}, {"other": {}})).encode()
    if path == "/manifest":
        reply = mesh.coordinator.request("POST", path, other)
    else:
        reply = mesh.coordinator.post_manifest(other)
    assert reply.status >= 400 and "state" in reply.message
    assert mesh.coordinator.get("/api/v2/manifest").body == before
    assert mesh.coordinator.state == 3


def test_manifest_is_refused_to_readers_before_it_is_set(coordinator):
    message = coordinator.get("/api/v2/manifest").message
    assert "manifest" in message


def test_quote_binds_the_root_certificate_that_serves_the_connection(coordinator):
    data = assert_success(coordinator.get("/api/v2/quote"))
    assert {"cert", "quote"} <= set(data)
    intermediate, root = certificates.split_pem(data["cert"])
    assert certificates.der(root) == certificates.der(coordinator.root_certificate)
    assert certificates.common_name(intermediate) == "MarbleRun Coordinator - Intermediate CA"
    expected = certificates.sha256(certificates.der(root))
    assert report_data(base64.b64decode(data["quote"]))[:32] == expected
    assert assert_success(coordinator.get("/api/v2/quote"))["quote"] == data["quote"], "cached"


@pytest.mark.parametrize("size", [1, 16, 32, 64, 1000])
def test_quote_binds_the_nonce(coordinator, size):
    nonce = bytes((7 * i + 251) % 256 for i in range(size))
    query = base64.urlsafe_b64encode(nonce).decode()
    for text in (query, query.replace("=", "%3D").replace("-", "%2D")):
        data = assert_success(coordinator.get(f"/api/v2/quote?nonce={text}"))
        expected = certificates.sha256(certificates.der(coordinator.root_certificate), nonce)
        assert report_data(base64.b64decode(data["quote"]))[:32] == expected


@pytest.mark.parametrize("text", ["*", "abcde", "a+/=", "%", "AAAA%00", "A" * 4 + "%0A%0D!"])
def test_a_nonce_that_is_none_is_refused(coordinator, text):
    message = assert_failure(coordinator.get(f"/api/v2/quote?nonce={text}"), 400, "fail")
    assert "nonce" in message or "query" in message


def test_quote_of_version_1_knows_no_nonce(coordinator):
    data = assert_success(coordinator.get("/quote?nonce=AAAA"))
    assert set(data) == {"Cert", "Quote"}
    assert data["Quote"] == coordinator.get("/api/v2/quote").data["quote"]


def test_quote_stays_and_chain_stays_when_the_manifest_is_set(mesh):
    before = mesh.coordinator.get("/api/v2/quote").data
    mesh.set()
    assert mesh.coordinator.get("/api/v2/quote").data == before


@pytest.mark.parametrize("method,path", [
    ("POST", "/api/v2/status"), ("PUT", "/api/v2/manifest"), ("DELETE", "/api/v2/manifest"),
    ("POST", "/api/v2/quote"), ("PATCH", "/status"), ("POST", "/quote")])
def test_wrong_method(coordinator, method, path):
    assert_failure(coordinator.request(method, path), 405, "error")


@pytest.mark.parametrize("path", ["/", "/api/v2", "/api/v2/status/", "/api/v2/../v2/status",
                                  "/api/v3/status", "/api/v2/%73tatus", "//status"])
def test_unknown_endpoint(coordinator, path):
    assert_failure(coordinator.get(path), 404, "error")


@pytest.mark.parametrize("body,names", [
    (b"", "request body"), (b"{", "request body"), (b"[]", "manifest"), (b"{}", "manifest"),
    (b'{"manifest": 7}', "manifest"), (b'{"manifest": "!"}', "manifest"),
    (b'{"manifest": "e30="} x', "request body"), (b'{"manifest":"e30=","manifest":"e30="}', "request body"),
    (b"[" * 100000, "request body"), (b'{"manifest": "\xff\xfe"}', "request body"),
    (base64.b64encode(b"{}"), "request body")])
def test_a_body_that_holds_no_manifest_is_refused(coordinator, body, names):
    message = assert_failure(coordinator.post("/api/v2/manifest", body), 400, "fail")
    assert names in message
    assert coordinator.state == 2


def test_curl_and_nghttp_and_openssl_are_served(coordinator, workspace):
    """Clients that nobody here wrote; the root as CA, names and addresses of the certificate."""
    root = workspace.write("root.pem", coordinator.root)
    for host in ("localhost", "127.0.0.1", "[::1]"):
        for version in ("--http1.1", "--http2"):
            done = workspace.run(["curl", "-sS", version, "--cacert", root, "--connect-to",
                                  f"::127.0.0.1:{coordinator.client_port}",
                                  f"https://{host}:{coordinator.client_port}/api/v2/status"])
            assert json.loads(done.stdout)["data"]["code"] == 2
    url = f"https://127.0.0.1:{coordinator.client_port}/api/v2/status"
    done = workspace.run(["nghttp", "--no-verify-peer", "-v", url])
    assert b":status: 200" in done.stdout and b'"code":2' in done.stdout
    for version in ("-tls1_2", "-tls1_3"):
        done = workspace.run(["openssl", "s_client", "-connect", f"127.0.0.1:{coordinator.client_port}",
                              "-CAfile", root, "-verify_return_error", version, "-servername",
                              "localhost", "-verify_hostname", "localhost"], input=b"")
        assert b"Verify return code: 0 (ok)" in done.stdout
    workspace.run(["openssl", "s_client", "-connect", f"127.0.0.1:{coordinator.client_port}",
                   "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], input=b"", check=1)


def test_names_of_the_certificates_come_from_the_configuration(workspace, platform):
    from mesh.coordinator import Coordinator
    started = Coordinator(workspace, platform,
                          EDG_COORDINATOR_DNS_NAMES="mesh.example, 192.0.2.7,2001:db8::1")
    root = started.root_certificate
    expected = {"mesh.example", "192.0.2.7", "2001:db8::1", "127.0.0.1", "::1"}
    assert set(certificates.names(root)) == expected
    intermediate, _ = certificates.split_pem(started.get_insecurely("/api/v2/quote").data["cert"])
    assert set(certificates.names(intermediate)) == expected


def test_a_client_certificate_is_asked_for_but_not_demanded(coordinator, workspace):
    done = workspace.run(["openssl", "s_client", "-connect", f"127.0.0.1:{coordinator.client_port}",
                          "-tls1_3"], input=b"", check=False)
    assert re.search(rb"Requested Signature Algorithms|Acceptable client certificate CA|"
                     rb"Client Certificate Types|No client certificate CA names sent", done.stdout)


def test_ids_of_root_are_new_in_every_deployment(workspace, platform):
    from mesh.coordinator import Coordinator
    first, second = Coordinator(workspace, platform), Coordinator(workspace, platform)
    assert first.root_certificate.serial_number != second.root_certificate.serial_number
    assert certificates.public_der(first.root_certificate) != certificates.public_der(
        second.root_certificate)


def test_root_certificate(coordinator):
    root = coordinator.root_certificate
    assert certificates.common_name(root) == "MarbleRun Coordinator"
    assert root.issuer == root.subject
    assert certificates.extension(root, x509.BasicConstraints).ca
    assert root.public_key().curve.name == "secp256r1"
